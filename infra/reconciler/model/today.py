"""Today's date, as all code of a run takes it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime

from reconciler.model.errors import ReconcilerError

#: An ISO date (2026-12-31) instead of the clock's, to rehearse a later run.
VARIABLE = "RECONCILER_TODAY"


def now() -> datetime:
    """Return the time, in UTC. It is the clock's, also in a run for another date."""
    return datetime.now(UTC)


def today() -> date:
    """Return the run's date, in UTC. Raises `ReconcilerError` if the variable has no date."""
    text = os.environ.get(VARIABLE, "")
    if not text:
        return now().date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ReconcilerError(f"{VARIABLE} is {text!r}: expected a date such as 2026-12-31") from None
