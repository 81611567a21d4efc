"""Times as the API writes them."""

from __future__ import annotations

from datetime import datetime


def timestamp(moment: datetime | None) -> str | None:
    """Format a time as ISO 8601 in UTC with microseconds."""
    return None if moment is None else moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
