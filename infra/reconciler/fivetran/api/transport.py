"""Send requests to Fivetran: headers, timeouts, pacing, retries, paging.

Safe to share between threads.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import NoReturn, TypeVar

import httpx

from reconciler.fivetran.api.client_settings import BaseUrl, Credentials
from reconciler.fivetran.api.clock import Clock
from reconciler.fivetran.api.errors import InvalidSettings, NotFound
from reconciler.fivetran.api.json_reader import identity, text
from reconciler.fivetran.api.pacing import Limits, Pacing, Turn
from reconciler.fivetran.api.request import Answer, Call
from reconciler.fivetran.api.responses import rate_limited, read_answer, retry_after
from reconciler.fivetran.api.retry import Retry, RetryState
from reconciler.fivetran.api.transport_errors import HTTPX_ERRORS, as_transport_error
from reconciler.http.answers import limit_answers

#: Seconds by which two correct clocks may differ: HTTP has whole seconds, and an answer takes time.
_SAME_TIME_S = 5

T = TypeVar("T")

#: The largest page the API gives.
PAGE_SIZE = 1000

#: More pages than any account has, to stop at a list that never ends.
MOST_PAGES = 1000

#: Connections to keep open: at least one per thread that shares a client.
POOL = 32


@dataclass(frozen=True)
class Timeouts:
    """Seconds for connecting, for an answer, and for an answer that needs setup tests or the source."""

    connect: float = 10.0
    read: float = 60.0
    setup_tests: float = 600.0


class Transport:
    """Sends calls. Logs and errors have the method and path of a request, and nothing else of it."""

    def __init__(
        self,
        base_url: BaseUrl,
        credentials: Credentials,
        *,
        limits: Limits,
        retry: Retry,
        timeouts: Timeouts,
        clock: Clock,
        transport: httpx.BaseTransport | None,
    ) -> None:
        pair = f"{credentials.key}:{credentials.secret}"
        self._secrets = (credentials.key, credentials.secret, base64.b64encode(pair.encode()).decode())
        self._url = base_url.url
        self._pacing = Pacing(limits, clock)
        self._retry = retry
        self._clock = clock
        self._quick = httpx.Timeout(timeouts.read, connect=timeouts.connect)
        self._slow = httpx.Timeout(timeouts.setup_tests, connect=timeouts.connect)
        self._trusted = False
        self._ahead = 0.0
        self._http = _http_client(base_url, credentials, limits, transport)
        limit_answers(self._http)

    def leave_to_others(self, share: float) -> None:
        """Set the share of the account's quota that is left to others, from 0 to below 1."""
        self._pacing.leave_to_others(share)

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        self._http.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds credentials and is not pickled")

    def send(self, call: Call) -> Answer:
        """Send a call, with retries, and return its answer. Raises FivetranError.

        A DELETE that gets NotFound succeeded if an earlier attempt may have taken effect.
        """
        attempts = RetryState(call.name, self._retry, self._clock, repeatable=call.repeatable)

        def once() -> Answer:
            # A call that would wait for longer than it may is not sent to be rejected once more.
            if (closed_for := self._pacing.closed_for()) > self._retry.budget_seconds:
                raise rate_limited(call, closed_for)
            with (
                self._pacing.turn(runs_setup_tests=call.runs_setup_tests, asks_source=call.asks_source) as turn,
                attempts.measured(),
            ):
                return self._exchange(call, turn)

        try:
            return attempts.attempts()(once)
        except NotFound as gone:
            if call.method == "DELETE" and attempts.may_have_taken_effect:
                return Answer(call, gone.status, None)
            raise

    def pages(self, call: Call, parse: Callable[[Mapping[str, object]], T]) -> Iterator[T]:
        """Yield the items of all pages of a list, each id once. Each page is requested when it is needed.

        Pages begin at an offset, so a list that changes meanwhile can repeat an item. Raises UnexpectedAnswer for a
        list that never ends.
        """
        cursors: set[str] = set()
        ids: set[str] = set()
        params = {**call.params, "limit": str(PAGE_SIZE)}
        while True:
            answer = self.send(replace(call, params=params))
            page = answer.read(dict)
            items = page.get("items", False)
            if not isinstance(items, list | None):
                raise answer.unexpected("a list without `items`")
            for item in items or ():
                entry = replace(answer, data=item)
                key = entry.read(lambda data: identity(data, "id", "group_id", "user_id", "name"))
                if key not in ids:
                    ids.add(key)
                    yield entry.read(parse)
            cursor = text(page.get("next_cursor"))
            if not cursor:
                return
            if cursor in cursors or len(cursors) >= MOST_PAGES:
                raise answer.unexpected("a list that never ends: Fivetran returned the same cursor twice")
            cursors.add(cursor)
            params["cursor"] = cursor

    def _exchange(self, call: Call, turn: Turn) -> Answer:
        fault = None
        try:
            response = self._http.send(self._request(call))
        except HTTPX_ERRORS as caught:
            fault = as_transport_error(call, caught)
        if fault is not None:
            raise fault  # outside the handler: the caught error has the request, and would be this one's context
        is_rejected = response.status_code == httpx.codes.TOO_MANY_REQUESTS
        self._pacing.watch(response.headers, None if is_rejected else turn)
        if is_rejected:
            seconds = retry_after(response.headers.get("Retry-After"), self._clock.wall())
            self._pacing.back_off(seconds or self._retry.first_wait_seconds, response.headers, turn)
        self._watch_clock(response.headers.get("Date"))
        answer = read_answer(call, response, secrets=self._secrets, now=self._clock.wall(), trusted=self._trusted)
        self._trusted = True
        return answer

    def now(self) -> float:
        """Return seconds since 1970: by this machine's clock, corrected if Fivetran's last answer differs."""
        return self._clock.wall() - (self._ahead if abs(self._ahead) > _SAME_TIME_S else 0)

    def _watch_clock(self, date: str | None) -> None:
        """Note how far this machine's clock is ahead of Fivetran's."""
        with suppress(TypeError, ValueError):
            self._ahead = self._clock.wall() - parsedate_to_datetime(date or "").timestamp()

    def _request(self, call: Call) -> httpx.Request:
        headers = {"Accept": "application/json;version=2" if call.version_2 else "application/json"}
        content = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(call.body, allow_nan=False).encode()
        return self._http.build_request(
            call.method,
            f"{self._url}{call.path}",
            params=call.params or None,
            headers=headers,
            content=content,
            files=None if call.upload is None else {"file": ("code.zip", call.upload, "application/zip")},
            timeout=self._slow if call.slow else self._quick,
        )


def _http_client(
    base_url: BaseUrl, credentials: Credentials, limits: Limits, transport: httpx.BaseTransport | None
) -> httpx.Client:
    pool = max(POOL, limits.in_flight)
    connections = httpx.Limits(max_connections=pool, max_keepalive_connections=pool)
    problem = None
    try:
        if transport is None and base_url.is_local:
            # Loading the system's certificates takes longer than a hundred requests, and is needed for TLS only.
            verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if base_url.url.startswith("http://") else True
            transport = httpx.HTTPTransport(limits=connections, verify=verify)
        return httpx.Client(
            auth=httpx.BasicAuth(credentials.key, credentials.secret),
            headers={"User-Agent": _user_agent()},
            limits=connections,
            transport=transport,  # with a transport, httpx ignores the proxies of the environment
        )
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as caught:
        problem = type(caught).__name__
    raise InvalidSettings(
        f"No HTTP client can be made with the proxy or certificate settings of the environment ({problem}). "
        "Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY (like http://proxy.example:3128), SSL_CERT_FILE and SSL_CERT_DIR."
    )


def _user_agent() -> str:
    try:
        return f"reconciler/{version('reconciler')}"
    except PackageNotFoundError:
        return "reconciler"
