"""Time, as the client sees it: replaced as a whole in tests, so that none of them waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Seconds, all three: a clock that never goes back, a wait, and the time since 1970 (for HTTP dates)."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wall: Callable[[], float] = time.time
