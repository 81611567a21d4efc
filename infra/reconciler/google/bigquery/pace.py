"""Keep below BigQuery's quota: 100 requests a second of each user to each method.

https://cloud.google.com/bigquery/quotas#api_request_quotas. The gcp plugin is the same user, and reads each dataset
with the same method (`datasets.get`). It does not repeat a read that BigQuery rejects for this quota (403
`rateLimitExceeded`), so the run would fail.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

#: How many datasets a process reads in a second: alone, and beside a plugin that reads the same datasets. The plugin
#: may be ahead by the engine's parallel operations: 36 of ours and 36 + 14 of the plugin's are 86. The rest is for a
#: busy machine, which sends the requests of more than a second in one.
READS_A_SECOND: Final = 90
READS_BESIDE_PLUGIN: Final = 36

#: A second of ours, which also covers that requests take a little longer or shorter to arrive.
_WINDOW_S: Final = 1.1


class Pace:
    """Lets a number of requests through in any second. Thread-safe.

    Args:
        a_second: The number.
        clock: Returns seconds.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        a_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._times: deque[float] = deque(maxlen=a_second)
        self._lock = threading.Lock()
        self._clock, self._sleep = clock, sleep

    def wait(self) -> None:
        """Wait until one more request may be sent, and count it."""
        with self._lock:
            now = self._clock()
            full = len(self._times) == self._times.maxlen
            at = max(now, self._times[0] + _WINDOW_S) if full else now
            self._times.append(at)
        if at > now:
            self._sleep(at - now)
