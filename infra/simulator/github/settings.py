"""A repository's settings in GitHub's REST API: environments, rules, branch protection and errors in CODEOWNERS.

Written from https://docs.github.com/rest. A token that is not an administrator's sees no branch protection, and no
list of who may bypass a ruleset.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Json = dict[str, Any]


@dataclass
class Settings:
    """The settings of one repository, in GitHub's own form."""

    default_branch: str = "main"
    is_admin: bool = True
    """Whether the token is an administrator's."""
    environments: dict[str, Json] = field(default_factory=dict)
    """Environments by name; `branch_policies` are those of the deployment branches."""
    rules: list[Json] = field(default_factory=list)
    rulesets: dict[int, Json] = field(default_factory=dict)
    protection: Json | None = None
    workflow_permissions: Json = field(
        default_factory=lambda: {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}
    )
    codeowners: str = ""
    codeowners_errors: list[Json] = field(default_factory=list)


def build_settings(settings: Settings) -> web.Application:
    """Return the application on a repository's settings."""
    api = _Api(settings)
    one = "/repos/{owner}/{name}"
    app = web.Application(middlewares=[_errors])
    app.add_routes(
        [
            web.get(one, api.repository),
            web.get(f"{one}/environments/{{environment}}", api.environment),
            web.get(f"{one}/environments/{{environment}}/deployment-branch-policies", api.branch_policies),
            web.get(f"{one}/rules/branches/{{branch:.+}}", api.rules),
            web.get(f"{one}/rulesets/{{id}}", api.ruleset),
            web.get(f"{one}/branches/{{branch}}/protection", api.protection),
            web.get(f"{one}/actions/permissions/workflow", api.workflow_permissions),
            web.get(f"{one}/codeowners/errors", api.codeowners_errors),
            web.get(f"{one}/contents/{{path:.+}}", api.content),
        ]
    )
    return app


@web.middleware
async def _errors(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except web.HTTPNotFound:
        return _error(404, "Not Found")
    return answer


def _error(status: int, message: str) -> web.Response:
    body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    return web.json_response(body, status=status)


class _Api:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def repository(self, request: web.Request) -> web.Response:
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        return web.json_response({"id": 1, "full_name": name, "default_branch": self._settings.default_branch})

    async def environment(self, request: web.Request) -> web.Response:
        found = self._environment(request)
        return web.json_response({key: value for key, value in found.items() if key != "branch_policies"})

    async def branch_policies(self, request: web.Request) -> web.Response:
        found = self._environment(request).get("branch_policies", [])
        return web.json_response({"total_count": len(found), "branch_policies": found})

    def _environment(self, request: web.Request) -> Json:
        name = request.match_info["environment"]
        if name not in self._settings.environments:
            raise web.HTTPNotFound
        return {"id": 1, "name": name, **self._settings.environments[name]}

    async def rules(self, request: web.Request) -> web.Response:
        applies = request.match_info["branch"] == self._settings.default_branch
        return web.json_response(self._settings.rules if applies else [])

    async def ruleset(self, request: web.Request) -> web.Response:
        found = self._settings.rulesets.get(int(request.match_info["id"]))
        if found is None:
            raise web.HTTPNotFound
        shown = dict(found) if self._settings.is_admin else {k: v for k, v in found.items() if k != "bypass_actors"}
        return web.json_response(shown)

    async def protection(self, request: web.Request) -> web.Response:  # noqa: ARG002
        if not self._settings.is_admin:
            return _error(403, "Resource not accessible by integration")
        if self._settings.protection is None:
            return _error(404, "Branch not protected")
        return web.json_response(self._settings.protection)

    async def workflow_permissions(self, request: web.Request) -> web.Response:  # noqa: ARG002
        if not self._settings.is_admin:
            return _error(403, "Resource not accessible by integration")
        return web.json_response(self._settings.workflow_permissions)

    async def codeowners_errors(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.json_response({"errors": self._settings.codeowners_errors})

    async def content(self, request: web.Request) -> web.Response:
        if request.match_info["path"] != ".github/CODEOWNERS" or not self._settings.codeowners:
            raise web.HTTPNotFound
        content = base64.encodebytes(self._settings.codeowners.encode()).decode()
        return web.json_response({"type": "file", "encoding": "base64", "content": content})
