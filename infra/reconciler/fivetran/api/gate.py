"""Stop all requests of a client together: after a 429, and while too few requests are left to others.

One thread waits out what Fivetran asks for, and the others wait for its answer, so that one request finds out whether
the quota is free again. Fivetran's answers say how many requests are left, so the client notices what other
clients of the account use, such as schedulers and other runs.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from reconciler.fivetran.api.clock import Clock

log = logging.getLogger("reconciler.fivetran.api")

#: Seconds between two looks at whether the gate has opened.
_LOOK_S = 1.0

#: Seconds that the first request through a gate may take until another one tries too.
_FIRST_S = 30.0

#: Seconds of the first wait for others, and of the longest: each further one is twice as long.
_SHORTEST_S, _LONGEST_S = 15.0, 300.0

#: Seconds after which the client goes on although less than the share is left: the quota is that of an hour.
_PATIENCE_S = 3600.0


@dataclass(frozen=True)
class Ticket:
    """How often the gate had closed when a request was let through: an older answer does not open it."""

    closures: int


class Gate:
    """Lets requests through, or none. Thread-safe."""

    def __init__(self, share: float, clock: Clock) -> None:
        self._share = share
        self._clock = clock
        self._lock = threading.Lock()
        self._closures = 0
        self._until: float | None = None
        self._rejected_until = float("-inf")
        self._wait = _SHORTEST_S
        self._short_since: float | None = None
        self._goes_on = False

    def leave_to_others(self, share: float) -> None:
        """Set the share of the quota that is left to others."""
        with self._lock:
            self._share = share

    def closed_for(self) -> float:
        """Return for how many seconds no request is let through because of a 429."""
        with self._lock:
            return max(0.0, self._rejected_until - self._clock.monotonic())

    def enter(self) -> Ticket:
        """Wait until a request may be sent. The first one after a closure goes alone."""
        while delay := self._try():
            self._clock.sleep(min(delay, _LOOK_S))
        with self._lock:
            return Ticket(self._closures)

    def close(self, seconds: float, ticket: Ticket) -> None:
        """Let nothing through for some seconds, after a 429. Other answers of the same time change nothing."""
        with self._lock:
            if ticket.closures == self._closures:
                self._close(seconds)
                self._rejected_until = self._clock.monotonic() + seconds

    def watch(self, remaining: int | None, quota: int, ticket: Ticket) -> None:
        """Open the gate, or close it if an answer says that less than the share of others is left.

        Args:
            remaining: How many requests of the account's quota are left; None if the answer does not say.
            quota: The account's quota.
            ticket: That of the request that was answered.
        """
        with self._lock:
            if ticket.closures != self._closures:
                return
            if remaining is None or remaining >= int(quota * self._share):
                self._until, self._wait, self._short_since = None, _SHORTEST_S, None
                return
            if self._has_waited_enough():
                self._until = None
                return
            self._close(self._wait)
            log.warning(
                "Waiting %d s: %d of the account's %d requests an hour are left, and %d %% are left to others.",
                self._wait,
                remaining,
                quota,
                round(self._share * 100),
            )
            self._wait = min(2 * self._wait, _LONGEST_S)

    def _has_waited_enough(self) -> bool:
        """Return whether less than the share has been left for a whole hour. Log it once."""
        now = self._clock.monotonic()
        self._short_since = now if self._short_since is None else self._short_since
        if now - self._short_since < _PATIENCE_S:
            return False
        if not self._goes_on:
            self._goes_on = True
            log.warning(
                "The account's quota is still used up by other clients after an hour of waiting: the run goes on."
            )
        return True

    def _close(self, seconds: float) -> None:
        self._closures += 1
        self._until = self._clock.monotonic() + seconds

    def _try(self) -> float:
        """Return 0 if a request may be sent, else the seconds until it might."""
        with self._lock:
            if self._until is None:
                return 0.0
            now = self._clock.monotonic()
            if now < self._until:
                return self._until - now
            self._until = now + _FIRST_S
            return 0.0
