"""Reading JSON that someone else wrote: each reader takes any JSON value and gives one type, or None for "not told".

Servers differ in what they leave out, in null against absent, and in numbers against strings of digits. None of that
is an error here; only a missing identity is (`Unreadable`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_MOMENT = re.compile(r"[0-9][0-9TZ:.+ -]{0,39}", re.ASCII | re.IGNORECASE)


class Unreadable(Exception):
    """The answer lacks what nothing can be done without. Caught where the request is known, never shown by itself."""


def text(value: object) -> str | None:
    """A string as it is; a number as its digits."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def word(value: object) -> str | None:
    """A value of a set of words, in lower case: the API has been seen to use either. Unknown words are kept."""
    found = text(value)
    return found.strip().lower() if found else None


def moment(value: object) -> str | None:
    """A time as the API wrote it, ISO 8601; what has other characters than such a time is none."""
    found = text(value)
    return found if found is not None and _MOMENT.fullmatch(found) else None


def whole(value: object) -> int | None:
    """An integer, also when written as a string or as 360.0."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value) if isinstance(value, str) else value
        return int(number) if number == int(number) else None
    except (ValueError, OverflowError):
        return None


def flag(value: object) -> bool | None:
    """A boolean, also when written as a string."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None


def mapping(value: object) -> Mapping[str, object]:
    """An object; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> tuple[Mapping[str, object], ...]:
    """The objects of a list; nothing in place of anything else."""
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def identity(data: Mapping[str, object], *keys: str) -> str:
    """The first of `keys` that holds a non-empty string. Raises Unreadable when none does."""
    for key in keys:
        if found := text(data.get(key)):
            return found
    raise Unreadable(f"`{keys[0]}` is missing")
