"""The order of the keys in a unit's file, as the schema has them."""

from __future__ import annotations

from functools import cache

from reconciler.config.schema.schemas import schema

_DEFINITIONS = {"connector": "connector", "dataset": "dataset", "datasets": "dataset"}


@cache
def order_below(section: str = "") -> tuple[str, ...]:
    """Return the keys of a section of a unit's file in their order; those at the top of the file without one."""
    unit = schema("unit")
    return tuple((unit["$defs"][_DEFINITIONS[section]] if section else unit)["properties"])
