"""Odd values of a unit whose setup tests failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model import Reference
from reconciler.secrets import OddValue, inspect_value, known_value


def odd_values(references: Mapping[str, Any]) -> list[OddValue]:
    """Return which of a unit's values are odd; `references` are its references by their paths.

    Values are read for it, so this is for operations that write. One that cannot be read is passed over.
    """
    found = []
    for path, node in sorted(references.items()):
        reference = Reference.parse(node)
        value = None if reference is None or reference.exact else known_value(reference)
        if reference is not None and value is not None:
            found.append(inspect_value(path, reference, value))
    return [each for each in found if each is not None]
