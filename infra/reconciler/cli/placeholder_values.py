"""Placeholder values for all references in files, and the projects and functions they name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from reconciler.fivetran import roles
from reconciler.fivetran.group_roles import member_key
from reconciler.model import Fleet, Function, Reference, references


@dataclass(frozen=True)
class PlaceholderValues:
    """A value for each environment variable, stack config key and secret version in files."""

    variables: Mapping[str, str]
    config: Mapping[str, str]
    secrets: Mapping[Reference, str]
    functions: frozenset[Function]
    projects: frozenset[str]
    """The projects of datasets, of secrets and of functions."""
    roles: frozenset[tuple[str, str]] = frozenset()
    """The members of the Fivetran groups, each with a role."""

    @classmethod
    def of(cls, fleets: Collection[Fleet], shell: Mapping[str, str]) -> PlaceholderValues:
        """Return the values for these environments, without variables that the shell already has."""
        found = {reference: _value(reference) for fleet in fleets for reference in _references(fleet)}
        by_kind = {
            kind: {reference.name: value for reference, value in found.items() if reference.kind == kind}
            for kind in ("env", "pulumi_config")
        }
        variables = {name: value for name, value in by_kind["env"].items() if name not in shell}
        secrets = {reference: value for reference, value in found.items() if reference.kind == "secret"}
        connectors = [unit.connector for fleet in fleets for unit in fleet.units if unit.connector]
        functions = frozenset(connector.function for connector in connectors if connector.function)
        declared = {
            project
            for fleet in fleets
            for project in (fleet.environment.gcp_project, fleet.environment.secrets_project)
            if project is not None
        }
        projects = declared | {each.project for each in secrets if each.project} | {each.project for each in functions}
        held = frozenset(
            (member, grant.role)
            for fleet in fleets
            for grant in fleet.environment.fivetran_access or ()
            for member in grant.members
        )
        return cls(variables, by_kind["pulumi_config"], secrets, functions, frozenset(projects), held)

    def create_projects(self, admin_url: str, more: Iterable[str] = ()) -> None:
        """Create the projects, and `more`, in the simulator, in which no other project exists then.

        With no projects at all, because no environment could be loaded, the simulator accepts every project.
        """
        if projects := sorted({*self.projects, *more}):
            answer = httpx.put(f"{admin_url}/gcp/projects", json={"projects": projects}, trust_env=False)
            answer.raise_for_status()

    def create_members(self, admin_url: str) -> None:
        """Create the users, teams and custom roles of files' Fivetran groups in the simulator."""
        if not self.roles:
            return
        account = httpx.get(f"{admin_url}/access", trust_env=False).raise_for_status().json()
        known = {user["email"].lower() for user in account["users"]} | {team["name"] for team in account["teams"]}
        for member in sorted({member_key(member) for member, _ in self.roles}):
            kind, _, name = member.partition(":")
            if name not in known:
                body = {"email": name} if kind == "user" else {"name": name}
                httpx.post(f"{admin_url}/{kind}s", json=body, trust_env=False).raise_for_status()
        for role in sorted({role for _, role in self.roles} - {*roles.STANDARD, *roles.FORMER}):
            path = f"{admin_url}/roles/{quote(role, safe='')}"
            httpx.put(path, json={"scope": "DESTINATION"}, trust_env=False).raise_for_status()

    def deploy_functions(self, admin_url: str) -> None:
        """Deploy the functions in the simulator, which stores only who may invoke them."""
        for function in self.functions:
            collection = "functions" if function.generation == 1 else "services"
            path = f"{collection}/{function.project}/{function.region}/{function.name}"
            httpx.put(f"{admin_url}/gcp/{path}", trust_env=False).raise_for_status()

    def store_secrets(self, admin_url: str) -> None:
        """Store the secrets in the simulator; a reference without a version gets the newest."""
        numbers: dict[tuple[str | None, str], int] = {}
        for reference in self.secrets:
            key = (reference.project, reference.name)
            numbers[key] = max(numbers.get(key, 1), reference.version or 1)
        versions = [
            {
                "project": reference.project,
                "secret": reference.name,
                "version": reference.version or numbers[reference.project, reference.name],
                "value": value,
            }
            for reference, value in self.secrets.items()
        ]
        if versions:
            answer = httpx.put(f"{admin_url}/secret-manager/versions", json={"versions": versions}, trust_env=False)
            answer.raise_for_status()


def _references(fleet: Fleet) -> Iterable[Reference]:
    for unit in fleet.units:
        if unit.connector is not None:
            for tree in unit.connector.trees.values():
                yield from (reference for _, reference in references(tree))


def _value(reference: Reference) -> str:
    return f"simulated-{reference.name.lower().replace('_', '-').replace(':', '-')}"
