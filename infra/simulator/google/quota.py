"""BigQuery's quota of API requests: 100 a second of each user to each method.

Written from https://cloud.google.com/bigquery/quotas#api_request_quotas and
https://cloud.google.com/bigquery/docs/troubleshoot-quotas. Requests beyond it get 403 `rateLimitExceeded`. Google
documents no header with what is left, no `Retry-After`, and not whether a rejected request counts: here it does not.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.google.errors import ApiError

_REJECTED = (
    "Exceeded rate limits: too many api requests per user per method for this user_method. For more information, see "
    "https://cloud.google.com/bigquery/docs/troubleshoot-quotas"
)


@dataclass
class ApiQuota:
    """The requests of the last second, by user and method. `clock` returns seconds."""

    per_second: int = 100
    clock: Callable[[], float] = time.monotonic
    most: Counter[str] = field(default_factory=Counter)
    """By method, the most requests of one user in a second."""
    rejected: Counter[str] = field(default_factory=Counter)
    """By method, how many requests were rejected."""
    _recent: dict[tuple[str, str], deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def spend(self, method: str, user: str = "") -> None:
        """Count a request, or raise the `ApiError` of one too many."""
        now, recent = self.clock(), self._recent[user, method]
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= self.per_second:
            self.rejected[method] += 1
            raise ApiError(403, _REJECTED, "rateLimitExceeded")
        recent.append(now)
        self.most[method] = max(self.most[method], len(recent))

    def clear(self) -> None:
        """Forget all requests and counts, and go back to Google's number."""
        self.per_second = 100
        for each in (self.most, self.rejected, self._recent):
            each.clear()
