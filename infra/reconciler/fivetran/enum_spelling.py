"""The spellings of one enumeration value in Fivetran's API: `AllApps` goes in, `ALL_APPS` may come back."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPELLED = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*|([A-Z]+[a-z0-9]+)+")


def enumeration(value: str) -> tuple[str, bool]:
    """What two texts have in common exactly when they are one value.

    The flag keeps a text that has neither form (`allapps`) apart from those that have one.
    """
    return (value.replace("_", "").casefold(), True) if _SPELLED.fullmatch(value) else (value, False)


def choice_of(value: str, choices: Iterable[str]) -> str:
    """Return the choice that a text is another spelling of; what all its spellings have in common where there is none.

    A text that is a choice is that one, and one that could be several is none of them.
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
