"""Today's date, the one input that no file holds: everything that depends on it takes it from here."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime

from reconciler.model.errors import ReconcilerError

#: An ISO date (2026-12-31) in place of the clock's: for rehearsals of what a later run will do.
VARIABLE = "RECONCILER_TODAY"


def today() -> date:
    """The day that a run takes for today, in UTC. Raises `ReconcilerError` when the variable holds no date."""
    said = os.environ.get(VARIABLE, "")
    if not said:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise ReconcilerError(f"{VARIABLE} is {said!r}: expected a date such as 2026-12-31") from None
