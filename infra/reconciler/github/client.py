"""A client of GitHub's API: pages, redirects, retries with limits, and errors without the token."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, NoReturn
from urllib.parse import quote, urljoin, urlsplit

import httpx

from reconciler.fivetran.api.responses import retry_after
from reconciler.http.answers import AnswerTooLong, limit_answers
from reconciler.model.errors import ReconcilerError, RemoteError

#: Tries of one request, and the longest wait before another, in seconds.
_TRIES = 4
_LONGEST_WAIT_S = 120.0
#: How long the next bytes of an answer may take.
_TIMEOUT_S = 30.0
_MOST_PAGES = 500
_MOST_REDIRECTS = 3
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
_TOKEN = re.compile(r"[!-~]+")
_NETWORK = "Check the network, any proxy and GITHUB_API_URL, then run again"
_RIGHTS = "Check GITHUB_TOKEN: whether it has expired, and what it may do"
_LATER = "Run again; if it stays, see https://www.githubstatus.com"

#: What did not reach GitHub, so that repeating it does nothing twice.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class LostAnswer(RemoteError):
    """GitHub may have carried out a write, and its answer did not arrive."""


@dataclass(frozen=True)
class _Answer:
    """What came back."""

    status: int
    headers: httpx.Headers
    content: Any
    """The JSON; None without one."""
    is_json: bool
    next: str | None
    """The address of the next page."""

    @property
    def is_success(self) -> bool:
        return httpx.codes.is_success(self.status)


class GitHub:
    """One repository of GitHub."""

    def __init__(
        self,
        token: str,
        repository: str,
        url: str,
        *,
        graphql_url: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not _REPOSITORY.fullmatch(repository):
            raise ReconcilerError("GITHUB_REPOSITORY is not a repository\n    Set it to OWNER/NAME.")
        if not _TOKEN.fullmatch(token):
            raise ReconcilerError(
                "GITHUB_TOKEN is not a token: it has a space, a line break or another invalid character"
            )
        self._token = token
        self.repository = repository
        self._url = url.rstrip("/")
        if not _is_safe(self._url):
            raise ReconcilerError(
                "GITHUB_API_URL does not begin with https://, so no token is sent to it\n    Use https."
            )
        self._graphql_url = graphql_url or f"{self._url.removesuffix('/v3')}/graphql"
        self._sleep = sleep
        self._login = ""
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "reconciler",
        }
        self._http = httpx.Client(headers=headers, timeout=_TIMEOUT_S)
        limit_answers(self._http)

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> GitHub:
        """Read the token, the repository and the API's address from the variables that GitHub Actions names."""
        for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY"):
            if not variables.get(name):
                raise ReconcilerError(f"{name} is not set\n    Set it as GitHub Actions does.")
        url = variables.get("GITHUB_API_URL") or "https://api.github.com"
        return cls(variables["GITHUB_TOKEN"], variables["GITHUB_REPOSITORY"], url)

    def __enter__(self) -> GitHub:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds a token and is not serialised")

    def login(self) -> str:
        """Return as whom this token writes: a person, or the bot of an App.

        REST's `/user` does not answer installations, so GraphQL is asked.
        """
        if not self._login:
            content = self._send("POST", self._graphql_url, body={"query": "{viewer{login}}"}, repeatable=True).content
            try:
                self._login = str(content["data"]["viewer"]["login"])
            except (KeyError, TypeError):
                text = "POST /graphql: GitHub does not answer whose token GITHUB_TOKEN is"
                raise RemoteError(text, unmasked_message=_graphql_error(content), speaker="GitHub") from None
        return self._login

    def get(self, path: str, *, missing: bool = False, **query: str) -> Any:
        """Return the object at a path of the repository; `None` where it is missing and that is accepted."""
        answer = self._send("GET", self._path(path), query=query, accept=(404,) if missing else ())
        return None if answer.status == httpx.codes.NOT_FOUND else answer.content

    def is_team_member(self, organisation: str, team: str, user: str) -> bool | None:
        """Return whether a user is an active member of a team; None if this token may not read the team."""
        path = f"/orgs/{quote(organisation, safe='')}/teams/{quote(team, safe='')}"
        answer = self._send("GET", f"{path}/memberships/{quote(user, safe='')}", accept=(403, 404))
        if answer.is_success:
            return bool(answer.content.get("state") == "active")
        # A team that the token may not see looks like one without the member.
        return False if self._send("GET", path, accept=(403, 404)).is_success else None

    def list(self, path: str, key: str = "", **query: str) -> list[dict[str, Any]]:
        """Return the objects of all pages; `key` names the list where a page is an object."""
        found: list[dict[str, Any]] = []
        answer = self._send("GET", self._path(path), query={"per_page": "100", **query})
        for _ in range(_MOST_PAGES):
            part = answer.content.get(key) if key and isinstance(answer.content, dict) else answer.content
            if not isinstance(part, list):
                raise RemoteError(f"GET {path}: GitHub's answer is not a list", speaker="GitHub")
            found += part
            if answer.next is None:
                return found
            answer = self._send("GET", self._same_host(path, answer.next))
        raise RemoteError(f"GET {path}: GitHub's list does not end", speaker="GitHub")

    def create(self, path: str, body: Mapping[str, Any], find: Callable[[], Any]) -> Any:
        """Create an object once.

        Args:
            path: The path of the repository.
            body: The object.
            find: Returns the object if it exists. It is called when an answer was lost, before another try.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                return self._send("POST", self._path(path), body=body).content
            except LostAnswer:
                self._sleep(2.0**attempt)
                if (found := find()) is not None:
                    return found
                if attempt == _TRIES:
                    raise
        raise AssertionError("the last try returns or raises")

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change an object. Repeating it changes nothing more."""
        return self._send("PATCH", self._path(path), body=body, repeatable=True).content

    def _path(self, path: str) -> str:
        return f"{self._url}/repos/{self.repository}{path}"

    def _same_host(self, path: str, url: str) -> str:
        if urlsplit(url)[:2] != urlsplit(self._url)[:2]:
            raise RemoteError(f"GET {path}: GitHub's next page is on another host", speaker="GitHub")
        return url

    def _send(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        accept: tuple[int, ...] = (),
        repeatable: bool = False,
    ) -> _Answer:
        url = f"{self._url}{url}" if url.startswith("/") else url
        subject, redirects, attempt = f"{method} {urlsplit(url).path}", 0, 0
        repeatable = repeatable or method == "GET"
        while True:
            try:
                answer = self._request(method, url, query, body)
            except httpx.HTTPError as error:
                attempt += 1
                text = f"{subject}: GitHub could not be reached ({type(error).__name__})"
                if not repeatable and not isinstance(error, _NOT_SENT):
                    raise LostAnswer(text, step=_NETWORK, speaker="GitHub") from None
                if attempt == _TRIES:
                    raise RemoteError(text, step=_NETWORK, speaker="GitHub") from None
                self._sleep(2.0**attempt)
                continue
            if answer.status in (301, 302, 307, 308) and redirects < _MOST_REDIRECTS:
                redirects += 1
                # GitHub wants the same method at the other address, whatever the status is.
                location = urljoin(url, answer.headers.get("location", ""))
                url, query = self._same_host(urlsplit(url).path, location), None
                continue
            attempt += 1
            wait = _wait(answer, attempt)
            is_lost = answer.status >= httpx.codes.INTERNAL_SERVER_ERROR and not repeatable
            if wait is None or is_lost or attempt == _TRIES or wait > _LONGEST_WAIT_S:
                return self._checked(subject, answer, accept, is_limited=wait is not None, is_lost=is_lost)
            self._sleep(wait)

    def _request(
        self, method: str, url: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None
    ) -> _Answer:
        try:
            answer = self._http.request(method, url, params=query or None, json=body)
        except AnswerTooLong:
            text = f"{method} {urlsplit(url).path}: GitHub's answer is too long"
            raise RemoteError(text, speaker="GitHub") from None
        try:
            content, is_json = json.loads(answer.content), True
        except (ValueError, RecursionError):
            content, is_json = None, not answer.content
        following = answer.links.get("next", {}).get("url")
        return _Answer(answer.status_code, answer.headers, content, is_json, following)

    def _checked(
        self, subject: str, answer: _Answer, accept: tuple[int, ...], *, is_limited: bool, is_lost: bool
    ) -> _Answer:
        """Return an answer that is as it should be; raise the error of any other."""
        if answer.is_success and answer.is_json:
            return answer
        if answer.is_success:
            raise RemoteError(f"{subject}: GitHub's answer is not JSON", speaker="GitHub")
        if answer.status in accept and not is_limited:
            return answer
        message = answer.content.get("message") if isinstance(answer.content, dict) else ""
        raise (LostAnswer if is_lost else RemoteError)(
            f"{subject}: GitHub answered {answer.status}",
            unmasked_message=str(message or "").replace(self._token, "***"),
            step=_step(answer.status, is_limited=is_limited),
            speaker="GitHub",
        )


def _step(status: int, *, is_limited: bool) -> str:
    """Return what the reader can do about a rejected request."""
    if status in (401, 403) and not is_limited:
        return _RIGHTS
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return _LATER
    return "Try again later" if is_limited else ""


def _is_safe(url: str) -> bool:
    """Return whether a token may be sent to an address: encrypted, or on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_local = False
    return bool(host) and "@" not in parts.netloc and (parts.scheme == "https" or (parts.scheme == "http" and is_local))


def _graphql_error(content: Any) -> str:
    errors = content.get("errors") if isinstance(content, dict) else None
    return str(errors[0].get("message", "")) if isinstance(errors, list) and errors else ""


def _wait(answer: _Answer, attempt: int) -> float | None:
    """Return the seconds to wait before another try; `None` if there is no sense in one."""
    after = retry_after(answer.headers.get("retry-after"), time.time())
    if answer.status in (403, 429):
        if after is not None:
            return after
        if answer.headers.get("x-ratelimit-remaining") == "0":
            reset = answer.headers.get("x-ratelimit-reset", "")
            return max(1.0, float(reset) - time.time()) if reset.isdigit() else 60.0
        message = str(answer.content.get("message")) if isinstance(answer.content, dict) else ""
        limited = answer.status == httpx.codes.TOO_MANY_REQUESTS or "secondary rate limit" in message
        return 60.0 * attempt if limited else None
    if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return after if after is not None else 2.0**attempt
    return None
