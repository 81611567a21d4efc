"""Change projects, folders, organisations, functions and grants by hand (see `admin`)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from aiohttp import web

from simulator.bodies import json_object
from simulator.google.access import DELETED, after_deletion
from simulator.google.iam import METHODS, Iam, grants_of
from simulator.google.state import Container, Grant, Json, Policy, Role, Store


@dataclass
class AdminIam:
    """The handlers. Every body is a JSON object."""

    store: Store

    def __post_init__(self) -> None:
        self.iam = Iam(self.store)

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes."""
        return [
            web.put("/projects", self.put_projects),
            web.delete("/projects", self.delete_projects),
            web.put("/hierarchy/{collection:projects|folders|organizations}/{id}", self.put_container),
            web.put("/{collection:functions|services}/{project}/{place}/{name}", self.put_located),
            web.delete("/{collection:functions|services}/{project}/{place}/{name}", self.delete_located),
            web.post("/grants/{project}", self.add_grant),
            web.delete("/grants/{project}", self.delete_grant),
            web.post("/deleted-members", self.delete_members),
            web.put("/aliases", self.put_aliases),
            web.put("/unknown-members", self.put_unknown_members),
            web.put("/forbidden-members", self.put_forbidden_members),
            web.put("/roles", self.put_role),
        ]

    async def put_projects(self, request: web.Request) -> web.Response:
        """Create projects: `{"projects": ["p"]}`. After the first request, only created projects exist."""
        self.store.declare(*(str(project) for project in (await json_object(request))["projects"]))
        return web.json_response({"projects": sorted(self.store.declared or ())})

    async def delete_projects(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """Delete the list of created projects: every project exists again."""
        self.store.declared = None
        return web.json_response({})

    async def put_container(self, request: web.Request) -> web.Response:
        """Create a folder or an organisation, or change the named fields of one, or of a project.

        `{"parent": "folders/2", "display_name": "…", "bindings": [{"role", "members", "condition"}], "denied":
        ["getIamPolicy"], "granted": ["bigquery.jobs.create"]}`: `bindings` replace the whole policy, `denied` are the
        methods that Google denies, `granted` the permissions that `testIamPermissions` finds (null: all).
        """
        collection, id_ = request.match_info["collection"], request.match_info["id"]
        body = await json_object(request)
        if unknown := sorted({*body} - {"parent", "display_name", "bindings", "denied", "granted"}):
            raise ValueError(f"there is no {', '.join(unknown)}")
        if unknown := sorted({*body.get("denied", ())} - METHODS):
            raise ValueError(f"no method {', '.join(unknown)}; there are {', '.join(sorted(METHODS))}")
        granted = grants_of(body["bindings"]) if "bindings" in body else None
        found = (
            self.store.project(id_)
            if collection == "projects"
            else self.store.above.setdefault(f"{collection}/{id_}", Container())
        )
        found.parent = str(body.get("parent", found.parent))
        found.display_name = str(body.get("display_name", found.display_name))
        found.denied = set(body.get("denied", found.denied))
        if "granted" in body:
            found.granted = None if body["granted"] is None else set(body["granted"])
        if granted is not None:
            found.policy.grants = granted
            found.policy.revision += 1
        return web.json_response(container_answer(found))

    async def put_located(self, request: web.Request) -> web.Response:
        """Create a Cloud Function, or a service of Cloud Run, which can then have grants."""
        project, key = self._located(request)
        policy = self.store.project(project).located.setdefault(key, Policy())
        return web.json_response(grants_answer(policy))

    async def delete_located(self, request: web.Request) -> web.Response:
        """Delete a function or service with its policy, if it exists."""
        project, key = self._located(request)
        self.store.project(project).located.pop(key, None)
        return web.json_response({})

    async def add_grant(self, request: web.Request) -> web.Response:
        """Grant a role on the project: `{"role": …, "member": …, "condition": {…}}`."""
        policy = self.store.project(request.match_info["project"]).policy
        self.iam.add(policy, _grant(await json_object(request)))
        return web.json_response(grants_answer(policy))

    async def delete_grant(self, request: web.Request) -> web.Response:
        """Revoke a role on the project. The body is that of the grant."""
        policy = self.store.project(request.match_info["project"]).policy
        self.iam.remove(policy, _grant(await json_object(request)))
        return web.json_response(grants_answer(policy))

    async def delete_members(self, request: web.Request) -> web.Response:
        """Delete accounts or groups: `{"members": ["serviceAccount:…"]}`.

        Policies and access lists keep them as `deleted:…?uid=…`, a name to which Google grants no role.
        """
        members = [str(member) for member in (await json_object(request))["members"]]
        for member in members:
            uid = str(100_000_000_000_000_000_000 + zlib.crc32(member.encode()))
            for project in self.store.projects.values():
                for dataset in project.datasets.values():
                    dataset.access = [dict(after_deletion(entry, member, uid)) for entry in dataset.access]
                for policy in (project.policy, *project.located.values()):
                    policy.grants = {
                        replace(grant, member=f"{DELETED}{member}?uid={uid}") if grant.member == member else grant
                        for grant in policy.grants
                    }
        self.store.unknown_members |= {member.partition(":")[2].lower() for member in members}
        return web.json_response({})

    async def put_aliases(self, request: web.Request) -> web.Response:
        """Set aliases that BigQuery replaces by a primary address: `{alias: address}`."""
        body = await json_object(request)
        self.store.aliases = {str(alias).lower(): str(address) for alias, address in body.items()}
        return web.json_response({})

    async def put_unknown_members(self, request: web.Request) -> web.Response:
        """Set the members that Google does not know, without their kinds: `{"members": [...]}`.

        With `"listed": true`, Google rejects every access list that has one, even if it was there before.
        """
        body = await json_object(request)
        self.store.unknown_members = {str(member).lower() for member in body["members"]}
        self._reject_listed("unknown", body)
        return web.json_response({})

    async def put_forbidden_members(self, request: web.Request) -> web.Response:
        """Set the members that a policy of the organisation forbids: `{"members": [...]}`.

        BigQuery answers 400, or with `"status": 412` that a precondition failed. `listed` is as for unknown members.
        """
        body = await json_object(request)
        self.store.forbidden_members = {str(member).lower() for member in body["members"]}
        self.store.policies_are_preconditions = body.get("status") == 412
        self._reject_listed("forbidden", body)
        return web.json_response({})

    def _reject_listed(self, kind: Literal["unknown", "forbidden"], body: Mapping[str, Json]) -> None:
        self.store.rejects_listed.discard(kind)
        if body.get("listed"):
            self.store.rejects_listed.add(kind)

    async def put_role(self, request: web.Request) -> web.Response:
        """Create or change a role: `{"name": "projects/p/roles/r", "permissions": […], "denied": true}`."""
        body = await json_object(request)
        self.store.roles[str(body["name"])] = Role(tuple(body.get("permissions", ())), bool(body.get("denied")))
        return web.json_response({})

    @staticmethod
    def _located(request: web.Request) -> tuple[str, tuple[str, str, str]]:
        info = request.match_info
        return info["project"], (info["collection"], info["place"], info["name"])


def _grant(body: Mapping[str, Json]) -> Grant:
    return Grant(body["role"], body["member"], tuple(sorted(dict(body.get("condition") or {}).items())))


def container_answer(container: Container) -> dict[str, Json]:
    """Return a folder, organisation or project for an admin answer."""
    return {
        "parent": container.parent,
        "display_name": container.display_name,
        "policy": grants_answer(container.policy),
        "denied": sorted(container.denied),
    }


def grants_answer(policy: Policy) -> list[dict[str, Json]]:
    """Return the grants of a policy for an admin answer."""
    grants = sorted(policy.grants, key=lambda grant: (grant.role, grant.member, grant.condition))
    return [
        {"role": g.role, "member": g.member, **({"condition": dict(g.condition)} if g.condition else {})}
        for g in grants
    ]
