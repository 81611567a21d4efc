"""The admin API of the local Google Cloud: read or delete everything, and add faults.

Mounted under `/_admin/gcp`. Bodies and answers are JSON; an error is `{"error": text}` with its status. Changes by hand
are in `admin_datasets` (datasets) and `admin_iam` (projects, folders, functions, grants).
"""

# ruff: noqa: ARG002 (every handler takes the request)

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from simulator.bodies import json_object
from simulator.google.admin_datasets import AdminDatasets, dataset_answer
from simulator.google.admin_iam import AdminIam, container_answer, grants_answer
from simulator.google.errors import ApiError
from simulator.google.faults import Faults
from simulator.google.state import Store

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_admin(store: Store, faults: Faults) -> web.Application:
    """Return the routes, on the store and faults of the provider."""
    admin = _Admin(store, faults)
    app = web.Application(middlewares=[_answer_errors])
    app.add_routes(
        [
            web.get("/state", admin.state),
            web.post("/reset", admin.reset),
            web.get("/calls", admin.calls),
            web.delete("/calls", admin.forget_calls),
            web.get("/faults", admin.faults_in_force),
            web.post("/faults", admin.add_fault),
            web.delete("/faults", admin.drop_faults),
            web.post("/faults/{number}/release", admin.release),
            web.get("/quota", admin.quota),
            web.put("/quota", admin.set_quota),
        ]
    )
    app.add_routes(AdminDatasets(store, faults).routes())
    app.add_routes(AdminIam(store).routes())
    return app


def reset(store: Store, faults: Faults) -> None:
    """Delete all objects, faults (held calls continue) and counts."""
    store.clear()
    faults.clear()
    faults.calls.clear()


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return web.json_response({"error": str(error)}, status=error.status)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        return web.json_response({"error": f"cannot use that body: {error}"}, status=400)


@dataclass
class _Admin:
    store: Store
    faults: Faults

    async def state(self, request: web.Request) -> web.Response:
        """Return all objects by project; folders and organisations by name."""
        projects = {
            name: {
                "datasets": {id_: dataset_answer(dataset) for id_, dataset in sorted(project.datasets.items())},
                "policy": grants_answer(project.policy),
                "located": {"/".join(key): grants_answer(policy) for key, policy in sorted(project.located.items())},
            }
            for name, project in sorted(self.store.projects.items())
        }
        answer = {
            "projects": projects,
            "above": {name: container_answer(above) for name, above in sorted(self.store.above.items())},
            "unknown_members": sorted(self.store.unknown_members),
        }
        return web.json_response(answer)

    async def reset(self, request: web.Request) -> web.Response:
        """Delete all objects, faults (held calls continue) and counts."""
        reset(self.store, self.faults)
        return web.json_response({})

    async def calls(self, request: web.Request) -> web.Response:
        """Return the number of calls: `[{"method", "type", "preview", "count"}]`."""
        counted = sorted((c.method, c.type, c.preview, count) for c, count in self.faults.calls.items())
        keys = ("method", "type", "preview", "count")
        return web.json_response([dict(zip(keys, values, strict=True)) for values in counted])

    async def forget_calls(self, request: web.Request) -> web.Response:
        """Reset the counts."""
        self.faults.calls.clear()
        return web.json_response({})

    async def faults_in_force(self, request: web.Request) -> web.Response:
        """Return the fault rules, each with its number of hits and held calls."""
        return web.json_response([rule.report() for rule in self.faults])

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add a fault. The body's keys are the settings of `faults.Rule`."""
        return web.json_response(self.faults.add(await json_object(request)).report(), status=201)

    async def drop_faults(self, request: web.Request) -> web.Response:
        """Remove all faults, and release the calls that they hold."""
        self.faults.clear()
        return web.json_response({})

    async def quota(self, request: web.Request) -> web.Response:
        """Return BigQuery's quota of requests a second, and by method the most in a second and those rejected."""
        quota = self.store.quota
        return web.json_response({"per_second": quota.per_second, "most": quota.most, "rejected": quota.rejected})

    async def set_quota(self, request: web.Request) -> web.Response:
        """Set how many requests a second a user may send to a method: `{"per_second": 10}`. Counts start anew."""
        self.store.quota.clear()
        self.store.quota.per_second = int((await json_object(request))["per_second"])
        return await self.quota(request)

    async def release(self, request: web.Request) -> web.Response:
        """Release the calls that a fault holds, now and later."""
        rule = self.faults.get(int(request.match_info["number"]))
        if rule is None:
            return web.json_response({"error": "no such fault"}, status=404)
        rule.released.set()
        return web.json_response(rule.report())
