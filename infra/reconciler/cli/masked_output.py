"""Mask what Fivetran, Google and vendors say before a command prints it, or withhold it.

A command resolves no secret in order to mask a text. It knows the API key, and the environment variables that
references name. If a unit has another reference, its texts are withheld, and the message says where to read them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from urllib.parse import quote

import click

from reconciler import secrets
from reconciler.config.places import Places
from reconciler.fivetran.api import Alert, Connection
from reconciler.health.last_run import Recorded
from reconciler.health.unit_status import UnitStatus, unit_status
from reconciler.model import Connector, Environment, Fleet, Unit
from reconciler.model.errors import RemoteError
from reconciler.model.today import now
from reconciler.secrets import KnownValues, known_values, known_values_of_run
from reconciler.secrets.masking import MASK, mask

_DASHBOARD = "https://fivetran.com/dashboard"


#: In the click context: the line of the environment's file that names the GCP project, for Google's errors.
_PROJECT_LINE = "reconciler.project_line"


def declare_values(environment: Environment | None, fleets: Iterable[Fleet], places: Places) -> None:
    """Declare the config and auth of these units as what other people's texts may quote.

    Args:
        environment: The environment whose file Google's errors name, if the command reads only one.
        fleets: Every environment with units that texts may be about.
        places: The lines of the files.
    """
    if environment is not None and (context := click.get_current_context(silent=True)):
        context.meta[_PROJECT_LINE] = places.find(environment.file, "gcp_project")
    units = [unit for fleet in fleets for unit in fleet.units if unit.connector is not None]
    secrets.remember_declared(_values_of(unit) for unit in units)


def format_error(error: Exception) -> str:
    """Return an error's text with the masked message of Fivetran or Google.

    An error of Google's begins with the line of the environment's file that names the project.
    """
    if not isinstance(error, RemoteError):
        return str(error)
    known = known_values_of_run(ask=False)
    text = error.saying(secrets.show(error.unmasked_message, known, speaker=error.speaker))
    context = click.get_current_context(silent=True)
    line = context.meta.get(_PROJECT_LINE) if context and error.speaker == "Google" else None
    return f"{line}: {text}" if line else text


def format_traceback(error: BaseException) -> str:
    """Return the masked traceback of an unexpected error."""
    return secrets.masked_trace(error, known_values_of_run(ask=False))


def mask_google_message(message: str) -> str:
    """Return a message of Google's, masked or withheld."""
    return secrets.show(message, known_values_of_run(ask=False), speaker="Google")


def mask_engine_message(message: str) -> str:
    """Return a message of the Pulumi CLI before it ran the program, masked.

    The CLI knows no secret then that this process does not know, so nothing is withheld.
    """
    return secrets.show(message, replace(known_values_of_run(ask=False), unknown=()), speaker="Pulumi")


def mask_tasks(unit: Unit, live: Connection) -> tuple[str, ...]:
    """Return the tasks that Fivetran lists for a unit's connection, masked or withheld."""
    known = known_values([_values_of(unit)], ask=False)
    return tuple(_mask_task(task, live, known) for task in live.tasks)


def _mask_task(task: Alert, live: Connection, known: KnownValues) -> str:
    code = secrets.show_label(task.code, known)
    if known.unknown and task.message:
        page = dashboard_url(live.id)
        return f"{code or 'a task'}: its text is not shown, because it may quote a secret: see {page}"
    return ": ".join(filter(None, (code, secrets.show(task.message, known))))


def dashboard_url(connection: str) -> str:
    """Return the address of a connection in Fivetran's dashboard."""
    return f"{_DASHBOARD}/connections/{quote(connection, safe='')}/status"


def mask_generated_value(unit: Unit, value: str) -> str:
    """Return a value that Fivetran generated and a person needs elsewhere, such as a public key, masked."""
    known = replace(known_values([_values_of(unit)], ask=False), unknown=())
    return mask(value, known.values) or MASK


def known_secrets() -> frozenset[str]:
    """Return the secret values that this process knows, without those that a file also declares openly."""
    known = known_values_of_run(ask=False)
    return frozenset(value for value in known.values if not known.is_public(value))


def masked_unit_status(
    unit: Unit, connector: Connector, live: Connection | None, today: date, last: Recorded | None
) -> UnitStatus:
    """Return the status of a unit with Fivetran's tasks masked; see `unit_status`."""
    tasks = () if live is None else mask_tasks(unit, live)
    return unit_status(unit, connector, live, today, last, now=now(), tasks=tasks)


def _values_of(unit: Unit) -> dict[str, object]:
    connector = unit.connector
    return {} if connector is None else dict(connector.trees)
