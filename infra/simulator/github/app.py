"""The routes of the local GitHub: authors by token, pages with Link headers, and GitHub's errors.

`GET /_admin/requests` lists the requests, `POST /_admin/faults` `{"times": N, "after": S}` answers the next N requests
with the secondary rate limit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from simulator.bodies import json_object

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LONGEST_BODY = 65_536
_DOCUMENTATION = "https://docs.github.com/rest"


@dataclass
class State:
    """What the local GitHub remembers."""

    users: dict[str, str] = field(default_factory=dict)
    """Tokens with the login that each writes as; one that ends in `[bot]` is an installation's."""
    issues: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    """The comments of each issue or pull request, by repository and number."""
    requests: list[str] = field(default_factory=list)
    limited: int = 0
    """How many of the next requests meet the secondary rate limit."""
    retry_after: int = 1
    last_id: int = 0


def build_app(state: State) -> web.Application:
    """Return the application on this state."""
    api = _Api(state)
    app = web.Application(middlewares=[api.guard])
    app.add_routes(
        [
            web.get("/user", api.user),
            web.get("/repos/{owner}/{name}/issues/{number}/comments", api.comments),
            web.post("/repos/{owner}/{name}/issues/{number}/comments", api.create),
            web.patch("/repos/{owner}/{name}/issues/comments/{id}", api.update),
            web.get("/_admin/requests", api.log),
            web.post("/_admin/faults", api.fault),
        ]
    )
    return app


def _error(status: int, message: str, **more: object) -> web.Response:
    body = {"message": message, "documentation_url": _DOCUMENTATION, "status": str(status), **more}
    return web.json_response(body, status=status)


class _Api:
    def __init__(self, state: State) -> None:
        self._state = state

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_admin"):
            return await handler(request)
        self._state.requests.append(f"{request.method} {request.path_qs}")
        if self._login(request) is None:
            return _error(401, "Bad credentials")
        if self._state.limited > 0:
            self._state.limited -= 1
            answer = _error(403, "You have exceeded a secondary rate limit. Please wait a few minutes.")
            answer.headers["Retry-After"] = str(self._state.retry_after)
            return answer
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return _error(404, "Not Found")

    def _login(self, request: web.Request) -> str | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return self._state.users.get(token) if kind.lower() in ("bearer", "token") else None

    async def user(self, request: web.Request) -> web.Response:
        login = self._login(request) or ""
        if login.endswith("[bot]"):
            return _error(403, "Resource not accessible by integration")
        return web.json_response({"login": login, "type": "User"})

    async def comments(self, request: web.Request) -> web.Response:
        found = self._issue(request)
        size = min(int(request.query.get("per_page", "30")), 100)
        page = int(request.query.get("page", "1"))
        answer = web.json_response(found[(page - 1) * size : page * size])
        if page * size < len(found):
            following = request.url.update_query(page=str(page + 1))
            answer.headers["Link"] = f'<{following}>; rel="next"'
        return answer

    async def create(self, request: web.Request) -> web.Response:
        found, body = self._issue(request), (await json_object(request)).get("body")
        if (wrong := _check(body)) is not None:
            return wrong
        self._state.last_id += 1
        number, repository = request.match_info["number"], self._repository(request)
        comment = {
            "id": self._state.last_id,
            "body": body,
            "user": {"login": self._login(request)},
            "html_url": f"https://github.com/{repository}/pull/{number}#issuecomment-{self._state.last_id}",
        }
        found.append(comment)
        return web.json_response(comment, status=201)

    async def update(self, request: web.Request) -> web.Response:
        body = (await json_object(request)).get("body")
        for (repository, _), comments in self._state.issues.items():
            for comment in comments:
                if repository == self._repository(request) and str(comment["id"]) == request.match_info["id"]:
                    if (wrong := _check(body)) is not None:
                        return wrong
                    comment["body"] = body
                    return web.json_response(comment)
        raise web.HTTPNotFound

    async def log(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.json_response(self._state.requests)

    async def fault(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        self._state.limited, self._state.retry_after = body["times"], body.get("after", 1)
        return web.json_response({})

    def _repository(self, request: web.Request) -> str:
        return f"{request.match_info['owner']}/{request.match_info['name']}"

    def _issue(self, request: web.Request) -> list[dict[str, Any]]:
        key = (self._repository(request), int(request.match_info["number"]))
        if key not in self._state.issues:
            raise web.HTTPNotFound
        return self._state.issues[key]


def _check(body: object) -> web.Response | None:
    if not isinstance(body, str) or not body.strip():
        return _error(422, "Validation Failed", errors=[{"resource": "IssueComment", "field": "body"}])
    if len(body) > _LONGEST_BODY:
        return _error(422, "Validation Failed", errors=["body is too long (maximum is 65536 characters)"])
    return None
