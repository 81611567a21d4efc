"""When to repeat a failed request, and how long to wait before.

- 429: always, because Fivetran has not processed the request. Waits for `Retry-After`, with some jitter.
- 5xx and network faults: if the call is idempotent (`Call.repeatable`), or the request was certainly not sent.
- Other errors: never. The request would fail again.

The number of faults is limited, and so is the time of requests and waits, without the waits of pacing. At the limit,
the last error is raised at once: a `Retry-After` of an hour ends the call and does not block it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_random_exponential

from reconciler.fivetran.api.clock import Clock
from reconciler.fivetran.api.errors import FivetranError, RateLimited, ServerError, TransportError
from reconciler.fivetran.api.pacing import NOTICEABLE_SECONDS

log = logging.getLogger("reconciler.fivetran.api")


@dataclass(frozen=True)
class Retry:
    """Limits of repetition.

    `attempts` counts faults; `budget_seconds` counts requests and waits, including 429s.
    """

    attempts: int = 5
    budget_seconds: float = 120.0
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 30.0


class RetryState:
    """The attempts of one call: decides about another, and whether one of them may have taken effect."""

    def __init__(self, name: str, policy: Retry, clock: Clock, *, repeatable: bool) -> None:
        self.may_have_taken_effect = False
        self._name = name
        self._policy = policy
        self._clock = clock
        self._repeatable = repeatable
        self._spent = 0.0
        self._faults = 0
        self._backoff = wait_random_exponential(
            multiplier=policy.first_wait_seconds, max=policy.longest_wait_seconds, min=policy.first_wait_seconds / 10
        )

    def attempts(self) -> Retrying:
        """Return a function that repeats another one, which sends the request once. Raises the last error."""
        return Retrying(
            retry=self._again,
            wait=self._wait,
            stop=self._stop,
            before_sleep=self._announce,
            sleep=self._clock.sleep,
            reraise=True,
        )

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Return a context around the request, so that its time counts."""
        started = self._clock.monotonic()
        try:
            yield
        finally:
            self._spent += self._clock.monotonic() - started

    def _again(self, state: RetryCallState) -> bool:
        error = _error(state)
        if error is None:
            return False
        error.attempts = state.attempt_number
        if isinstance(error, RateLimited):
            return True
        self._faults += 1
        if isinstance(error, TransportError):
            return self._repeatable or error.sent is False
        return self._repeatable and isinstance(error, ServerError)

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        retry_after = error.retry_after if isinstance(error, RateLimited | ServerError) else None
        return (retry_after or 0.0) + self._backoff(state)

    def _stop(self, state: RetryCallState) -> bool:
        return self._faults >= self._policy.attempts or self._spent + state.upcoming_sleep > self._policy.budget_seconds

    def _announce(self, state: RetryCallState) -> None:
        error = _error(state)
        self._spent += state.upcoming_sleep
        self.may_have_taken_effect |= error is not None and error.may_have_taken_effect
        level = logging.WARNING if state.upcoming_sleep >= NOTICEABLE_SECONDS else logging.INFO
        reason = error.reason if isinstance(error, TransportError) else f"status {getattr(error, 'status', '?')}"
        log.log(level, "%s: %s; trying again in %.1f s.", self._name, reason, state.upcoming_sleep)


def _error(state: RetryCallState) -> FivetranError | None:
    error = state.outcome.exception() if state.outcome is not None and state.outcome.failed else None
    return error if isinstance(error, FivetranError) else None
