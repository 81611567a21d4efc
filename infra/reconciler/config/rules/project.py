"""Rules about `project_access`: roles on a whole project, which every dataset in it inherits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.config.documents import Specs
from reconciler.config.rules import grants as grant_lists
from reconciler.config.rules.grants import Written
from reconciler.config.rules.ownership import Claim, conflicts
from reconciler.config.schema.suggestions import role
from reconciler.config.yaml.document import shown
from reconciler.google.iam import roles
from reconciler.model.errors import Problem

#: Members of datasets' access lists that a project's policy does not have
#: (https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets).
_OF_DATASETS = re.compile(r"project(Owners|Writers|Readers)")
#: Nor these: https://cloud.google.com/resource-manager/reference/rest/v3/projects/setIamPolicy
_EVERYBODY = frozenset({"allUsers", "allAuthenticatedUsers"})
#: The service account of a Fivetran group.
_FIVETRAN = re.compile(r"serviceAccount:g-[a-z0-9-]+@fivetran-[a-z0-9-]+\.iam\.gserviceaccount\.com", re.IGNORECASE)


def roles_on_a_project_with_sensitive_data_read_none(specs: Specs) -> Iterator[Problem]:
    """What is granted on the project holds for the sensitive dataset too, whatever its own list says."""
    for grant in _grants(specs):
        if grant.role in roles.BLIND:
            continue
        sensitive = _sensitive(specs, specs.project(grant.document.environment))
        if not sensitive:
            continue
        more = f", and {len(sensitive) - 1} more" if len(sensitive) > 1 else ""
        message = (
            f"{shown(grant.role)} on the project {'reads' if roles.reads(grant.role) else 'may read'} every dataset, "
            f"including the sensitive one in {sensitive[0]}{more}"
        )
        hint = (
            "grant it on datasets, or use a role that reads no data (`roles/bigquery.jobUser`); conditions do not help"
        )
        yield grant.document.on_value((*grant.path, "role"), message, hint)


def roles_on_a_project_are_spelt_as_iam_does(specs: Specs) -> Iterator[Problem]:
    """IAM refuses `roles/bigquery.jobuser`, in the middle of a run."""
    names = {name.lower(): name for name in roles.KNOWN}
    for grant in _grants(specs):
        name = names.get(grant.role.lower(), grant.role)
        if name != grant.role and role(grant.role) is None:  # else `access.roles_are_spelt_as_bigquery_does` says it
            path = (*grant.path, "role")
            yield grant.document.on_value(path, f"IAM has no role {shown(grant.role)}", f"did you mean {shown(name)}?")


def basic_roles_have_no_condition(specs: Specs) -> Iterator[Problem]:
    """IAM refuses it (https://cloud.google.com/iam/docs/conditions-overview)."""
    for grant in _grants(specs):
        if grant.role in roles.BASIC and grant.at("condition") is not None:
            message = f"{shown(grant.role)} is a basic role, for which IAM accepts no condition"
            yield grant.document.on_value((*grant.path, "role"), message, "use a predefined role")


def members_of_project_access_are_iams(specs: Specs) -> Iterator[Problem]:
    """A dataset's list knows members that a project's policy does not."""
    for grant in _grants(specs):
        public = specs.setting(grant.document.environment, "policy", "public_access") == "allowed"
        for member, path in grant.members():
            if _OF_DATASETS.fullmatch(member) or (public and member in _EVERYBODY):
                message = f"a project's policy cannot name {shown(member)}"
                yield grant.document.on_value(path, message, "name people, groups or service accounts")


def bindings_on_a_project_have_one_place(specs: Specs) -> Iterator[Problem]:
    """Who takes one of two away takes the binding away that both stand for."""
    claims = []
    for grant in _grants(specs):
        environment, title = grant.document.environment, grant.at("condition", "title")
        if not isinstance(title, str | None):
            continue  # the schema has something to say about it
        for member, path in grant.members():
            if grant.role == roles.FIVETRANS and title is None and _FIVETRAN.fullmatch(member):
                message = f"every run grants {shown(grant.role)} to Fivetran's service account already"
                yield grant.document.on_value(
                    path, message, "remove it: a later run would revoke the role with this entry"
                )
            at = grant_lists.placed(specs, environment, member)
            claims.append(Claim((specs.project(environment), grant.role, at or member, title), grant.document, path))
    for claim, other in conflicts(claims):
        (_, role, _, title), member = claim.key, shown(claim.document.at(*claim.path))
        if claim.document is not other.document:
            message = f"{member} has {shown(role)} on this project by another file too: {other.where}"
            yield claim.document.on_value(
                claim.path, message, "grant it in one environment, for all that share the project"
            )
        elif title is not None:  # without one `access.members_have_a_role_once` says it
            message = f"{member} has {shown(role)} with a condition titled {shown(title)} twice: {other.where}"
            yield claim.document.on_value(claim.path, message, "change one of the titles")


def _grants(specs: Specs) -> Iterator[Written]:
    for grants in grant_lists.of_environments(specs, "project_access"):
        yield from grants


def _sensitive(specs: Specs, project: str) -> list[str]:
    """Where the sensitive datasets of a project are declared."""
    found = []
    for grants in grant_lists.of_datasets(specs):
        unit, path = grants.document, (*grants.path[:-1], "sensitive")
        if specs.project(unit.environment) == project and unit.at(*path) is True:
            found.append(unit.where(path))
    return found
