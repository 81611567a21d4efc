"""Which units a quick review looks at. The program does not register the others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pulumi

from reconciler.model.errors import ReconcilerError
from reconciler.plan.sources import LOOK_AT_VARIABLE as VARIABLE


def units_looked_at(env: Mapping[str, str] = os.environ) -> frozenset[str] | None:
    """Return the units that this preview looks at; None where it looks at all of them.

    Raises `ReconcilerError` in a run that would apply something.
    """
    file = env.get(VARIABLE)
    if file is None:
        return None
    if not pulumi.runtime.is_dry_run():
        raise ReconcilerError(
            f"{VARIABLE} is set: a run that looks at some units only would delete the others, so this run changed "
            f"nothing\n    Unset {VARIABLE}, which only a preview of a quick review may have."
        )
    return frozenset(Path(file).read_text(encoding="utf-8").split())
