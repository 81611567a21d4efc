"""Rules about grants: those of datasets and those of environments."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.errors import Problem
from reconciler.specs.document import Document, Path, shown
from reconciler.specs.meant import role
from reconciler.specs.view import Specs, strings

_WORKGROUP = "workgroup:"
#: The members that are everybody.
EVERYBODY = frozenset({"allUsers", "allAuthenticatedUsers"})


def members_have_a_role_once(specs: Specs) -> Iterator[Problem]:
    """A repeated grant is a copy that was meant to become another one."""
    for document, grants in _grant_lists(specs):
        seen: dict[tuple[str, str], Path] = {}
        for name, member, path in _grants(document, grants):
            first = seen.setdefault((name, member.lower()), path)
            if first is not path:
                message = f"{shown(member)} has {shown(name)} here already"
                yield document.on_value(path, message, f"on line {document.values[first][0]}")


def everybody_gets_in_by_policy_only(specs: Specs) -> Iterator[Problem]:
    """`allUsers` and `allAuthenticatedUsers` are the whole internet."""
    for document, grants in _grant_lists(specs):
        if specs.setting(document.environment, "policy", "public_access") == "allowed":
            continue
        for _, member, path in _grants(document, grants):
            if member in EVERYBODY:
                message = f"{shown(member)} would show this to the whole internet"
                hint = "name the people, groups or service accounts"
                yield document.on_value(
                    path, message, f"{hint}; an environment may say `policy: {{public_access: allowed}}`"
                )


def roles_are_spelt_as_bigquery_does(specs: Specs) -> Iterator[Problem]:
    """BigQuery refuses `roles/bigquery.dataviewer` and `roles/dataViewer`, in the middle of a run."""
    for document, grants in _grant_lists(specs):
        for path, written in _roles(document, grants):
            meant = role(written) if written.startswith("roles/") else None
            if meant:
                yield document.on_value(path, f"BigQuery has no {shown(written)}", f"did you mean {shown(meant)}?")


def workgroups_have_a_pattern(specs: Specs) -> Iterator[Problem]:
    """`workgroup:` members become groups by the environment's `workgroups`, which has to have room for a subgroup."""
    for document, grants in _grant_lists(specs):
        environment = specs.environments.get(document.environment)
        if environment is None:
            continue
        pattern = environment.at("workgroups")
        for _, member, path in _grants(document, grants):
            if not member.startswith(_WORKGROUP):
                continue
            if not environment.has("workgroups"):
                message = f"{shown(member)}: the environment does not say which group that is"
                yield document.on_value(path, message, f"add `workgroups` to {environment.file}")
            elif "/" in member and isinstance(pattern, str) and _lacks_subgroup(pattern):
                message = f"{shown(member)} names a subgroup, which the environment's pattern leaves out"
                yield document.on_value(path, message, f"add {{subgroup}} at {environment.where(('workgroups',))}")


def _lacks_subgroup(pattern: str) -> bool:
    """Whether a workgroup pattern, as far as it is one, has no room for a subgroup."""
    return "{workgroup}" in pattern and "{subgroup}" not in pattern


def _grant_lists(specs: Specs) -> Iterator[tuple[Document, Path]]:
    """Every list of grants with its file."""
    for environment in specs.environments.values():
        yield environment, ("automation",)
        yield environment, ("default_access",)
        yield environment, ("project_access",)
    for unit in specs.all_units():
        yield unit, ("dataset", "access")
        datasets = unit.at("datasets")
        if isinstance(datasets, dict):
            yield from ((unit, ("datasets", key, "access")) for key in datasets)


def _grants(document: Document, path: Path) -> Iterator[tuple[str, str, Path]]:
    """Role, member and the way to the member, for each of a list of grants."""
    for (*grant, _), name in _roles(document, path):
        yield from ((name, member, at) for member, at in strings(document, *grant, "members"))


def _roles(document: Document, path: Path) -> Iterator[tuple[Path, str]]:
    """The way to each role of a list of grants, and the role."""
    grants = document.at(*path)
    for index in range(len(grants)) if isinstance(grants, list) else ():
        name = document.at(*path, index, "role")
        if isinstance(name, str):
            yield (*path, index, "role"), name
