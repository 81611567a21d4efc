"""A unit's status with what Fivetran says of it, as a command may show it."""

from __future__ import annotations

from datetime import date

from reconciler.cli import foreign_text
from reconciler.cli.recorded import Recorded
from reconciler.cli.standing import Standing, standing
from reconciler.client import Connection
from reconciler.model import Connector, Unit


def standing_of(
    unit: Unit, connector: Connector, live: Connection | None, today: date, last: Recorded | None
) -> Standing:
    """Return how a unit stands; see `standing`."""
    tasks = () if live is None else foreign_text.masked_tasks(unit, live)
    return standing(unit, connector, live, today, last, tasks=tasks)
