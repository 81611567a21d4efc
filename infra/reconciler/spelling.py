"""The two spellings of one enumeration value in Fivetran's API: `AllApps` goes in, `ALL_APPS` may come back."""

from __future__ import annotations

import re

_SPELLED = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*|([A-Z]+[a-z0-9]+)+")


def enumeration(value: str) -> tuple[str, bool]:
    """What two texts have in common exactly when they are one value.

    The flag keeps a text that has neither form (`allapps`) apart from those that have one.
    """
    return (value.replace("_", "").casefold(), True) if _SPELLED.fullmatch(value) else (value, False)
