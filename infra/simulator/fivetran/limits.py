"""Account-wide quotas over rolling windows. Rejected requests do not count."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

#: The most events in a minute and in an hour; None: no limit.
Limits = tuple[int | None, int | None]


@dataclass
class Window:
    """At most `limit` events in any `seconds`."""

    seconds: float
    events: deque[float] = field(default_factory=deque)

    def used(self, now: float) -> int:
        """Count the events in the window that ends now."""
        while self.events and self.events[0] <= now - self.seconds:
            self.events.popleft()
        return len(self.events)

    def wait(self, now: float, limit: int | None) -> int | None:
        """Return whole seconds until one more event fits; None if it fits now."""
        if limit is None or self.used(now) < limit:
            return None
        if limit <= 0:
            return math.ceil(self.seconds)
        return max(1, math.ceil(self.events[-limit] + self.seconds - now))


class Quotas:
    """The windows of an account. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.requests = Window(3600)
        self.tests_minute = Window(60)
        self.tests_hour = Window(3600)
        self.source_minute = Window(60)
        self.source_hour = Window(3600)

    def take_request(self, limit: int | None) -> int | None:
        """Count a request, or return the seconds to wait."""
        return self._take((self.requests, limit))

    def take_tests(self, limits: Limits, source_limits: Limits) -> int | None:
        """Count a run of setup tests, or return the seconds to wait. It counts as a request to a source too."""
        own = (self.tests_minute, limits[0]), (self.tests_hour, limits[1])
        return self._take(*own, *self._of_source(source_limits))

    def take_source_interaction(self, limits: Limits) -> int | None:
        """Count a request to a source, or return the seconds to wait."""
        return self._take(*self._of_source(limits))

    def requests_left(self, limit: int) -> int:
        """Return how many requests are left in this hour."""
        return max(0, limit - self.requests.used(self._clock()))

    def _of_source(self, limits: Limits) -> tuple[tuple[Window, int | None], ...]:
        return (self.source_minute, limits[0]), (self.source_hour, limits[1])

    def _take(self, *windows: tuple[Window, int | None]) -> int | None:
        now = self._clock()
        waits = [wait for window, limit in windows if (wait := window.wait(now, limit)) is not None]
        if waits:
            return max(waits)
        for window, _ in windows:
            window.events.append(now)
        return None
