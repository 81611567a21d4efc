"""The routes of the local GitHub: authors by token, pages with Link headers, and GitHub's errors.

`GET /_admin/requests` lists the requests, `POST /_admin/faults` `{"times": N, "after": S}` answers the next N requests
with the secondary rate limit.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from simulator.bodies import json_object

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: The id of the GitHub App of GitHub Actions.
_ACTIONS = 15368
_LONGEST_BODY = 65_536
_DOCUMENTATION = "https://docs.github.com/rest"


@dataclass
class State:
    """What the local GitHub remembers."""

    users: dict[str, str] = field(default_factory=dict)
    """Tokens with the login that each writes as; one that ends in `[bot]` is an installation's."""
    apps: dict[str, int] = field(default_factory=dict)
    """The ids of GitHub Apps by their slugs, GitHub Actions excepted."""
    issues: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    """The comments of each issue or pull request, by repository and number."""
    pulls: list[dict[str, Any]] = field(default_factory=list)
    reviews: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    files: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    contents: dict[tuple[str, str], str] = field(default_factory=dict)
    """The text of files by commit and path."""
    check_runs: list[dict[str, Any]] = field(default_factory=list)
    attempts: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    """The attempts of workflow runs by run and number; `jobs` is the list of their jobs."""
    now: str = "2026-01-01T00:00:00Z"
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
            web.get("/repos/{owner}/{name}/commits/{sha}/pulls", api.pulls_of_commit),
            web.get("/repos/{owner}/{name}/pulls/{number}/reviews", api.reviews),
            web.get("/repos/{owner}/{name}/pulls/{number}/files", api.files),
            web.get("/repos/{owner}/{name}/contents/{path:.+}", api.content),
            web.post("/repos/{owner}/{name}/check-runs", api.create_check_run),
            web.get("/repos/{owner}/{name}/commits/{sha}/check-runs", api.check_runs),
            web.get("/repos/{owner}/{name}/actions/runs/{run}/attempts/{number}", api.attempt),
            web.get("/repos/{owner}/{name}/actions/runs/{run}/attempts/{number}/jobs", api.jobs_of_attempt),
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
        return self._page(request, self._issue(request))

    async def pulls_of_commit(self, request: web.Request) -> web.Response:
        sha = request.match_info["sha"]
        return self._page(request, [each for each in self._state.pulls if each["merge_commit_sha"] == sha])

    async def reviews(self, request: web.Request) -> web.Response:
        return self._page(request, self._state.reviews.get(int(request.match_info["number"]), []))

    async def files(self, request: web.Request) -> web.Response:
        return self._page(request, self._state.files.get(int(request.match_info["number"]), []))

    async def content(self, request: web.Request) -> web.Response:
        text = self._state.contents.get((request.query.get("ref", ""), request.match_info["path"]))
        if text is None:
            raise web.HTTPNotFound
        content = base64.encodebytes(text.encode()).decode()
        return web.json_response({"type": "file", "encoding": "base64", "content": content})

    async def create_check_run(self, request: web.Request) -> web.Response:
        login = self._login(request) or ""
        if not login.endswith("[bot]"):
            return _error(403, "You must authenticate via a GitHub App.")
        self._state.last_id += 1
        slug = login.removesuffix("[bot]")
        app = {"id": self._state.apps.get(slug, _ACTIONS), "slug": slug}
        run = {**await json_object(request), "id": self._state.last_id, "app": app, "completed_at": self._state.now}
        self._state.check_runs.append(run)
        return web.json_response(run, status=201)

    async def check_runs(self, request: web.Request) -> web.Response:
        name, app = request.query.get("check_name"), request.query.get("app_id")
        found = [each for each in self._state.check_runs if each["head_sha"] == request.match_info["sha"]]
        found = [each for each in found if name in (None, each["name"]) and app in (None, str(each["app"]["id"]))]
        if request.query.get("filter", "latest") == "latest":
            found = list({(each["app"]["slug"], each["name"]): each for each in found}.values())
        return self._page(request, found, "check_runs")

    async def attempt(self, request: web.Request) -> web.Response:
        return web.json_response({key: value for key, value in self._attempt(request).items() if key != "jobs"})

    async def jobs_of_attempt(self, request: web.Request) -> web.Response:
        return self._page(request, self._attempt(request).get("jobs", []), "jobs")

    def _attempt(self, request: web.Request) -> dict[str, Any]:
        found = self._state.attempts.get((int(request.match_info["run"]), int(request.match_info["number"])))
        if found is None:
            raise web.HTTPNotFound
        return found

    def _page(self, request: web.Request, found: list[dict[str, Any]], key: str = "") -> web.Response:
        size = min(int(request.query.get("per_page", "30")), 100)
        page = int(request.query.get("page", "1"))
        part = found[(page - 1) * size : page * size]
        answer = web.json_response({"total_count": len(found), key: part} if key else part)
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
