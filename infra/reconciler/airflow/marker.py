"""Mark the variables that are ours, in their description. Decision 37."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARKER = re.compile(r"\[fivetran-reconciler environment=([a-z0-9][a-z0-9_-]*) connection=([^\s\]]+)\]")
_INTRODUCTION = "The id of a Fivetran connection. Change its YAML file, not this variable."


@dataclass(frozen=True)
class Marker:
    """Which environment owns a variable, and the connection id that was written to it.

    Airflow 3 hides values that look like secrets, so the id is in the marker too.
    """

    environment: str
    connection: str

    def __str__(self) -> str:
        return f"[fivetran-reconciler environment={self.environment} connection={self.connection}]"


def find_marker(description: str) -> Marker | None:
    """Return the marker of a description; None if it has none, or more than one."""
    found = _MARKER.findall(description)
    return Marker(*found[0]) if len(found) == 1 else None


def mark(description: str, marker: Marker) -> str:
    """Return the description with this marker in place of its own. Other text stays."""
    if find_marker(description) is not None:
        return _MARKER.sub(lambda _: str(marker), description)
    return f"{description.rstrip() or _INTRODUCTION} {marker}"
