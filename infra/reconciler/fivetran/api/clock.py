"""The clock of a client. It imports nothing slow, as every command that reads the files imports it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Three functions in seconds: a monotonic clock, a wait, and the time since 1970 (for HTTP dates)."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wall: Callable[[], float] = time.time
