"""Give each answer to a session of `requests` a time limit as a whole.

By itself `requests` limits the wait for the next bytes only: an answer that sends a byte now and then never ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

#: How many times the time to wait for the next bytes a whole answer may take.
_WHOLE_ANSWER: Final = 2
#: How long the next bytes may take where a request sets no limit.
_USUAL_S: Final = 60.0


def limit_answers(session: Any) -> None:
    """Limit the time of each answer to a session, and of those to its requests for tokens."""
    for each in (session, getattr(session, "_auth_request_session", None)):
        if each is not None:
            each.hooks["response"].append(_limit)


def _limit(response: Any, *_: object, timeout: Any = None, **_settings: object) -> None:
    """Replace the body of an answer whose first bytes have come."""
    wait = timeout[1] if isinstance(timeout, tuple) else timeout
    response.raw = _LimitedBody(response.raw, _WHOLE_ANSWER * (wait or _USUAL_S))


class _LimitedBody:
    """The body of an answer. Raises `ReadTimeout` if the whole of it takes too long."""

    def __init__(self, raw: Any, seconds: float) -> None:
        self._raw = raw
        self._end = time.monotonic() + seconds

    def stream(self, size: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """Yield the parts as they come: urllib3's `stream` waits until a part is full."""
        from requests.exceptions import ReadTimeout  # noqa: PLC0415 (slow to import)

        while part := self._raw.read1(size, decode_content=decode_content):
            if time.monotonic() > self._end:
                self._raw.close()
                raise ReadTimeout("the whole answer")
            yield part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)
