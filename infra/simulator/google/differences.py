"""Compare a state with a plan like the bridge under the plugin. Paths are those of the engine's detailed diff."""

from __future__ import annotations

import re
from collections.abc import Mapping

from simulator.google.plugin import UNKNOWN, Change, Kind, is_unknown
from simulator.google.state import Json


def value_changes(path: str, old: Json, new: Json, *, replaces: bool = False) -> dict[str, Change]:
    """Return the difference of two values: maps and blocks by key, others as a whole. None is a missing value."""
    if old == new:
        return {}
    if old is None or new is None or new == UNKNOWN or not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return {path: Change(_kind_of(old, new), replaces)}
    changes: dict[str, Change] = {}
    for key in sorted({*old, *new}):
        at = f'{path}["{key}"]' if re.search(r"[^\w-]", key) else f"{path}.{key}"
        changes |= value_changes(at, old.get(key), new.get(key), replaces=replaces)
    return changes


def map_changes(path: str, old: Json, new: Json) -> dict[str, Change]:
    """Return the difference of two maps. A map with an unknown value counts as unknown."""
    return value_changes(path, old, UNKNOWN if is_unknown(new) else new)


def _kind_of(old: Json, new: Json) -> Kind:
    return Kind.ADD if old is None else Kind.DELETE if new is None else Kind.UPDATE
