"""Texts of Fivetran, Google and vendors in the output of a command: masked with what is known here, or withheld.

A command reads no secret to mask a text. Known are the API key, and the variables that references name and this
process has. Where a unit has another reference, its texts are withheld, and the page is named where they can be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

from reconciler import secrets
from reconciler.config.places import Places
from reconciler.fivetran.api import Alert, Connection
from reconciler.health.unit_status import Standing, standing
from reconciler.model import Connector, Environment, Fleet, Unit
from reconciler.model.errors import OtherSideFailed
from reconciler.secrets import Known, known_values, known_values_of_run
from reconciler.secrets.masking import MASK, mask
from reconciler.stack.outputs import Recorded

_DASHBOARD = "https://fivetran.com/dashboard"


class _Files:
    """The environment that the command is about; None before one is chosen."""

    environment: Environment | None = None


def use(environment: Environment | None, fleets: Iterable[Fleet]) -> None:
    """Take what these files declare as what texts may quote; errors of Google name the environment's file."""
    _Files.environment = environment
    units = [unit for fleet in fleets for unit in fleet.units if unit.connector is not None]
    secrets.declare(_trees(unit) for unit in units)


def explain(error: Exception) -> str:
    """Return an error's text with what the other side said, masked or withheld, and Google's with the file's line."""
    if not isinstance(error, OtherSideFailed):
        return str(error)
    known = known_values_of_run(ask=False)
    text = error.saying(secrets.show(error.unmasked_message, known, speaker=error.speaker))
    if error.speaker == "Google" and _Files.environment is not None:
        return f"{Places(Path.cwd()).find(_Files.environment.file, 'gcp_project')}: {text}"
    return text


def google_said(message: str) -> str:
    """Return a text of Google's, masked or withheld."""
    return secrets.show(message, known_values_of_run(ask=False), speaker="Google")


def masked_tasks(unit: Unit, live: Connection) -> tuple[str, ...]:
    """Return what Fivetran wants done about a unit's connection, a text a task."""
    known = known_values([_trees(unit)], ask=False)
    return tuple(_task(task, live, known) for task in live.tasks)


def _task(task: Alert, live: Connection, known: Known) -> str:
    code = secrets.show_label(task.code, known)
    if known.unknown and task.message:
        where = f"{_DASHBOARD}/connections/{live.id}/status"
        return f"{code or 'a task'}: its text may quote a secret that is not read here, see {where}"
    return ": ".join(filter(None, (code, secrets.show(task.message, known))))


def made_by_fivetran(unit: Unit, value: str) -> str:
    """Return a value that Fivetran has made for a person to take elsewhere, such as a public key."""
    known = replace(known_values([_trees(unit)], ask=False), unknown=())
    return mask(value, known.values) or MASK


def trace(error: BaseException) -> str:
    """Return where an unexpected error came from, masked."""
    return secrets.trace(error, known_values_of_run(ask=False))


def known_secrets() -> frozenset[str]:
    """Return the values that are known here, but for those that files declare openly as well."""
    known = known_values_of_run(ask=False)
    return frozenset(value for value in known.values if not known.is_public(value))


def _trees(unit: Unit) -> dict[str, object]:
    connector = unit.connector
    return {} if connector is None else {"config": connector.config, "auth": connector.auth}


def standing_of(
    unit: Unit, connector: Connector, live: Connection | None, today: date, last: Recorded | None
) -> Standing:
    """Return how a unit stands; see `standing`."""
    tasks = () if live is None else masked_tasks(unit, live)
    return standing(unit, connector, live, today, last, tasks=tasks)
