"""What a unit's file is called."""

from __future__ import annotations

import re
from collections.abc import Container

#: The file that describes the environment itself.
_RESERVED = "environment"


def unit_name(connection_name: str, connection_id: str, taken: Container[str]) -> str:
    """A connection's name in snake_case; with its id where another file is called that."""
    name = re.sub(r"[^a-z0-9]+", "_", connection_name.lower()).strip("_") or connection_id
    return name if name not in taken and name != _RESERVED else f"{name}_{connection_id}"
