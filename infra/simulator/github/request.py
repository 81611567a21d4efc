"""A request to the local GitHub: who asks, about which repository, and the pages of the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from simulator.github.auth import Actor
from simulator.github.errors import ApiError, not_allowed, not_found
from simulator.github.state import Issue, Pull, Repository, State

_LARGEST_PAGE = 100
_LEVELS = {"read": 1, "write": 2, "admin": 3}


class Call:
    """One request, with what its handler needs."""

    def __init__(self, state: State, request: web.Request, actor: Actor) -> None:
        self.state = state
        self.request = request
        self.actor = actor

    @property
    def base(self) -> str:
        """The address of the API, as answers name it."""
        prefix = "/api/v3" if self.request.path.startswith("/api/v3") else ""
        return f"{self.host}{prefix}"

    @property
    def host(self) -> str:
        """The address of the pages."""
        return self.state.public_url.rstrip("/") or f"{self.request.scheme}://{self.request.host}"

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return self.request.match_info[name]

    def number(self, name: str = "number") -> int:
        """Return a part of the path that is a number."""
        text = self.path(name)
        if not text.isdecimal():
            raise not_found()
        return int(text)

    def query(self, name: str, default: str = "") -> str:
        """Return a parameter."""
        return self.request.query.get(name, default)

    async def body(self) -> dict[str, Any]:
        """Return the JSON object that was sent."""
        try:
            found = json.loads(await self.request.text() or "{}")
        except ValueError:
            raise ApiError(400, "Problems parsing JSON") from None
        if not isinstance(found, dict):
            raise ApiError(400, "Body should be a JSON object")
        return found

    def repository(self, **needed: str) -> Repository:
        """Return the repository of the path.

        Args:
            needed: The permissions that the request needs, with their levels: one of them is enough.
        """
        if "repository_id" in self.request.match_info:
            found = self.state.by_id(self.number("repository_id"))
        else:
            found = self.state.repositories.get(f"{self.path('owner')}/{self.path('name')}".lower())
        if found is None or not self._sees(found):
            raise not_found()
        if not any(self._may(found, name, level) for name, level in needed.items()):
            writes = not any(level == "read" for level in needed.values())
            if self.actor.permissions is None and writes and found.is_private:
                raise ApiError(403, "Must have push access to repository.")
            raise not_allowed(by_app=self.actor.app is not None)
        self.state.sync(found)
        return found

    def may(self, repository: Repository, permission: str, level: str) -> bool:
        """Return whether who asks has a permission."""
        return self._may(repository, permission, level)

    def _sees(self, repository: Repository) -> bool:
        allowed = self.actor.repositories
        if allowed is not None and repository.name not in allowed:
            return not repository.is_private and self.actor.app is None
        return not repository.is_private or self.actor.app is not None or self._role(repository) > 0

    def _role(self, repository: Repository) -> int:
        if repository.owner.lower() == self.actor.login.lower():
            return _LEVELS["admin"]
        roles = {login.lower(): role for login, role in repository.roles.items()}
        return _LEVELS.get(roles.get(self.actor.login.lower(), ""), 0)

    def _may(self, repository: Repository, permission: str, level: str) -> bool:
        granted = self.actor.permissions
        if granted is not None and _LEVELS.get(granted.get(permission, ""), 0) < _LEVELS[level]:
            return False
        if self.actor.app is not None:
            return True
        role = self._role(repository)
        if level == "read" and not repository.is_private:
            return True
        # Who may read a repository may comment, open issues and pull requests, and review.
        enough = _LEVELS["read"] if permission == "discuss" else _LEVELS[level]
        return role >= enough or (permission == "discuss" and not repository.is_private)

    def issue(self, repository: Repository, name: str = "number") -> Issue:
        """Return the issue or pull request of the path."""
        found = repository.issues.get(self.number(name))
        if found is None:
            raise not_found()
        return found

    def pull(self, repository: Repository) -> tuple[Issue, Pull]:
        """Return the pull request of the path."""
        issue = self.issue(repository)
        if issue.pull is None:
            raise not_found()
        return issue, issue.pull

    def commit(self, repository: Repository, name: str) -> str:
        """Return the commit that a name stands for."""
        found = repository.git.resolve(name)
        if found is None:
            raise ApiError(422, f"No commit found for SHA: {name}")
        return found

    def page(self, found: Sequence[Any], key: str = "", *, size: int = 30, most: int = _LARGEST_PAGE) -> web.Response:
        """Return one page of a list, with the addresses of the others; `key` names it within an object."""
        number, size = self.page_number(), self.page_size(size, most)
        part = list(found[(number - 1) * size : number * size])
        answer = web.json_response({"total_count": len(found), key: part} if key else part)
        self.link(answer, len(found), number, size)
        return answer

    def page_number(self) -> int:
        """Return the page that is asked for."""
        text = self.query("page", "1")
        return max(1, int(text)) if text.isdecimal() else 1

    def page_size(self, default: int = 30, most: int = _LARGEST_PAGE) -> int:
        """Return the length of a page."""
        text = self.query("per_page", str(default))
        wanted = int(text) if text.isdecimal() else default
        return min(wanted or default, max(most, default))

    def link(self, answer: web.Response, total: int, number: int, size: int) -> None:
        """Add the addresses of the other pages."""
        last = max(1, -(-total // size))
        pages = {"prev": number - 1, "first": 1} if number > 1 else {}
        pages |= {"next": number + 1, "last": last} if number < last else {}
        if pages:
            url = f"{self.host}{self.request.path}"
            answer.headers["Link"] = ", ".join(
                f'<{url}?{self._query(str(page))}>; rel="{name}"' for name, page in pages.items()
            )

    def _query(self, page: str) -> str:
        return str(self.request.url.update_query(page=page).raw_query_string)
