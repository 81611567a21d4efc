"""Keep below BigQuery's quota: 100 requests a second of each user to each method.

https://cloud.google.com/bigquery/quotas#api_request_quotas. The gcp plugin is the same user, and reads each dataset
with the same method (`datasets.get`). It does not repeat a read that BigQuery rejects for this quota (403
`rateLimitExceeded`), so the run would fail.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

#: How many datasets a process reads in a second: alone, and beside a plugin that reads the same datasets. The plugin
#: may be ahead by the engine's parallel operations: 44 of ours and 44 + 9 of the plugin's are 97.
READS_A_SECOND: Final = 90
READS_BESIDE_PLUGIN: Final = 44


class Pace:
    """Spaces requests out in time. Thread-safe.

    Args:
        a_second: The most requests in any second.
        clock: Returns seconds.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        a_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        # A second may begin with a request, and with one that follows half a distance sooner.
        self.apart_s = 1 / (a_second - 1.5)
        self._next = float("-inf")
        self._lock = threading.Lock()
        self._clock, self._sleep = clock, sleep

    def wait(self) -> None:
        """Wait until one more request may be sent.

        Other threads wait until it is sent. A request that is late lets the next one follow sooner, by half a distance
        at most, because sleeps take a little too long. Requests that a busy machine delayed are never sent in a burst.
        """
        with self._lock:
            early = self._next - self._clock()
            if early > 0:
                self._sleep(early)
            self._next = max(self._next, self._clock() - self.apart_s / 2) + self.apart_s
