"""Serve the admin API of the local Secret Manager.

Create secrets, deny permissions, read the log, and add faults.

Mounted under `/_admin/secret-manager`. Bodies and answers are JSON; an impossible request is 400 `{"error": …}`. Admin
requests are not logged, and faults do not apply to them.

- `GET  /state`: every secret with the states of its versions, without values.
- `POST /reset`: delete secrets, denials, faults and requests.
- `PUT  /versions`: `{"versions": [{"project", "secret", "version": N, "value"}]}`: creates each version, enabled, and
  its secret. Missing lower versions are created destroyed. Without `version`, the next one.
- `PATCH /versions/{project}/{secret}/{version}`: `{"state": "DISABLED"}`, `ENABLED` or `DESTROYED`.
- `GET, PUT /denials`: `{"denials": [{"permission": "secretmanager.versions.access", "resource": pattern}]}`: denied
  permissions; the pattern is a shell's, on `projects/…/secrets/…` as in requests; absent: every resource.
- `PUT /disabled-projects`: `{"projects": [...]}`: projects without the API.
- `GET /requests`, `GET /requests/counts`, `DELETE /requests`.
- `GET, POST, DELETE /faults`: see `faults`.
"""

# ruff: noqa: ARG002 (every handler takes the request)

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from aiohttp import web

from simulator.bodies import json_object
from simulator.secret_manager.errors import ApiError
from simulator.secret_manager.faults import Faults
from simulator.secret_manager.state import Denial, Version, project_number
from simulator.secret_manager.transport import RequestLog
from simulator.secret_manager.vault import Vault

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_admin(vault: Vault, faults: Faults, log: RequestLog) -> web.Application:
    """Return the routes, on the store, faults and log of the API."""
    admin = _Admin(vault, faults, log)
    app = web.Application(middlewares=[_answer_errors])
    app.add_routes(
        [
            web.get("/state", admin.state),
            web.post("/reset", admin.reset),
            web.put("/versions", admin.put_versions),
            web.patch("/versions/{project}/{secret}/{version}", admin.move_version),
            web.get("/denials", admin.denials),
            web.put("/denials", admin.put_denials),
            web.put("/disabled-projects", admin.put_disabled_projects),
            web.get("/requests", admin.requests),
            web.get("/requests/counts", admin.counts),
            web.delete("/requests", admin.forget_requests),
            web.get("/faults", admin.faults_in_force),
            web.post("/faults", admin.add_fault),
            web.delete("/faults", admin.drop_faults),
        ]
    )
    return app


def reset(vault: Vault, faults: Faults, log: RequestLog) -> None:
    """Delete secrets, denials, faults and requests."""
    vault.store.clear()
    faults.clear()
    log.clear()


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (ApiError, ValueError, TypeError, AttributeError, KeyError) as error:
        return web.json_response({"error": f"cannot do that: {error}"}, status=400)


class _Admin:
    def __init__(self, vault: Vault, faults: Faults, log: RequestLog) -> None:
        self._vault, self._store, self._faults, self._log = vault, vault.store, faults, log

    async def state(self, request: web.Request) -> web.Response:
        """Return every secret, as `project number/name`, with the states of its versions by number."""
        return web.json_response(
            {
                f"{project}/{name}": {str(number): version.state for number, version in sorted(secret.versions.items())}
                for (project, name), secret in sorted(self._store.secrets.items())
            }
        )

    async def reset(self, request: web.Request) -> web.Response:
        """Delete everything."""
        reset(self._vault, self._faults, self._log)
        return web.json_response({})

    async def put_versions(self, request: web.Request) -> web.Response:
        """Create versions with their values."""
        for item in (await json_object(request))["versions"]:
            self._put(**item)
        return web.json_response({})

    def _put(self, project: str, secret: str, value: str, version: int | None = None) -> None:
        if (project_number(project), secret) not in self._store.secrets:
            self._vault.create(project, secret, {"replication": {"automatic": {}}})
        versions = self._vault.secret(project, secret).versions
        now = self._store.now()
        number = version or max(versions, default=0) + 1
        for earlier in range(1, number):
            versions.setdefault(earlier, Version(earlier, b"", now, "DESTROYED", now, revision=self._store.revision()))
        versions[number] = Version(number, value.encode(), now, revision=self._store.revision())

    async def move_version(self, request: web.Request) -> web.Response:
        """Enable, disable or destroy a version."""
        info, state = request.match_info, (await json_object(request))["state"]
        if state not in ("ENABLED", "DISABLED", "DESTROYED"):
            raise ValueError("state is ENABLED, DISABLED or DESTROYED")
        self._vault.move(info["project"], info["secret"], info["version"], state, None)
        return web.json_response({})

    async def denials(self, request: web.Request) -> web.Response:
        """Return the denied permissions."""
        return web.json_response({"denials": [asdict(denial) for denial in self._store.denials]})

    async def put_denials(self, request: web.Request) -> web.Response:
        """Replace the denied permissions."""
        self._store.denials = [Denial(**item) for item in (await json_object(request))["denials"]]
        return web.json_response({})

    async def put_disabled_projects(self, request: web.Request) -> web.Response:
        """Replace the projects without the API."""
        self._store.disabled_projects = {project_number(name) for name in (await json_object(request))["projects"]}
        return web.json_response({})

    async def requests(self, request: web.Request) -> web.Response:
        """Return every request, as `transport.Entry`."""
        return web.json_response(self._log.as_json())

    async def counts(self, request: web.Request) -> web.Response:
        """Return the number of requests per method and route."""
        return web.json_response(self._log.counts())

    async def forget_requests(self, request: web.Request) -> web.Response:
        """Delete the log and its counts."""
        self._log.clear()
        return web.json_response({})

    async def faults_in_force(self, request: web.Request) -> web.Response:
        """Return the faults with their counts."""
        return web.json_response([fault.as_json() for fault in self._faults])

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add a fault."""
        return web.json_response(self._faults.add(await json_object(request)).as_json())

    async def drop_faults(self, request: web.Request) -> web.Response:
        """Remove all faults."""
        self._faults.clear()
        return web.json_response({})
