"""Whether this run keeps its state only at its end, and what it may not do then.

The engine then writes no state after each step. A killed run leaves the state that it began with. What it created is
found again by what state held before: the intents, the names of units and datasets. What it deleted is not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

SKIP = "PULUMI_SKIP_CHECKPOINTS"
#: Without it the engine ignores the other variable.
EXPERIMENTAL = "PULUMI_EXPERIMENTAL"
#: If it is set, nothing is lost with the state: a measurement, a preview against local services.
DISPOSABLE = "RECONCILER_STATE_IS_DISPOSABLE"

_TRUE = frozenset({"1", "true"})


def are_skipped(variables: Mapping[str, str] = os.environ) -> bool:
    """Return whether the engine skips checkpoints and the state matters."""
    skips = all(variables.get(name, "").lower() in _TRUE for name in (SKIP, EXPERIMENTAL))
    return skips and variables.get(DISPOSABLE, "").lower() not in _TRUE
