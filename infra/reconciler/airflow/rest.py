"""Read and write variables through Airflow's stable REST API.

Version 2 of Airflow 3, and version 1 of Airflow 2.

An error's text has no token and nothing that Airflow wrote; Airflow's message is kept apart until it is masked.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import httpx

from reconciler.airflow.credentials import AirflowCredentials
from reconciler.airflow.marker import Marker, find_marker, mark
from reconciler.airflow.push import AmbiguousWrite, Live
from reconciler.http.answers import AnswerTooLong, limit_answers
from reconciler.model.errors import ReconcilerError, RemoteError
from reconciler.secrets.masking import mask

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
#: How long the next bytes of an answer may take.
_TIMEOUT_S = 60.0
#: Tries of one read.
_TRIES = 4
#: The longest wait that Airflow may ask for, in seconds.
_LONGEST_WAIT_S = 60.0
#: Variables of one page: Airflow's own default for the most that it returns.
_PAGE = 100
#: Complete reads of the list, while other processes change it.
_READS = 5
#: How Airflow 3 shows a value that it takes for a secret, or that contains one.
_HIDDEN = "***"

_LOGIN = "Check AIRFLOW_TOKEN, or AIRFLOW_USERNAME and AIRFLOW_PASSWORD"
_NETWORK = "Check the network, any proxy and the address, then run again"
_ADDRESS = "Check the address: it is the one of Airflow's web interface"


class AirflowVariables:
    """The variables of one Airflow."""

    def __init__(
        self, url: str, credentials: AirflowCredentials, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Make no request yet. Raises ReconcilerError for an address that no token may be sent to."""
        self._url = _checked(url)
        self._credentials = credentials
        self._sleep = sleep
        self._is_version_3 = False
        loopback = urlsplit(self._url).hostname in _LOOPBACK
        self._http = httpx.Client(timeout=_TIMEOUT_S, trust_env=not loopback)
        limit_answers(self._http)
        self._secrets = {each for each in (credentials.token, credentials.google) if each}
        if credentials.google:
            alone = not credentials.token and credentials.user is None
            header = "Authorization" if alone else "Proxy-Authorization"
            self._http.headers[header] = f"Bearer {credentials.google}"
        if credentials.token:
            self._http.headers["Authorization"] = f"Bearer {credentials.token}"
        if credentials.user is not None:
            self._secrets |= {credentials.user[1], base64.b64encode(":".join(credentials.user).encode()).decode()}

    def __enter__(self) -> AirflowVariables:
        """Find out which Airflow this is, and log in."""
        try:
            self._detect()
            self._log_in()
        except BaseException:
            self._http.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds a token and is not serialised")

    def snapshot(self, keys: Collection[str]) -> Mapping[str, Live]:  # noqa: ARG002 (the list has them all)
        """Return all variables. The list is read again if another process changed it between two pages."""
        for _ in range(_READS):
            found, is_consistent = self._list()
            if is_consistent:
                return {each.key: each for each in found}
        raise self._error(f"GET {self._path()}", "the list of variables changes all the time", step="Run again")

    def read(self, key: str) -> Live | None:
        """Return one variable, None if there is none."""
        answer = self._send("GET", self._path(key), accept=(404,))
        return None if answer.status_code == httpx.codes.NOT_FOUND else self._live(answer, _json(answer))

    def create(self, key: str, value: str, marker: Marker) -> None:
        """Create a variable. Airflow 2 overwrites one that exists: read before."""
        self._write("POST", self._path(), {"key": key, "value": value, "description": mark("", marker)})

    def update(self, live: Live, value: str, marker: Marker) -> None:
        """Write value and description at once."""
        body = {"key": live.key, "value": value, "description": mark(live.description, marker)}
        self._write("PATCH", self._path(live.key), body)

    def delete(self, live: Live) -> None:
        """Delete a variable."""
        self._write("DELETE", self._path(live.key))

    def _detect(self) -> None:
        answer = self._send("GET", "/api/v2/version", accept=(404,))
        self._is_version_3 = answer.status_code != httpx.codes.NOT_FOUND
        if not self._is_version_3:
            answer = self._send("GET", "/api/v1/version", accept=(404,))
        content = _json(answer)
        version = content.get("version") if isinstance(content, dict) else None
        if answer.status_code == httpx.codes.NOT_FOUND or not isinstance(version, str):
            raise self._error(_subject(answer), "this is not an Airflow with a stable REST API", step=_ADDRESS)

    def _log_in(self) -> None:
        user = self._credentials.user
        if user is None:
            return
        if not self._is_version_3:
            self._http.auth = httpx.BasicAuth(*user)
            return
        # Reads nothing and changes nothing, so it may be repeated as a read is.
        body = {"username": user[0], "password": user[1]}
        answer = self._send("POST", "/auth/token", body=body)
        content = _json(answer)
        token = content.get("access_token") if isinstance(content, dict) else None
        if not isinstance(token, str) or not token:
            raise self._error("POST /auth/token", "Airflow's answer has no token", step="Set AIRFLOW_TOKEN instead")
        self._secrets.add(token)
        self._http.headers["Authorization"] = f"Bearer {token}"

    def _path(self, key: str | None = None) -> str:
        base = f"/api/{'v2' if self._is_version_3 else 'v1'}/variables"
        return base if key is None else f"{base}/{quote(key, safe='')}"

    def _list(self) -> tuple[list[Live], bool]:
        """Return what the pages have, and whether they belong together."""
        found: list[Live] = []
        totals: set[int] = set()
        while True:
            query = {"limit": str(_PAGE), "offset": str(len(found)), "order_by": "key"}
            answer = self._send("GET", self._path(), query=query)
            page = _json(answer)
            total = page.get("total_entries") if isinstance(page, dict) else None
            entries = page.get("variables") if isinstance(page, dict) else None
            if not isinstance(total, int) or not isinstance(entries, list):
                raise self._error(_subject(answer), "Airflow's answer is not a list of variables", step=_ADDRESS)
            totals.add(total)
            found += [self._live(answer, each) for each in entries]
            if len(found) >= total or not entries:
                return found, totals == {len({each.key for each in found})}

    def _live(self, answer: httpx.Response, content: Any) -> Live:
        key, value, description = (
            (content.get(name) for name in ("key", "value", "description"))
            if isinstance(content, dict)
            else (None,) * 3
        )
        if not isinstance(key, str) or not isinstance(value, str | None) or not isinstance(description, str | None):
            raise self._error(_subject(answer), "Airflow's answer is not a variable", step=_ADDRESS)
        text = description or ""
        hidden = value is not None and _HIDDEN in value
        return Live(key, None if hidden else value or "", find_marker(text), text)

    def _write(self, method: str, path: str, body: Mapping[str, str] | None = None) -> None:
        """Write once. Who calls it reads again after an ambiguous answer, so it is not repeated here."""
        answer, problem = self._request(method, path, body=body)
        if answer is None:
            raise AmbiguousWrite(problem, step=_NETWORK, speaker="Airflow")
        status = answer.status_code
        if answer.is_success:
            return
        if status in (404, 409) or _is_passing(answer):
            failed = AmbiguousWrite(
                f"{_subject(answer)}: Airflow answered {status}",
                unmasked_message=self._message(answer),
                step="Run again",
                speaker="Airflow",
            )
            failed.wait_s = _wait(answer)
            raise failed
        raise self._rejected(answer)

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> httpx.Response:
        """Send what changes nothing, and repeat it while Airflow fails."""
        for attempt in range(1, _TRIES + 1):
            answer, problem = self._request(method, path, query=query, body=body)
            if attempt == _TRIES or (answer is not None and not _is_passing(answer)):
                break
            self._sleep((answer and _wait(answer)) or 2.0**attempt / 2)
        if answer is None:
            raise RemoteError(problem, step=_NETWORK, speaker="Airflow")
        if answer.is_success or answer.status_code in accept:
            return answer
        raise self._rejected(answer)

    def _rejected(self, answer: httpx.Response) -> RemoteError:
        status = answer.status_code
        if status in (401, 403):
            step = _LOGIN
        elif answer.is_redirect:
            step = f"{_ADDRESS}. A redirect to a login page means that the token is not accepted"
        else:
            step = _ADDRESS if status == httpx.codes.NOT_FOUND else "Run again later" if status >= 500 else ""
        text = f"{_subject(answer)}: Airflow answered {status}"
        return RemoteError(text, unmasked_message=self._message(answer), step=step, speaker="Airflow")

    def _request(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, str] | None = None
    ) -> tuple[httpx.Response | None, str]:
        """Return the answer; without one, what went wrong. httpx's error has the headers, so it ends here."""
        request = self._http.build_request(method, f"{self._url}{path}", params=query, json=body)
        try:
            return self._http.send(request), ""
        except (httpx.HTTPError, AnswerTooLong) as error:
            return None, f"{method} {path}: Airflow could not be reached ({type(error).__name__})"

    def _error(self, subject: str, problem: str, *, step: str) -> RemoteError:
        return RemoteError(f"{subject}: {problem}", step=step, speaker="Airflow")

    def _message(self, answer: httpx.Response) -> str:
        """Return Airflow's message without our own credentials."""
        content = _json(answer)
        if not isinstance(content, dict):
            return ""
        texts = [content.get(name) for name in ("title", "detail", "error")]
        return mask("; ".join(each for each in texts if isinstance(each, str)), self._secrets) or ""


def _checked(url: str) -> str:
    """Return an address without its last slash. Raises ReconcilerError if a token may not be sent to it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not re.fullmatch(r"[!-~]+", url):
        raise ReconcilerError("the address of Airflow is not a URL\n    Write it as https://airflow.example.com.")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ReconcilerError(
            "the address of Airflow has a user, a query or a fragment\n"
            "    Remove it: credentials belong in AIRFLOW_TOKEN, or AIRFLOW_USERNAME and AIRFLOW_PASSWORD."
        )
    if parts.scheme != "https" and host not in _LOOPBACK:
        raise ReconcilerError(
            "the address of Airflow is not https\n    Use https, because others could read the token on its way."
        )
    return url.rstrip("/")


def _subject(answer: httpx.Response) -> str:
    """Return the request without its host and query."""
    return f"{answer.request.method} {answer.request.url.path}"


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _is_passing(answer: httpx.Response) -> bool:
    """Return whether the same request may succeed later."""
    status = answer.status_code
    return status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR


def _wait(answer: httpx.Response) -> float | None:
    after = answer.headers.get("retry-after", "")
    return min(float(after), _LONGEST_WAIT_S) if after.isdigit() else None
