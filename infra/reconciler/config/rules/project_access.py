"""Check `project_access`: roles on a whole project, which every dataset in it inherits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.config.rules import grant_lists
from reconciler.config.rules.access import PUBLIC_MEMBERS
from reconciler.config.rules.grant_lists import FileGrant
from reconciler.config.rules.ownership import Claim, find_conflicts
from reconciler.config.schema.suggestions import suggest_role
from reconciler.config.specs import Specs
from reconciler.config.yaml.document import shown
from reconciler.google.iam import roles
from reconciler.model.errors import Problem

#: Members of datasets' access lists that a project's policy does not have
#: (https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets).
_OF_DATASETS = re.compile(r"project(Owners|Writers|Readers)")
#: Nor these: https://cloud.google.com/resource-manager/reference/rest/v3/projects/setIamPolicy


def check_project_roles_on_sensitive_data(specs: Specs) -> Iterator[Problem]:
    """Reject roles that read data on a project with a sensitive dataset."""
    for grant in _grants(specs):
        if grant.role in roles.BLIND:
            continue
        sensitive = _find_sensitive_datasets(specs, specs.project(grant.document.environment))
        if not sensitive:
            continue
        more = f", and {len(sensitive) - 1} more" if len(sensitive) > 1 else ""
        verb = "reads" if roles.role_reads_data(grant.role) else "may read"
        message = (
            f"{shown(grant.role)} on the project {verb} every dataset, "
            f"including the sensitive one in {sensitive[0]}{more}"
        )
        hint = (
            "grant it on datasets, or use a role that reads no data (`roles/bigquery.jobUser`); conditions do not help"
        )
        yield grant.document.on_value((*grant.path, "role"), message, hint)


def check_project_role_spelling(specs: Specs) -> Iterator[Problem]:
    """Find misspelt roles such as `roles/bigquery.jobuser`. IAM would reject them during the run."""
    names = {name.lower(): name for name in roles.KNOWN}
    for grant in _grants(specs):
        name = names.get(grant.role.lower(), grant.role)
        if name != grant.role and suggest_role(grant.role) is None:  # else `access.check_role_spelling` says it
            path = (*grant.path, "role")
            yield grant.document.on_value(path, f"IAM has no role {shown(grant.role)}", f"did you mean {shown(name)}?")


def check_basic_role_conditions(specs: Specs) -> Iterator[Problem]:
    """Reject basic roles with a condition (https://cloud.google.com/iam/docs/conditions-overview)."""
    for grant in _grants(specs):
        if grant.role in roles.BASIC and grant.at("condition") is not None:
            message = f"{shown(grant.role)} is a basic role, for which IAM accepts no condition"
            yield grant.document.on_value((*grant.path, "role"), message, "use a predefined role")


def check_project_members(specs: Specs) -> Iterator[Problem]:
    """Reject members that only a dataset's access list can have."""
    for grant in _grants(specs):
        public = specs.policy(grant.document.environment).public_access == "allowed"
        for member, path in grant.members():
            if _OF_DATASETS.fullmatch(member) or (public and member in PUBLIC_MEMBERS):
                message = f"a project's policy cannot name {shown(member)}"
                yield grant.document.on_value(path, message, "name people, groups or service accounts")


def check_project_grants_unique(specs: Specs) -> Iterator[Problem]:
    """Find a binding that two entries declare: removing one would revoke it for both."""
    claims = []
    for grant in _grants(specs):
        environment, title = grant.document.environment, grant.at("condition", "title")
        if not isinstance(title, str | None):
            continue  # the schema has something to say about it
        for member, path in grant.members():
            if grant.role == roles.FIVETRANS and title is None and roles.FIVETRANS_MEMBER.fullmatch(member):
                message = f"every run grants {shown(grant.role)} to Fivetran's service account already"
                yield grant.document.on_value(
                    path, message, "remove it: a later run would revoke the role with this entry"
                )
            at = grant_lists.find_place(specs, environment, member)
            claims.append(Claim((specs.project(environment), grant.role, at or member, title), grant.document, path))
    for claim, other in find_conflicts(claims):
        (_, role, _, title), member = claim.key, shown(claim.document.at(*claim.path))
        if claim.document is not other.document:
            message = f"{member} has {shown(role)} on this project by another file too: {other.where}"
            yield claim.document.on_value(
                claim.path, message, "grant it in one environment, for all that share the project"
            )
        elif title is not None:  # without one `access.check_grants_unique` says it
            message = f"{member} has {shown(role)} with a condition titled {shown(title)} twice: {other.where}"
            yield claim.document.on_value(claim.path, message, "change one of the titles")


def _grants(specs: Specs) -> Iterator[FileGrant]:
    for grants in grant_lists.environment_grants(specs, "project_access"):
        yield from grants


def _find_sensitive_datasets(specs: Specs, project: str) -> list[str]:
    """Find where the sensitive datasets of a project are declared."""
    found = []
    for grants in grant_lists.dataset_grants(specs):
        unit, path = grants.document, (*grants.path[:-1], "sensitive")
        if specs.project(unit.environment) == project and unit.at(*path) is True:
            found.append(unit.where(path))
    return found
