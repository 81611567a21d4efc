"""Read numbers and booleans that a request has as text, as Fivetran does, and write times as it does.

Fivetran's command line creates connections with `"sync_frequency": "360"`. The API stores the number and returns it as
a number.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

_BOOLEANS = {"true": True, "false": False}
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")


def typed(kind: str, value: Any) -> Any:
    """Return the value of a text for a field of kind `int`, `number` or `bool`; other values unchanged."""
    if not isinstance(value, str):
        return value
    if kind == "bool":
        return _BOOLEANS.get(value.lower(), value)
    if kind in ("int", "number") and _INTEGER.fullmatch(value):
        return int(value)
    if kind == "number" and _NUMBER.fullmatch(value):
        return float(value)
    return value


def timestamp(moment: datetime | None) -> str | None:
    """Format a time as ISO 8601 in UTC with microseconds."""
    return None if moment is None else moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
