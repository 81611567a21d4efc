"""Limit the time of each answer to an HTTP client, from status line to last byte, and its size.

By themselves httpx and requests limit the wait for the next bytes: an answer that sends a byte now and then never ends.
Neither has a setting for this, and a transport of our own for httpx would ignore the proxies of the environment. So
the methods with which the libraries read are replaced, in one client only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

#: How many times the time to wait for the next bytes a whole answer may take.
_WHOLE_ANSWER: Final = 2
#: How long the next bytes may take where a request sets no limit.
_USUAL_S: Final = 60.0
#: The most bytes of a body, unpacked: more than twice the state of 10,000 units.
_LARGEST: Final = 256 * 2**20
#: Each redirect is one more answer.
_MOST_REDIRECTS: Final = 3


class AnswerTooLong(ValueError):
    """The body of an answer is larger than any that is expected."""


def limit_answers(client: Any) -> None:
    """Limit each answer to a client of httpx or a session of requests, and to its requests for tokens.

    An answer that takes too long raises the library's error for that, and a body that is too large `AnswerTooLong`.
    """
    if hasattr(client, "event_hooks"):
        for transport in (client._transport, *client._mounts.values()):
            if (network := getattr(getattr(transport, "_pool", None), "_network_backend", None)) is not None:
                network.connect_tcp = partial(_connect, network.connect_tcp)
        client.event_hooks["response"].append(partial(_limit_size, name="iter_bytes"))
        return
    for session in (client, getattr(client, "_auth_request_session", None)):
        if session is not None:
            session.max_redirects = _MOST_REDIRECTS
            session.hooks["response"].append(partial(_limit_size, name="iter_content"))
            for adapter in session.adapters.values():
                adapter.get_connection_with_tls_context = partial(_pool, adapter.get_connection_with_tls_context)


def _limit_size(response: Any, *, name: str, **_settings: object) -> None:
    """Count the parts of a body as the library collects them."""
    iterate = getattr(response, name)

    def parts(*args: Any, **settings: Any) -> Iterator[bytes]:
        size = 0
        for part in iterate(*args, **settings):
            size += len(part)
            if size > _LARGEST:
                raise AnswerTooLong
            yield part

    setattr(response, name, parts)


def _limit(wait: float | None, error: type[Exception]) -> Callable[[], float]:
    """Begin an answer. Return a function that returns how long the next bytes may take, or raises."""
    wait = wait or _USUAL_S
    end = time.monotonic() + _WHOLE_ANSWER * wait

    def next_wait() -> float:
        if (left := end - time.monotonic()) <= 0:
            raise error("the whole answer")
        return min(left, wait)

    return next_wait


def _connect(connect: Callable[..., Any], *args: Any, **settings: Any) -> Any:
    """Return a connection of httpx. The first read after a write begins an answer."""
    from httpcore import ReadTimeout  # noqa: PLC0415 (slow to import)

    stream = connect(*args, **settings)
    old_read, old_write, next_wait = stream.read, stream.write, None

    def read(size: int, timeout: float | None = None) -> Any:
        nonlocal next_wait
        next_wait = next_wait or _limit(timeout, ReadTimeout)
        return old_read(size, next_wait())

    def write(buffer: bytes, timeout: float | None = None) -> None:
        nonlocal next_wait
        next_wait = None
        old_write(buffer, timeout)

    stream.read, stream.write, stream.start_tls = read, write, partial(_connect, stream.start_tls)
    return stream


def _pool(get: Callable[..., Any], *args: Any, **settings: Any) -> Any:
    """Return a pool of connections of requests, be it direct or through a proxy."""
    pool = get(*args, **settings)
    if "ConnectionCls" not in vars(pool):
        kind = pool.ConnectionCls
        pool.ConnectionCls = type(kind.__name__, (kind,), {"response_class": staticmethod(_answer)})
    return pool


def _answer(sock: Any, *args: Any, **settings: Any) -> Any:
    """Return an answer to requests, which reads from a socket."""
    from http.client import HTTPResponse  # noqa: PLC0415 (slow to import)

    answer: Any = HTTPResponse(sock, *args, **settings)
    raw, wait = answer.fp.raw, sock.gettimeout()
    old_readinto, next_wait = raw.readinto, _limit(wait, TimeoutError)

    def readinto(buffer: Any) -> Any:
        sock.settimeout(next_wait())
        try:
            return old_readinto(buffer)
        finally:
            sock.settimeout(wait)

    raw.readinto = readinto
    return answer
