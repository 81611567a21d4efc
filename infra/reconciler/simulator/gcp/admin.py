"""The hand from outside, over HTTP: see everything, change it as somebody in the console would, and order faults.

Mounted under `/_admin/gcp`. Bodies and answers are JSON; a refusal is `{"error": text}` with the status of its kind.
"""

# ruff: noqa: ARG002 (every handler takes the request)

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from reconciler.simulator.bodies import json_object
from reconciler.simulator.gcp.bigquery import BigQuery
from reconciler.simulator.gcp.errors import ApiError
from reconciler.simulator.gcp.faults import Faults
from reconciler.simulator.gcp.iam import Iam
from reconciler.simulator.gcp.state import Dataset, Grant, Json, Policy, Store

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_admin(store: Store, faults: Faults) -> web.Application:
    """The routes, on the same store and the same faults as the provider."""
    admin = _Admin(store, faults)
    app = web.Application(middlewares=[_refusals])
    dataset = "/datasets/{project}/{dataset}"
    app.add_routes(
        [
            web.get("/state", admin.state),
            web.post("/reset", admin.reset),
            web.get(dataset, admin.get_dataset),
            web.put(dataset, admin.put_dataset),
            web.patch(dataset, admin.patch_dataset),
            web.delete(dataset, admin.delete_dataset),
            web.post(f"{dataset}/access", admin.add_access),
            web.delete(f"{dataset}/access", admin.remove_access),
            web.put(f"{dataset}/tables/{{table}}", admin.put_table),
            web.delete(f"{dataset}/tables/{{table}}", admin.delete_table),
            web.put("/{collection:functions|services}/{project}/{place}/{name}", admin.put_located),
            web.delete("/{collection:functions|services}/{project}/{place}/{name}", admin.delete_located),
            web.delete("/grants/{project}", admin.delete_grant),
            web.put("/unknown-members", admin.put_unknown_members),
            web.get("/calls", admin.calls),
            web.delete("/calls", admin.forget_calls),
            web.get("/faults", admin.faults_in_force),
            web.post("/faults", admin.add_fault),
            web.delete("/faults", admin.drop_faults),
            web.post("/faults/{number}/release", admin.release),
        ]
    )
    return app


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
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

    def __post_init__(self) -> None:
        self.bigquery = BigQuery(self.store)
        self.iam = Iam(self.store)

    async def state(self, request: web.Request) -> web.Response:
        """Everything that exists, by project."""
        projects = {
            name: {
                "datasets": {id_: _dataset(dataset) for id_, dataset in sorted(project.datasets.items())},
                "policy": _policy(project.policy),
                "located": {"/".join(key): _policy(policy) for key, policy in sorted(project.located.items())},
            }
            for name, project in sorted(self.store.projects.items())
        }
        return web.json_response({"projects": projects, "unknown_members": sorted(self.store.unknown_members)})

    async def reset(self, request: web.Request) -> web.Response:
        """Forget everything: what exists, faults (whatever they hold goes on) and counts."""
        self.store.clear()
        self.faults.clear()
        self.faults.calls.clear()
        return web.json_response({})

    async def get_dataset(self, request: web.Request) -> web.Response:
        """One dataset, with its access list and tables."""
        return web.json_response(_dataset(self.bigquery.get(*_names(request))))

    async def put_dataset(self, request: web.Request) -> web.Response:
        """Create a dataset by hand; the body is BigQuery's resource, `{}` for all defaults."""
        return web.json_response(_dataset(self.bigquery.insert(*_names(request), await json_object(request))))

    async def patch_dataset(self, request: web.Request) -> web.Response:
        """Change a dataset by hand: what the body names, `access` as a whole, labels by key (null takes away)."""
        return web.json_response(_dataset(self.bigquery.patch(*_names(request), await json_object(request))))

    async def delete_dataset(self, request: web.Request) -> web.Response:
        """Delete a dataset by hand, with everything in it."""
        self.bigquery.delete(*_names(request), delete_contents=True)
        return web.json_response({})

    async def add_access(self, request: web.Request) -> web.Response:
        """Add one access entry: a grant somebody made, or a view, routine or dataset that was authorised."""
        names = _names(request)
        access = [*self.bigquery.get(*names).access, await json_object(request)]
        return web.json_response(_dataset(self.bigquery.patch(*names, {"access": access})))

    async def remove_access(self, request: web.Request) -> web.Response:
        """Remove the access entries that have all the keys and values of the body."""
        names, body = _names(request), await json_object(request)
        kept = [entry for entry in self.bigquery.get(*names).access if not body.items() <= entry.items()]
        return web.json_response(_dataset(self.bigquery.patch(*names, {"access": kept})))

    async def put_table(self, request: web.Request) -> web.Response:
        """Put a table into a dataset: `{"rows": 10}`."""
        dataset = self.bigquery.get(*_names(request))
        dataset.tables[request.match_info["table"]] = int((await json_object(request)).get("rows", 0))
        return web.json_response(_dataset(dataset))

    async def delete_table(self, request: web.Request) -> web.Response:
        """Drop a table; fine when there is none."""
        dataset = self.bigquery.get(*_names(request))
        dataset.tables.pop(request.match_info["table"], None)
        return web.json_response(_dataset(dataset))

    async def put_located(self, request: web.Request) -> web.Response:
        """Deploy a Cloud Function, or a service of Cloud Run, so that grants can be given on it."""
        project, key = self._located(request)
        policy = self.store.project(project).located.setdefault(key, Policy())
        return web.json_response(_policy(policy))

    async def delete_located(self, request: web.Request) -> web.Response:
        """Delete one with its policy; fine when there is none."""
        project, key = self._located(request)
        self.store.project(project).located.pop(key, None)
        return web.json_response({})

    async def delete_grant(self, request: web.Request) -> web.Response:
        """Take a role on the project from a member by hand: `{"role": …, "member": …}`."""
        body = await json_object(request)
        policy = self.iam.project_policy(request.match_info["project"])
        self.iam.remove(policy, Grant(body["role"], body["member"]))
        return web.json_response(_policy(policy))

    async def put_unknown_members(self, request: web.Request) -> web.Response:
        """The e-mail addresses that Google shall not know: `{"members": [...]}`."""
        self.store.unknown_members = {str(member).lower() for member in (await json_object(request))["members"]}
        return web.json_response({})

    async def calls(self, request: web.Request) -> web.Response:
        """How often what was called: `[{"method", "type", "preview", "count"}]`."""
        counted = sorted((c.method, c.type, c.preview, count) for c, count in self.faults.calls.items())
        keys = ("method", "type", "preview", "count")
        return web.json_response([dict(zip(keys, values, strict=True)) for values in counted])

    async def forget_calls(self, request: web.Request) -> web.Response:
        """Count from zero."""
        self.faults.calls.clear()
        return web.json_response({})

    async def faults_in_force(self, request: web.Request) -> web.Response:
        """The fault rules, with how often each was hit and how many calls it holds."""
        return web.json_response([rule.report() for rule in self.faults])

    async def add_fault(self, request: web.Request) -> web.Response:
        """Order a fault; the body's keys are the settings of `faults.Rule`."""
        return web.json_response(self.faults.add(await json_object(request)).report(), status=201)

    async def drop_faults(self, request: web.Request) -> web.Response:
        """Drop all faults and release what they hold."""
        self.faults.clear()
        return web.json_response({})

    async def release(self, request: web.Request) -> web.Response:
        """Let go what a fault holds, now and later."""
        rule = self.faults.get(int(request.match_info["number"]))
        if rule is None:
            return web.json_response({"error": "no such fault"}, status=404)
        rule.released.set()
        return web.json_response(rule.report())

    @staticmethod
    def _located(request: web.Request) -> tuple[str, tuple[str, str, str]]:
        info = request.match_info
        return info["project"], (info["collection"], info["place"], info["name"])


def _names(request: web.Request) -> tuple[str, str]:
    return request.match_info["project"], request.match_info["dataset"]


def _dataset(dataset: Dataset) -> dict[str, Json]:
    return {
        "datasetReference": {"projectId": dataset.project, "datasetId": dataset.id},
        "location": dataset.location,
        "labels": dataset.labels,
        "access": dataset.access,
        **dataset.settings,
        "creationTime": dataset.created_ms,
        "lastModifiedTime": dataset.modified_ms,
        "etag": dataset.etag,
        "tables": dataset.tables,
    }


def _policy(policy: Policy) -> list[dict[str, Json]]:
    grants = sorted(policy.grants, key=lambda grant: (grant.role, grant.member, grant.condition))
    return [
        {"role": g.role, "member": g.member, **({"condition": dict(g.condition)} if g.condition else {})}
        for g in grants
    ]
