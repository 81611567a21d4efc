"""`roles.get` of IAM's API v1, for predefined roles and for custom roles of the admin API.

Written from https://cloud.google.com/iam/docs/reference/rest/v1/roles and the roles' pages. Every caller may read a
predefined role. Only some are here, with the permissions on tables and jobs in which they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiohttp import web

from simulator.google.errors import ApiError
from simulator.google.rest_faults import RestFaults
from simulator.google.state import Role, Store

_READ = ("bigquery.tables.export", "bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.list")

#: Permissions of predefined roles.
_PREDEFINED: Mapping[str, tuple[str, ...]] = {
    "roles/bigquery.dataViewer": ("bigquery.datasets.get", *_READ),
    "roles/bigquery.jobUser": ("bigquery.jobs.create", "resourcemanager.projects.get"),
    "roles/bigquery.user": ("bigquery.datasets.create", "bigquery.datasets.get", "bigquery.jobs.create"),
    "roles/bigquerydatatransfer.serviceAgent": ("bigquery.jobs.create", "bigquery.tables.getData"),
    "roles/compute.serviceAgent": ("compute.instances.create", "compute.instances.delete"),
    "roles/dataproc.worker": ("dataproc.agents.create", *_READ),
}


@dataclass
class IamRoles:
    """The handler."""

    store: Store
    rest: RestFaults

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the route."""
        return [
            web.get("/v1/{name:roles/[^/:]+}", self.get),
            web.get("/v1/{name:(?:projects|organizations)/[^/:]+/roles/[^/:]+}", self.get),
        ]

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Return a role with its permissions."""
        name = request.match_info["name"]

        def effect() -> web.StreamResponse:
            role = self.store.roles.get(name)
            if role is None and name in _PREDEFINED:
                role = Role(_PREDEFINED[name])
            if role is None and name.startswith("roles/"):
                raise ApiError(404, f"The role named {name} was not found.", "notFound")
            if role is None or role.denied:
                raise ApiError(403, f"You don't have permission to get the role at {name}.", "forbidden")
            return web.json_response({"name": name, "includedPermissions": sorted(role.permissions), "stage": "GA"})

        return await self.rest.answer(request, "iam:roles", name, effect)
