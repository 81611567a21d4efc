"""`reconciler authorise`: what a person needs to authorise a connection, with a link of its own where a browser can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from reconciler.cli import Exit, foreign_text
from reconciler.cli.environments import LiveGroup, choose, live_group, unit_named
from reconciler.cli.options import environment_option, specs_option
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
    help="Where Fivetran sends the person afterwards.",
)
@click.argument("unit")
def authorise(specs: Path, environment: str | None, redirect_uri: str, unit: str) -> int:
    """Print a link under which a person, without a Fivetran login, authorises the connection of a UNIT.

    The link is a secret and valid for a day: it stands alone on stdout, once, and is kept nowhere. Each call makes a
    new one. What else the person may need, on stderr: the page in Fivetran, the service account to share things with,
    the public key to install. For a service that needs nobody's consent that is all there is, and no link is made. For
    a connection that works there is nothing to do: a link to it asks for consent again.

    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET of a role that may change connections. Exit codes: 0 done, 2 wrong
    usage, 3 Fivetran failed.
    """
    if not redirect_uri.startswith(("https://", "http://")):
        raise click.BadParameter("expected a URL that starts with https://", param_hint="--redirect-uri")
    chosen = choose(specs, environment)
    wanted = unit_named(chosen.fleet, unit)
    connector = wanted.connector
    assert connector is not None  # noqa: S101 (`unit_named` answers no other)
    with live_group(chosen.environment) as live:
        found = live.of(wanted)
        if found is None:
            raise ReconcilerError(
                f"{wanted.file}: Fivetran has no such connection yet: {commands.up(chosen.environment.name)} makes it, "
                "and reports it as awaited"
            )
        connection = live.client.get_connection(found.id)
        works = connection.setup_state == "connected"
        told = [] if works else list(_to_know(live, wanted, connection))
        by_link = _takes_consent(connector)
        link = live.client.connect_card(connection.id, redirect_uri=redirect_uri) if by_link else None
    state = "is connected already: nobody has to do anything" if works else "is not connected yet"
    click.echo(f"{wanted.name} ({connection.id}, {connector.service}) {state}.", err=True)
    for name, value in told:
        click.echo(f"  {name}: {printable(value)}", err=True)
    if link is None:
        click.echo(f"No link: {connector.service} needs nobody's consent in a browser.", err=True)
        return Exit.FINE
    if works:
        click.echo("The link asks for consent again, which takes the place of the one that was given.", err=True)
    click.echo(
        "Whoever has this link can set the connection up, for a day: send it to that person alone. It is not kept.",
        err=True,
    )
    click.echo(link)
    return Exit.FINE


def _takes_consent(connector: Connector) -> bool:
    """Whether a person may authorise such a connection in a browser; of a service that is not known it is taken to."""
    service = catalog.find(connector.service)
    return service is None or service.needs_consent(connector.config, has_auth=False)


def _to_know(live: LiveGroup, unit: Unit, connection: Connection) -> Iterator[tuple[str, str]]:
    """What the person may need on the other side."""
    yield "set-up page", f"{_DASHBOARD}/connections/{connection.id}/setup"
    yield "Fivetran's service account", live.client.group_service_account(live.group.id)
    yield "Fivetran's public key", live.client.group_public_key(live.group.id)
    for key, value in _handed_over(connection.service, connection.config):
        yield key, foreign_text.made_by_fivetran(unit, value)
    for task in foreign_text.masked_tasks(unit, connection):
        code, _, text = task.partition(": ")
        yield f"task {code}", text


def _handed_over(service: str, config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What Fivetran has made for this connection: the read-only values of its config."""
    known = catalog.find(service)
    for key in sorted(known.readonly_keys) if known else ():
        value = config.get(key)
        if isinstance(value, str) and value:
            yield key, value
