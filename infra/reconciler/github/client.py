"""A client of GitHub's REST API: pages, retries with limits, and errors without the token."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx

from reconciler.model.errors import ReconcilerError, RemoteError

#: Tries of one request, and the longest wait before another, in seconds.
_TRIES = 4
_LONGEST_WAIT_S = 120.0
_MOST_PAGES = 500
_SERVER_ERROR = 500
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")


class GitHub:
    """One repository of GitHub."""

    def __init__(self, token: str, repository: str, url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        if not _REPOSITORY.fullmatch(repository):
            raise ReconcilerError("GITHUB_REPOSITORY is no repository\n    Set it to OWNER/NAME.")
        self._token = token
        self.repository = repository
        self._url = url.rstrip("/")
        self._sleep = sleep
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self._http = httpx.Client(headers=headers, timeout=30.0)

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
        """Return whose token this is; an installation's token may not ask, and writes as GitHub Actions."""
        answer = self._send("GET", "/user", accept=(403,))
        return "github-actions[bot]" if answer.status_code == httpx.codes.FORBIDDEN else str(answer.json()["login"])

    def get(self, path: str, *, missing: bool = False, **query: str) -> Any:
        """Return the object at a path of the repository; `None` where it is missing and that is accepted."""
        answer = self._send("GET", self._path(path), query=query, accept=(404,) if missing else ())
        return None if answer.status_code == httpx.codes.NOT_FOUND else answer.json()

    def is_team_member(self, organisation: str, team: str, user: str) -> bool:
        """Return whether a user is an active member of a team."""
        answer = self._send("GET", f"/orgs/{organisation}/teams/{team}/memberships/{user}", accept=(404,))
        return answer.status_code == httpx.codes.OK and answer.json().get("state") == "active"

    def list(self, path: str, key: str = "", **query: str) -> list[dict[str, Any]]:
        """Return the objects of all pages; `key` names the list where a page is an object."""
        found: list[dict[str, Any]] = []
        answer = self._send("GET", self._path(path), query={"per_page": "100", **query})
        for _ in range(_MOST_PAGES):
            found += answer.json()[key] if key else answer.json()
            following = answer.links.get("next", {}).get("url")
            if following is None:
                return found
            if urlsplit(following)[:2] != urlsplit(self._url)[:2]:
                raise RemoteError(f"GET {path}: GitHub's next page is on another host", speaker="GitHub")
            answer = self._send("GET", following)
        raise RemoteError(f"GET {path}: GitHub's list does not end", speaker="GitHub")

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Create an object."""
        return self._send("POST", self._path(path), body=body).json()

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change an object."""
        return self._send("PATCH", self._path(path), body=body).json()

    def _path(self, path: str) -> str:
        return f"/repos/{self.repository}{path}"

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        accept: tuple[int, ...] = (),
    ) -> httpx.Response:
        url = path if path.startswith("http") else f"{self._url}{path}"
        subject = f"{method} {urlsplit(url).path}"
        for attempt in range(1, _TRIES + 1):
            try:
                answer = self._http.request(method, url, params=query or None, json=body)
            except httpx.HTTPError as error:
                if attempt < _TRIES and (method != "POST" or isinstance(error, httpx.ConnectError)):
                    self._sleep(2.0**attempt)
                    continue
                name = type(error).__name__
                raise RemoteError(f"{subject}: GitHub could not be reached ({name})", speaker="GitHub") from None
            wait = _wait(answer, method, attempt)
            if wait is None or attempt == _TRIES or wait > _LONGEST_WAIT_S:
                break
            self._sleep(wait)
        if answer.is_success or (answer.status_code in accept and wait is None):
            if answer.is_success and not _is_json(answer):
                raise RemoteError(f"{subject}: GitHub's answer is not JSON", speaker="GitHub")
            return answer
        step = "Try again later" if wait is not None else ""
        text = f"{subject}: GitHub answered {answer.status_code}"
        raise RemoteError(text, unmasked_message=self._message(answer), step=step, speaker="GitHub")

    def _message(self, answer: httpx.Response) -> str:
        try:
            message = answer.json().get("message")
        except (ValueError, AttributeError):
            return ""
        return str(message or "").replace(self._token, "***")


def _is_json(answer: httpx.Response) -> bool:
    try:
        answer.json()
    except ValueError:
        return False
    return True


def _wait(answer: httpx.Response, method: str, attempt: int) -> float | None:
    """Return the seconds to wait before another try; `None` if there is no sense in one."""
    if answer.status_code in (403, 429):
        after = answer.headers.get("retry-after", "")
        if after.isdigit():
            return float(after)
        if answer.headers.get("x-ratelimit-remaining") == "0":
            reset = answer.headers.get("x-ratelimit-reset", "")
            return max(1.0, float(reset) - time.time()) if reset.isdigit() else 60.0
        limited = answer.status_code == httpx.codes.TOO_MANY_REQUESTS or "secondary rate limit" in answer.text
        return 60.0 * attempt if limited else None
    if answer.status_code >= _SERVER_ERROR and method != "POST":
        return 2.0**attempt
    return None
