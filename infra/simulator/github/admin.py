"""The admin side of the local GitHub: what happens there without the API, and faults."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from simulator.bodies import json_object
from simulator.github import render
from simulator.github.actions import add_run
from simulator.github.auth import Actor
from simulator.github.errors import ApiError
from simulator.github.git import Signature
from simulator.github.pulls import merge_pull
from simulator.github.request import Call
from simulator.github.state import Fault, Repository, State, Team

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_admin(state: State) -> web.Application:
    """Return the application on this state."""
    api = _Admin(state)
    app = web.Application(middlewares=[_errors])
    app.add_routes(
        [
            web.get("/requests", api.list_requests),
            web.delete("/requests", api.forget_requests),
            web.post("/faults", api.add_fault),
            web.delete("/faults", api.clear_faults),
            web.put("/options", api.set_options),
            web.post("/repositories", api.create_repository),
            web.patch("/repositories/{owner}/{name}", api.change_repository),
            web.post("/repositories/{owner}/{name}/commits", api.create_commit),
            web.post("/repositories/{owner}/{name}/merge-queue", api.merge_queue),
            web.post("/repositories/{owner}/{name}/runs", api.create_run),
            web.patch("/repositories/{owner}/{name}/runs/{run}", api.change_run),
            web.post("/apps", api.create_app),
            web.post("/tokens", api.create_token),
            web.put("/teams/{org}/{team}", api.put_team),
        ]
    )
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return error.response()
    except (TypeError, ValueError, KeyError) as error:
        return web.json_response({"message": f"{type(error).__name__}: {error}"}, status=400)


class _Admin:
    """The routes."""

    def __init__(self, state: State) -> None:
        self._state = state

    def _repository(self, request: web.Request) -> Repository:
        found = self._state.repositories.get(f"{request.match_info['owner']}/{request.match_info['name']}".lower())
        if found is None:
            raise ApiError(404, "no such repository")
        return found

    async def list_requests(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """List the API's requests: method, path and status."""
        return web.json_response(self._state.requests)

    async def forget_requests(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """Forget them."""
        self._state.requests.clear()
        return web.json_response({})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add a `Fault`, by its fields."""
        self._state.faults.append(Fault(**await json_object(request)))
        return web.json_response({})

    async def clear_faults(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """Clear all faults."""
        self._state.faults.clear()
        return web.json_response({})

    async def set_options(self, request: web.Request) -> web.Response:
        """Set `now`, an ISO date and time or null for the real one, and `public_url`."""
        body = await json_object(request)
        if "now" in body:
            now = body["now"]
            self._state.fixed_now = datetime.fromisoformat(now).astimezone(UTC) if now else None
        self._state.public_url = body.get("public_url", self._state.public_url)
        return web.json_response({})

    async def create_repository(self, request: web.Request) -> web.Response:
        """Create a repository: `name`, `default_branch`, a fork's `parent`, a bare one's `git_dir`."""
        body = await json_object(request)
        folder = Path(body["git_dir"]) if body.get("git_dir") else None
        found = self._state.add_repository(
            body["name"], folder, default_branch=body.get("default_branch", "main"), parent=body.get("parent")
        )
        found.roles.update(body.get("roles", {}))
        found.is_private = body.get("private", True)
        return web.json_response({"id": found.id, "git_dir": str(found.git.folder)})

    async def change_repository(self, request: web.Request) -> web.Response:
        """Change `name`, `roles` by login, or `private`."""
        found, body = self._repository(request), await json_object(request)
        found.roles.update(body.get("roles", {}))
        found.is_private = body.get("private", found.is_private)
        if (name := body.get("name")) is not None:
            self._state.renamed[found.name.lower()] = found.id
            del self._state.repositories[found.name.lower()]
            found.name = name
            self._state.repositories[name.lower()] = found
        return web.json_response({"id": found.id})

    async def create_commit(self, request: web.Request) -> web.Response:
        """Push a commit: `branch`, `files` with their text or null, `message`, `login`."""
        found, body = self._repository(request), await json_object(request)
        who: Signature = self._state.signature(body.get("login", "someone"))
        sha = found.git.write(body.get("branch", found.default_branch), body["files"], body.get("message", "x"), who)
        self._state.sync(found)
        return web.json_response({"sha": sha})

    async def merge_queue(self, request: web.Request) -> web.Response:
        """Merge several pull requests with one push: `pulls`, `method`."""
        found, body = self._repository(request), await json_object(request)
        call = self._call(request, body.get("login", "github-merge-queue[bot]"))
        before = found.git.branch(found.default_branch)
        merged = [merge_pull(call, found, found.issues[each], body.get("method", "merge")) for each in body["pulls"]]
        return web.json_response({"before": before, "after": found.git.branch(found.default_branch), "merged": merged})

    async def create_run(self, request: web.Request) -> web.Response:
        """Start a run of a workflow: `path`, `event`, `branch`, `login`."""
        found, body = self._repository(request), await json_object(request)
        branch = body.get("branch", found.default_branch)
        commit = found.git.branch(branch)
        if commit is None:
            raise ApiError(422, "no such branch")
        call = self._call(request, body.get("login", "someone"))
        run = add_run(call, found, body["path"], body.get("event", "push"), commit=commit, branch=branch)
        run.status = body.get("status", "in_progress")
        return web.json_response(render.workflow_run(call, found, run))

    async def change_run(self, request: web.Request) -> web.Response:
        """Set a run's `status`, `conclusion` and `jobs`."""
        found, body = self._repository(request), await json_object(request)
        run = found.runs[int(request.match_info["run"])]
        run.status, run.conclusion = body.get("status", run.status), body.get("conclusion", run.conclusion)
        run.jobs = body.get("jobs", run.jobs)
        run.updated = self._state.timestamp()
        return web.json_response(dataclasses.asdict(run))

    async def create_app(self, request: web.Request) -> web.Response:
        """Register an App and install it: `slug`, `owner`, `permissions`, `public_key`, `repositories`."""
        body = await json_object(request)
        key = body.get("public_key", "")
        app = self._state.add_app(body["slug"], body["owner"], body["permissions"], public_key=key)
        number = self._state.install(app, *body.get("repositories", ()))
        return web.json_response({"id": app.id, "slug": app.slug, "installation_id": number})

    async def create_token(self, request: web.Request) -> web.Response:
        """Create a token with `permissions`.

        Of a person by `login`, or of an App's `slug` for `repositories`.
        """
        body = await json_object(request)
        permissions: dict[str, Any] | None = body.get("permissions")
        if "login" in body:
            token = self._state.user_token(body["login"], permissions, token=body.get("token", ""))
        else:
            app = next(each for each in self._state.apps.values() if each.slug == body["slug"])
            names = body["repositories"]
            token = self._state.app_token(app, *names, permissions=permissions, token=body.get("token", ""))
        return web.json_response({"token": token})

    async def put_team(self, request: web.Request) -> web.Response:
        """Set a team's `members`, and those that are `pending`."""
        body, key = await json_object(request), (request.match_info["org"], request.match_info["team"])
        roles = dict.fromkeys(body.get("members", ()), "member")
        for login in roles:
            self._state.account(login)
        team = Team(self._state.next_id(), *key, roles, set(body.get("pending", ())))
        self._state.teams[key[0].lower(), key[1].lower()] = team
        return web.json_response({})

    def _call(self, request: web.Request, login: str) -> Call:
        self._state.account(login)
        return Call(self._state, request, Actor(login))
