"""`reconciler authorise`: print what a user needs to authorise a connection, with a link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from reconciler.cli import Exit, masked_output
from reconciler.cli.environments import LiveGroup, find_unit, live_group, select_environment
from reconciler.cli.options import environment_option, specs_option
from reconciler.cli.output import print_note, print_text
from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection
from reconciler.model import Connector, Unit, commands
from reconciler.model.errors import ReconcilerError, printable

_DASHBOARD = "https://fivetran.com/dashboard"


@click.command()
@specs_option
@environment_option
@click.option(
    "--redirect-uri",
    metavar="URL",
    default=_DASHBOARD,
    show_default=True,
    help="The page to which Fivetran sends the user afterwards.",
)
@click.argument("unit")
def authorise(specs: Path, environment: str | None, redirect_uri: str, unit: str) -> int:
    """Print a link with which a user without a Fivetran login authorises the connection of a UNIT.

    The link is a secret and valid for a day. It is printed alone on stdout and stored nowhere; each call creates a new
    one. On stderr is what else the user may need: the setup page, Fivetran's service account, the public key to
    install. A service that needs no consent gets no link. For a connected connection the new consent replaces
    the present one.

    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET of a role that may change connections.

    Exit codes: 0 done; 1 the files have problems; 2 wrong usage; 3 Fivetran failed.
    """
    if not redirect_uri.startswith(("https://", "http://")):
        raise click.BadParameter("expected a URL that starts with https://", param_hint="--redirect-uri")
    selected = select_environment(specs, environment)
    wanted = find_unit(selected.fleet, unit)
    connector = wanted.connector
    assert connector is not None  # noqa: S101 (`find_unit` returns no other)
    with live_group(selected.environment) as live:
        found = live.find_connection(wanted)
        if found is None:
            raise ReconcilerError(
                f"{wanted.file}: Fivetran has no such connection yet: run "
                f"{commands.up(selected.environment.name)} to create it"
            )
        connection = live.client.get_connection(found.id)
        works = connection.setup_state == "connected"
        needed = [] if works else list(_needed_for_setup(live, wanted, connection))
        link = None
        if _accepts_consent(connector):
            link = live.client.connect_card(connection.id, redirect_uri=redirect_uri)
    state = "is connected: nothing needs to be done" if works else "is not connected yet"
    print_note(f"{wanted.name} ({connection.id}, {connector.service}) {state}.")
    for name, value in needed:
        print_note(f"  {name}: {printable(value)}")
    if link is None:
        print_note(f"No link: {connector.service} needs no consent in a browser.")
        return Exit.FINE
    if works:
        print_note("The link asks for consent again, which replaces the present consent.")
    print_note("Send this link to one person only: it can set up the connection, for a day. It is not stored.")
    print_text(link)
    return Exit.FINE


def _accepts_consent(connector: Connector) -> bool:
    """Return whether a user can authorise such a connection in a browser.

    Assumed of a service that is not known.
    """
    service = catalog.find(connector.service)
    return service is None or service.needs_consent(connector.config, has_auth=False)


def _needed_for_setup(live: LiveGroup, unit: Unit, connection: Connection) -> Iterator[tuple[str, str]]:
    """Return what the user may need in the source, by name."""
    yield "setup page", f"{_DASHBOARD}/connections/{connection.id}/setup"
    yield "Fivetran's service account", live.client.group_service_account(live.group.id)
    yield "Fivetran's public key", live.client.group_public_key(live.group.id)
    for key, value in _generated_values(connection.service, connection.config):
        yield key, masked_output.mask_generated_value(unit, value)
    for task in masked_output.mask_tasks(unit, connection):
        code, _, text = task.partition(": ")
        yield f"task {code}", text


def _generated_values(service: str, config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Return what Fivetran generated for this connection: the read-only keys of its config."""
    known = catalog.find(service)
    for key in sorted(known.readonly_keys) if known else ():
        value = config.get(key)
        if isinstance(value, str) and value:
            yield key, value
