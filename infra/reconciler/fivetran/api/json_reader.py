"""Read JSON from Fivetran.

Each function takes any JSON value and returns one type, or None for other values.

Servers differ in which fields they leave out, in null or absent fields, and in numbers or strings of digits. All of
that is accepted; only an answer without an id is an error (`MissingId`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_MOMENT = re.compile(r"[0-9][0-9TZ:.+ -]{0,39}", re.ASCII | re.IGNORECASE)


class MissingId(Exception):
    """The answer has no id. Caught where the request is known, and never shown alone."""


def text(value: object) -> str | None:
    """Read a string, or the digits of a number."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def word(value: object) -> str | None:
    """Read a value of an enumeration in lower case, because the API uses both cases.

    Unknown values are kept.
    """
    found = text(value)
    return found.strip().lower() if found else None


def moment(value: object) -> str | None:
    """Read a time in ISO 8601, unchanged; None for a text with other characters."""
    found = text(value)
    return found if found is not None and _MOMENT.fullmatch(found) else None


def whole(value: object) -> int | None:
    """Read an integer, also from a string or 360.0."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value) if isinstance(value, str) else value
        return int(number) if number == int(number) else None
    except (ValueError, OverflowError):
        return None


def flag(value: object) -> bool | None:
    """Read a boolean, also from a string."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None


def mapping(value: object) -> Mapping[str, object]:
    """Read an object; empty for other values."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> tuple[Mapping[str, object], ...]:
    """Read the objects of a list; empty for other values."""
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def identity(data: Mapping[str, object], *keys: str) -> str:
    """Return the first non-empty string of `keys`. Raises MissingId without one."""
    for key in keys:
        if found := text(data.get(key)):
            return found
    raise MissingId(f"`{keys[0]}` is missing")
