"""Keep to the account's quotas.

Rolling windows for requests, setup tests and requests to sources, and a cap.

All threads of a client share one `Pacing`. It counts the requests of this client only. Other processes use the same
account, so a 429 is still possible, which `retry` handles. The hourly quota comes from the headers of the API's
answers, and is never more than `Limits` allows. It starts no thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import cast

from pyrate_limiter import Duration, InMemoryBucket, Rate, RateItem

from reconciler.fivetran.api.clock import Clock
from reconciler.fivetran.api.gate import Gate, Ticket
from reconciler.fivetran.api.json_reader import whole

log = logging.getLogger("reconciler.fivetran.api")

#: Waits of at least this many seconds are logged, at most once a minute per window.
NOTICEABLE_SECONDS = 3.0
ANNOUNCE_EVERY_SECONDS = 60.0

#: Fivetran's quota for paying accounts.
USUAL_REQUESTS_PER_HOUR = 20_000

#: The share of the hourly quota below which the client warns.
LOW_QUOTA = 0.02


@dataclass(frozen=True)
class Limits:
    """The most requests of one client. The defaults are Fivetran's limits for paying accounts.

    Without `requests_per_hour`, the limit is the account's quota, which Fivetran's answers have; 20,000 before the
    first answer.

    Setup tests and other requests to sources take minutes, so they have a smaller share of the requests in flight. The
    rest is for fast requests. Setup tests count as requests to sources too.
    """

    requests_per_hour: int | None = None
    setup_tests_per_minute: int = 250
    setup_tests_per_hour: int = 2_500
    source_interactions_per_minute: int = 500
    source_interactions_per_hour: int = 5_000
    in_flight: int = 48
    setup_tests_in_flight: int = 32
    left_to_others: float = 0.0
    """The share of the account's hourly quota that the client leaves to its other clients, such as schedulers."""

    def __post_init__(self) -> None:
        if not 0 <= self.left_to_others < 1:
            raise ValueError(f"left_to_others must be from 0 to below 1, not {self.left_to_others}")
        for name, value in vars(self).items():
            if name != "left_to_others" and value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")


@dataclass(frozen=True)
class Turn:
    """The tickets of one request."""

    quick: Ticket
    slow: Ticket | None
    """Only of a request that runs setup tests or asks a source."""


class Pacing:
    """Decides when each request is sent."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._slots = threading.BoundedSemaphore(limits.in_flight)
        self._test_slots = threading.BoundedSemaphore(limits.setup_tests_in_flight)
        self._quota = limits.requests_per_hour or USUAL_REQUESTS_PER_HOUR
        self._requests = _Window(_hourly(self._quota), [Rate(self._quota, Duration.HOUR)], clock)
        self._tests = _slow_window("setup tests", limits.setup_tests_per_minute, limits.setup_tests_per_hour, clock)
        self._source = _slow_window(
            "requests to sources", limits.source_interactions_per_minute, limits.source_interactions_per_hour, clock
        )
        self._low_quota_warned = threading.Lock()
        self._gate = Gate(limits.left_to_others, clock)
        self._slow_gate = Gate(0.0, clock)

    @contextmanager
    def turn(self, *, runs_setup_tests: bool, asks_source: bool) -> Iterator[Turn]:
        """Return a context for one request, which waits until it may be sent and counts it as in flight.

        A thread that waits for a window keeps its slot, because all threads without a slot wait for the same window.
        """
        with ExitStack() as held:
            if runs_setup_tests or asks_source:
                held.enter_context(self._test_slots)
            if runs_setup_tests:
                self._tests.take()
            if runs_setup_tests or asks_source:
                self._source.take()
            held.enter_context(self._slots)
            self._requests.take()
            is_slow = runs_setup_tests or asks_source
            slow = self._slow_gate.enter() if is_slow else None
            yield Turn(self._gate.enter(), slow)

    def leave_to_others(self, share: float) -> None:
        """Set the share of the account's quota that is left to others, from 0 to below 1."""
        self._gate.leave_to_others(share)

    def closed_for(self) -> float:
        """Return for how many seconds no request may be sent, since Fivetran answered 429."""
        return self._gate.closed_for()

    def back_off(self, seconds: float, headers: Mapping[str, str], turn: Turn) -> None:
        """Stop all requests after a 429.

        Where requests of the hour are left, the quota of requests to sources is used up: only those stop.
        """
        remaining = whole(headers.get("X-Rate-Limit-Remaining"))
        if turn.slow is not None and remaining:
            self._slow_gate.close(seconds, turn.slow)
        else:
            self._gate.close(seconds, turn.quick)

    def watch(self, headers: Mapping[str, str], turn: Turn | None = None) -> None:
        """Take the hourly quota from an answer, and warn once when it is nearly used up.

        Args:
            headers: Of an answer. `X-Rate-Limit` is the account's quota, `X-Rate-Limit-Remaining` the rest of it.
            turn: That of the request, unless Fivetran rejected that for its quota.
        """
        account_quota = whole(headers.get("X-Rate-Limit"))
        if account_quota is not None and account_quota > 0:
            self._learn(account_quota)
        remaining = whole(headers.get("X-Rate-Limit-Remaining"))
        quota = account_quota or self._quota
        if turn is not None:
            self._gate.watch(remaining, quota, turn.quick)
        if turn is not None and turn.slow is not None:
            self._slow_gate.watch(None, quota, turn.slow)
        if remaining is None:
            return
        if remaining < quota * LOW_QUOTA and self._low_quota_warned.acquire(blocking=False):
            log.warning(
                "Fivetran's quota is nearly used up: %d of the account's %d requests an hour are left, "
                "shared with everyone who uses the account.",
                remaining,
                quota,
            )

    def _learn(self, account_quota: int) -> None:
        own = self._limits.requests_per_hour
        quota = account_quota if own is None else min(own, account_quota)
        if quota != self._quota:
            self._quota = quota
            self._requests.resize(_hourly(quota), Rate(quota, Duration.HOUR))


def _hourly(requests: int) -> str:
    return f"{requests} requests an hour"


class _Window:
    """A rolling window of one or more rates. The library counts; the clock measures and waits."""

    def __init__(self, what: str, rates: list[Rate], clock: Clock) -> None:
        self._what = what
        self._bucket = InMemoryBucket(rates)
        self._clock = clock
        self._lock = threading.Lock()
        self._quiet_until = float("-inf")

    def take(self) -> None:
        """Wait until one more request fits, and count it."""
        waited = 0.0
        while delay := self._try():
            waited += delay
            if waited >= NOTICEABLE_SECONDS:
                self._announce(delay)
            self._clock.sleep(delay)

    def resize(self, what: str, rate: Rate) -> None:
        """Change the number of requests in the window. Earlier requests stay counted."""
        with self._lock:
            self._what = what
            self._bucket.rates = [rate]

    def _try(self) -> float:
        """Count a request if it fits and return 0, else return the seconds until it fits."""
        with self._lock:
            item = RateItem("request", int(self._clock.monotonic() * 1000))
            self._bucket.leak(item.timestamp)
            if self._bucket.put(item):
                return 0.0
            return max(1, cast("int", self._bucket.waiting(item))) / 1000

    def _announce(self, delay: float) -> None:
        with self._lock:
            now = self._clock.monotonic()
            if now < self._quiet_until:
                return
            self._quiet_until = now + delay + ANNOUNCE_EVERY_SECONDS
        log.warning("Waiting %d s for Fivetran's rate limit (%s).", round(delay), self._what)


def _slow_window(what: str, per_minute: int, per_hour: int, clock: Clock) -> _Window:
    """Return a window of two rates, or of one if the other cannot be reached.

    The library rejects both together.
    """
    minute, hour = Rate(per_minute, Duration.MINUTE), Rate(per_hour, Duration.HOUR)
    rates = [minute, hour]
    if hour.limit <= minute.limit:
        rates = [hour]
    elif hour.limit > 60 * minute.limit:
        rates = [minute]
    return _Window(f"{per_minute} {what} a minute, {per_hour} an hour", rates, clock)
