"""Projects, folders, organisations and their IAM policies, over Cloud Resource Manager's API v3.

Written from https://cloud.google.com/resource-manager/reference/rest/v3 and IAM's pages on policy versions. Accepts any
credentials, or none. A project's policy is the one that `gcp:projects/iAMMember:IAMMember` writes. `state.Store`
decides which projects exist; folders and organisations exist once the admin API has created them. For faults
(`rest_faults`), calls have the type `resourcemanager:projects`, `:folders` or `:organizations`. The same server has
IAM's API of roles (`iam_roles`).
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from simulator.bodies import json_object
from simulator.google.errors import ApiError
from simulator.google.faults import Faults
from simulator.google.iam import bindings_of
from simulator.google.iam_roles import IamRoles
from simulator.google.rest_faults import RestFaults
from simulator.google.state import Container, Json, Store
from simulator.secret_manager.state import project_number

_ONE = "/v3/{collection:projects|folders|organizations}/{id:[^/:]+}"
_STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_resource_manager(store: Store, faults: Faults, latency_ms: int = 0) -> web.Application:
    """Return the routes of both APIs; `latency_ms` is added to every call."""
    rest = RestFaults(faults, latency_ms)
    manager = _ResourceManager(store, rest)
    app = web.Application(middlewares=[_errors])
    app.add_routes([web.get(_ONE, manager.get), web.post(f"{_ONE}:getIamPolicy", manager.get_iam_policy)])
    app.add_routes([web.post(f"{_ONE}:testIamPermissions", manager.test_iam_permissions)])
    app.add_routes(IamRoles(store, rest).routes())
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return _error(error.status, error.message)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        return _error(501, f"the local Resource Manager does not simulate {request.method} {request.path}")
    except (ValueError, TypeError):
        return _error(400, "Invalid JSON payload received.")


def _error(status: int, message: str) -> web.Response:
    error = {"code": status, "message": message, "status": _STATUSES.get(status, "INTERNAL")}
    return web.json_response({"error": error}, status=status)


@dataclass
class _ResourceManager:
    store: Store
    rest: RestFaults

    async def get(self, request: web.Request) -> web.StreamResponse:
        """`projects.get`, `folders.get`, `organizations.get`. As in Google's API, a missing object is denied."""
        collection, id_ = request.match_info["collection"], request.match_info["id"]

        def effect() -> web.StreamResponse:
            name, found = self._find(collection, id_)
            if found is None or "get" in found.denied:
                message = (
                    f"Permission 'resourcemanager.{collection}.get' denied on resource "
                    f"'//cloudresourcemanager.googleapis.com/{collection}/{id_}' (or it may not exist)."
                )
                raise ApiError(403, message, "forbidden")
            return web.json_response(_resource(collection, name, found))

        return await self.rest.answer(request, f"resourcemanager:{collection}", f"{collection}/{id_}", effect)

    async def get_iam_policy(self, request: web.Request) -> web.StreamResponse:
        """`getIamPolicy`: with conditions for requests of version 3, else with marked roles."""
        collection, id_ = request.match_info["collection"], request.match_info["id"]
        version = int(((await json_object(request)).get("options") or {}).get("requestedPolicyVersion") or 0)

        def effect() -> web.StreamResponse:
            if version not in {0, 1, 3}:
                raise ApiError(400, f"Requested policy version ({version}) is not supported.", "badRequest")
            _, found = self._find(collection, id_)
            if found is None or "getIamPolicy" in found.denied:
                raise ApiError(403, "The caller does not have permission", "forbidden")
            bindings = bindings_of(found.policy, conditions=version == 3)
            conditional = any("condition" in binding for binding in bindings)
            answer = {
                "version": 3 if conditional else 1,
                "etag": base64.b64encode(found.policy.etag.encode()).decode(),
                **({"bindings": bindings} if bindings else {}),
            }
            return web.json_response(answer)

        return await self.rest.answer(request, f"resourcemanager:{collection}", f"{collection}/{id_}", effect)

    async def test_iam_permissions(self, request: web.Request) -> web.StreamResponse:
        """Answer `testIamPermissions`: which of the request's permissions the caller has."""
        collection, id_ = request.match_info["collection"], request.match_info["id"]
        asked = (await json_object(request)).get("permissions") or []

        def effect() -> web.StreamResponse:
            _, found = self._find(collection, id_)
            if found is None:
                raise ApiError(403, "The caller does not have permission", "forbidden")
            granted = [each for each in asked if found.granted is None or each in found.granted]
            return web.json_response({"permissions": granted} if granted else {})

        return await self.rest.answer(request, f"resourcemanager:{collection}", f"{collection}/{id_}", effect)

    def _find(self, collection: str, id_: str) -> tuple[str, Container | None]:
        """Find an object by its id, a project also by its number. Reading does not create a project."""
        if collection != "projects":
            return id_, self.store.above.get(f"{collection}/{id_}")
        names = {*self.store.projects, *(self.store.declared or ())}
        name = next((name for name in names if str(project_number(name)) == id_), id_)
        return name, self.store.found(name)


def _resource(collection: str, id_: str, found: Container) -> dict[str, Json]:
    """Return a Project, Folder or Organization.

    Organisations have no parent, and a project's name is its number.
    """
    named = {"name": f"{collection}/{id_}"}
    if collection == "projects":
        named = {"name": f"projects/{project_number(id_)}", "projectId": id_}
    return {
        **named,
        **({"parent": found.parent} if found.parent else {}),
        "state": "ACTIVE",
        "displayName": found.display_name or id_,
        "etag": found.policy.etag,
    }
