"""IAM policies of projects and Cloud Functions: a grant is added, found or removed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from simulator.google.access import PUBLIC_MEMBERS
from simulator.google.errors import ApiError
from simulator.google.state import Grant, Json, Policy, Project, Store

_BASIC_ROLES = frozenset({"roles/owner", "roles/editor", "roles/viewer"})
#: The methods of Resource Manager that Google can deny.
METHODS = frozenset({"get", "getIamPolicy", "setIamPolicy"})


#: Roles with permission to run load jobs and create datasets (https://cloud.google.com/bigquery/docs/access-control).
_WRITERS = frozenset({"roles/bigquery.user", "roles/bigquery.admin", "roles/editor", "roles/owner"})


def may_write(project: Project | None, account: str) -> bool:
    """Return whether a service account may load into an existing project. Ignores conditions."""
    member = f"serviceAccount:{account}"
    grants = project.policy.grants if project else ()
    return any(grant.member == member and grant.role in _WRITERS for grant in grants)


class Iam:
    """The read-modify-write cycle of `getIamPolicy` and `setIamPolicy`, for one grant at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def project_policy(self, project: str) -> tuple[Policy, bool]:
        """Return a project's policy, and whether it may be changed.

        403 if it may not be read or does not exist.
        """
        found = self.store.opened(project)
        if found is None or "getIamPolicy" in found.denied:
            raise ApiError(403, "The caller does not have permission", "forbidden")
        return found.policy, "setIamPolicy" not in found.denied

    def located_policy(self, collection: str, project: str, place: str, name: str) -> Policy:
        """Return the policy of a Cloud Function or a service of Cloud Run; 404 if it does not exist."""
        found = self.store.found(project)
        policy = found.located.get((collection, place, name)) if found else None
        if policy is None:
            path = f"projects/{project}/locations/{place}/{collection}/{name}"
            raise ApiError(404, f"Resource '{path}' was not found", "notFound")
        return policy

    def add(self, policy: Policy, grant: Grant, *, writable: bool = True) -> None:
        """Add a grant, idempotently; 400 if Google does not know the member."""
        _reject_unless(writable)
        if grant.condition:
            _reject_condition(grant)
        kind, _, address = grant.member.partition(":")
        if address.lower() in self.store.unknown_members:
            noun = {"serviceAccount": "Service account", "group": "Group"}.get(kind, "User")
            raise ApiError(400, f"{noun} {address} does not exist.", "badRequest")
        policy.grants.add(grant)
        policy.revision += 1

    def remove(self, policy: Policy, grant: Grant, *, writable: bool = True) -> None:
        """Remove a grant, if it exists."""
        _reject_unless(writable)
        policy.grants.discard(grant)
        policy.revision += 1


def _reject_condition(grant: Grant) -> None:
    """Reject conditions of basic roles and the public.

    https://cloud.google.com/iam/docs/conditions-overview
    """
    check, what = "BindingRoleAllowConditionCheck", "primitive roles"
    if grant.member in PUBLIC_MEMBERS:
        check, what = "BindingMembersAllowConditionCheck", "allUsers or allAuthenticatedUsers"
    elif grant.role not in _BASIC_ROLES:
        return
    message = f"LintValidationUnits/{check} Error: Conditions can't be set on {what}."
    raise ApiError(400, message, "badRequest")


def _reject_unless(writable: bool) -> None:
    if not writable:
        raise ApiError(403, "Policy update access denied.", "forbidden")


def grants_of(bindings: Iterable[Mapping[str, Json]]) -> set[Grant]:
    """Return the grants of bindings, each of which is a role, its members and an optional condition."""
    return {
        Grant(binding["role"], member, tuple(sorted(dict(binding.get("condition") or {}).items())))
        for binding in bindings
        for member in binding["members"]
    }


def bindings_of(policy: Policy, *, conditions: bool) -> list[dict[str, Json]]:
    """Return the bindings of a policy: members by role and condition, sorted.

    Without `conditions` (requests for a policy version below 3), a binding with a condition has a marked role instead
    (https://cloud.google.com/iam/help/conditions/policies).
    """
    members: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    for grant in policy.grants:
        members.setdefault((grant.role, grant.condition), []).append(grant.member)
    bindings = []
    for (role, condition), granted in sorted(members.items()):
        binding: dict[str, Json] = {"role": role, "members": sorted(granted)}
        if condition and conditions:
            binding["condition"] = dict(condition)
        elif condition:
            binding["role"] = marked_role(role, condition)
        bindings.append(binding)
    return bindings


def marked_role(role: str, condition: object) -> str:
    """Return a role with a suffix that replaces its condition."""
    return f"{role}_withcond_{hashlib.sha256(str(condition).encode()).hexdigest()[:20]}"
