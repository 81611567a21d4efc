"""Rules about `project_access`: roles on a whole project, which every dataset in it inherits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler import roles
from reconciler.errors import Problem
from reconciler.specs.document import Document, Path, shown
from reconciler.specs.rules.claims import Claim, conflicts
from reconciler.specs.view import Specs, strings

#: Members of datasets' access lists that a project's policy does not have
#: (https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets).
_OF_DATASETS = re.compile(r"project(Owners|Writers|Readers)")
#: Nor these: https://cloud.google.com/resource-manager/reference/rest/v3/projects/setIamPolicy
_EVERYBODY = frozenset({"allUsers", "allAuthenticatedUsers"})
#: The service account of a Fivetran group.
_FIVETRAN = re.compile(r"serviceAccount:g-[a-z0-9-]+@fivetran-[a-z0-9-]+\.iam\.gserviceaccount\.com", re.IGNORECASE)


def roles_on_a_project_with_sensitive_data_read_none(specs: Specs) -> Iterator[Problem]:
    """What is granted on the project holds for the sensitive dataset too, whatever its own list says."""
    for environment, path, role in _roles(specs):
        if role in roles.BLIND:
            continue
        sensitive = _sensitive(specs, specs.project(environment.environment))
        if not sensitive:
            continue
        more = f", and {len(sensitive) - 1} more" if len(sensitive) > 1 else ""
        message = (
            f"{shown(role)} on the project {'reads' if roles.reads(role) else 'may read'} every dataset, "
            f"also the sensitive one in {sensitive[0]}{more}"
        )
        hint = "grant it on datasets, or here a role that reads no data (`roles/bigquery.jobUser`); no condition helps"
        yield environment.on_value(path, message, hint)


def basic_roles_have_no_condition(specs: Specs) -> Iterator[Problem]:
    """IAM refuses it (https://cloud.google.com/iam/docs/conditions-overview)."""
    for environment, path, role in _roles(specs):
        if role in roles.BASIC and environment.at(*path[:-1], "condition") is not None:
            message = f"{shown(role)} is a basic role, and IAM lets those have no condition"
            yield environment.on_value(path, message, "name a predefined role")


def members_of_project_access_are_iams(specs: Specs) -> Iterator[Problem]:
    """A dataset's list knows members that a project's policy does not."""
    for environment, path, _ in _roles(specs):
        public = specs.setting(environment.environment, "policy", "public_access") == "allowed"
        for member, at in strings(environment, *path[:-1], "members"):
            if _OF_DATASETS.fullmatch(member) or (public and member in _EVERYBODY):
                message = f"a project's policy knows no {shown(member)}"
                yield environment.on_value(at, message, "name the people, groups or service accounts")


def grants_on_a_project_have_one_place(specs: Specs) -> Iterator[Problem]:
    """Who takes one of two away takes the binding away that both stand for."""
    claims = []
    for environment, path, role in _roles(specs):
        title = environment.at(*path[:-1], "condition", "title")
        for member, at in strings(environment, *path[:-1], "members"):
            if role == roles.FIVETRANS and title is None and _FIVETRAN.fullmatch(member):
                message = f"Fivetran's service account gets {shown(role)} in every run"
                yield environment.on_value(at, message, "take it out: here it could only be taken away")
            key = (specs.project(environment.environment), role, member.lower(), title)
            claims.append(Claim(key, environment, at))
    for claim, other in conflicts(claims):
        if claim.document is not other.document:  # in one file `access.members_have_a_role_once` says it
            message = f"{shown(claim.key[2])} has {shown(claim.key[1])} on this project already: {other.where}"
            yield claim.document.on_value(
                claim.path, message, "one environment grants it, for all that share a project"
            )


def _roles(specs: Specs) -> Iterator[tuple[Document, Path, str]]:
    """Each role of `project_access`: its file, the way to it, and the role."""
    for environment in specs.environments.values():
        grants = environment.at("project_access")
        for index in range(len(grants)) if isinstance(grants, list) else ():
            role = environment.at("project_access", index, "role")
            if isinstance(role, str):
                yield environment, ("project_access", index, "role"), role


def _sensitive(specs: Specs, project: str) -> list[str]:
    """Where the sensitive datasets of a project are declared."""
    return [
        unit.where(path)
        for unit in specs.all_units()
        if specs.project(unit.environment) == project
        for path in _sensitive_paths(unit)
    ]


def _sensitive_paths(unit: Document) -> Iterator[Path]:
    several = unit.at("datasets")
    paths: list[Path] = [("dataset",)]
    paths += [("datasets", key) for key in several] if isinstance(several, dict) else []
    yield from ((*path, "sensitive") for path in paths if unit.at(*path, "sensitive") is True)
