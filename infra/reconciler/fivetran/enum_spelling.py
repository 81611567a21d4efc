"""The spellings of enumeration values in Fivetran's API, which may return `AllApps` as `ALL_APPS`."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPELLED = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*|([A-Z]+[a-z0-9]+)+")


def enumeration(value: str) -> tuple[str, bool]:
    """Return a key that is equal for all spellings of a value.

    The flag distinguishes a text without word boundaries (`allapps`) from those that have them.
    """
    return (value.replace("_", "").casefold(), True) if _SPELLED.fullmatch(value) else (value, False)


def choice_of(value: str, choices: Iterable[str]) -> str:
    """Return the choice that a text spells, or a key that all its spellings share if it spells none.

    A text that equals a choice is that choice. A text that could be several choices is none of them.
    """
    known = tuple(choices)
    if value in known:
        return value
    near = [choice for choice in known if _folded(choice) == _folded(value)]
    if len(near) > 1:
        return value
    return near[0] if near else _folded(value)


def _folded(value: str) -> str:
    return re.sub(r"[_\s-]", "", value).casefold()
