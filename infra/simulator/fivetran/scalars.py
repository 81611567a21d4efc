"""Numbers and booleans that a request sends as text, as Fivetran reads them.

Fivetran's own command line creates connections with `"sync_frequency": "360"`. The API takes such a text for the
value that it spells, stores that value and answers it with its type.
"""

from __future__ import annotations

import re
from typing import Any

_BOOLEANS = {"true": True, "false": False}
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")


def typed(kind: str, value: Any) -> Any:
    """Return what a text spells for a field of kind `int`, `number` or `bool`; any other value as it is."""
    if not isinstance(value, str):
        return value
    if kind == "bool":
        return _BOOLEANS.get(value.lower(), value)
    if kind in ("int", "number") and _INTEGER.fullmatch(value):
        return int(value)
    if kind == "number" and _NUMBER.fullmatch(value):
        return float(value)
    return value
