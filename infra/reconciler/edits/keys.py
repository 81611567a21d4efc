"""The order of the keys in a unit's file, as the schema has them."""

from __future__ import annotations

from functools import cache

from reconciler.config.schema.schemas import schema

_DEFINITIONS = {"connector": "connector", "dataset": "dataset", "datasets": "dataset"}


@cache
def order_below(section: str = "") -> tuple[str, ...]:
    """Return the order of the keys in a section of a unit's file; without a section, of those at its top."""
    unit = schema("unit")
    return tuple((unit["$defs"][_DEFINITIONS[section]] if section else unit)["properties"])
