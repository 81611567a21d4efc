"""Check and store BigQuery's access lists.

One entry grants a role to one member, or authorises one view, routine or dataset.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from simulator.google.errors import ApiError
from simulator.google.state import Json

#: BigQuery returns these predefined roles with their names from before IAM.
BASIC_ROLES: Mapping[str, str] = {
    "roles/bigquery.dataViewer": "READER",
    "roles/bigquery.dataEditor": "WRITER",
    "roles/bigquery.dataOwner": "OWNER",
}
PREDEFINED_ROLES: Mapping[str, str] = {basic: predefined for predefined, basic in BASIC_ROLES.items()}

#: The prefix of a deleted member in policies.
DELETED = "deleted:"
#: The most views, routines and datasets that a dataset can authorise (https://cloud.google.com/bigquery/quotas).
MOST_AUTHORISED = 2_500

#: Members without a name.
PUBLIC_MEMBERS = frozenset({"allUsers", "allAuthenticatedUsers"})

_MEMBERS = ("userByEmail", "groupByEmail", "domain", "specialGroup", "iamMember")
_RESOURCES = ("view", "routine", "dataset")
_KINDS_BY_PREFIX: Mapping[str, str] = {
    "user": "userByEmail",
    "serviceAccount": "userByEmail",
    "group": "groupByEmail",
    "domain": "domain",
}
_NOUNS: Mapping[str, str] = {"userByEmail": "User", "groupByEmail": "Group"}
_UNKNOWN: Mapping[str, str] = {**_NOUNS, "domain": "Domain", "specialGroup": "Special group", "iamMember": "Principal"}


class PolicyViolated(ApiError):
    """A policy of the organisation forbids an entry."""


def default_access(creator: str) -> list[dict[str, Json]]:
    """Return the access list of a dataset created without one: basic roles, and the creator."""
    return [
        {"role": "WRITER", "specialGroup": "projectWriters"},
        {"role": "OWNER", "specialGroup": "projectOwners"},
        {"role": "OWNER", "userByEmail": creator},
        {"role": "READER", "specialGroup": "projectReaders"},
    ]


def normalise(
    entries: Iterable[Mapping[str, Json]],
    dataset: str,
    unknown: Iterable[str],
    present: Iterable[Mapping[str, Json]] = (),
    aliases: Mapping[str, str] = MappingProxyType({}),
    *,
    forbidden: Iterable[str] = (),
    even_listed: Iterable[str] = (),
) -> list[dict[str, Json]]:
    """Return an access list as BigQuery stores it.

    Basic role names, specific member fields, no duplicates.

    `dataset` is `project:dataset` for messages. `unknown` are addresses that Google does not know. `present` is the
    current list, since deleted members may stay in a list but not be added. `aliases` has the primary address of each
    alias, such as that of a group in a secondary domain. `forbidden` are addresses outside the domains that a policy of
    the organisation allows. `even_listed` are unknown and forbidden ones that may not stay in a list either. Raises
    `ApiError` 400 for an entry with no member or several, without a role, or with an unknown member.
    """
    unknown, present, forbidden, kept_out = set(unknown), list(present), set(forbidden), set(even_listed)
    kept: dict[str, dict[str, Json]] = {}
    for entry in entries:
        normal = _entry({key: value for key, value in entry.items() if value not in (None, "", [], {})})
        for kind in _NOUNS:
            if kind in normal:
                normal[kind] = aliases.get(normal[kind].lower(), normal[kind])
        is_new = normal not in present
        _reject_unknown(normal, dataset, unknown if is_new else unknown & kept_out)
        if is_new:
            _reject_new(normal, dataset)
        _reject_forbidden(normal, forbidden if is_new else forbidden & kept_out)
        kept.setdefault(json.dumps(normal, sort_keys=True), normal)
    authorised = sum(any(key in entry for key in _RESOURCES) for entry in kept.values())
    if authorised > MOST_AUTHORISED:
        message = f"Dataset {dataset} has too many authorized resources: {authorised}, at most {MOST_AUTHORISED}"
        raise ApiError(400, message, "invalid")
    return list(kept.values())


def _entry(entry: dict[str, Json]) -> dict[str, Json]:
    subjects = [key for key in (*_MEMBERS, *_RESOURCES) if key in entry]
    if len(subjects) != 1:
        message = (
            "An access entry must have exactly one of userByEmail, groupByEmail, domain, specialGroup defined, "
            "view, routine, or dataset."
        )
        raise ApiError(400, message, "invalid")
    subject = subjects[0]
    if subject in _RESOURCES:
        if "role" in entry:
            raise ApiError(400, f"An access entry for {subject} needs an empty role.", "invalid")
        return {subject: entry[subject]}
    if "role" not in entry:
        raise ApiError(400, "Required parameter is missing: role", "required")
    role = BASIC_ROLES.get(entry["role"], entry["role"])
    if (role not in PREDEFINED_ROLES and "/" not in role) or "_withcond_" in role:
        raise ApiError(400, f"Invalid value for role: {role}", "invalid")
    if "condition" in entry and not entry["condition"].get("expression"):
        raise ApiError(400, "Required parameter is missing: expression", "required")
    return {"role": role, **_member(subject, entry[subject]), **_condition(entry)}


def _condition(entry: Mapping[str, Json]) -> dict[str, Json]:
    """Return the given fields of a condition: title, description and location are optional."""
    given = {key: value for key, value in (entry.get("condition") or {}).items() if value}
    return {"condition": given} if given else {}


def _member(kind: str, value: str) -> dict[str, Json]:
    if kind == "iamMember":
        if value == "allAuthenticatedUsers":
            return {"specialGroup": value}
        prefix, _, name = value.partition(":")
        if prefix in _KINDS_BY_PREFIX and name:
            return {_KINDS_BY_PREFIX[prefix]: name}
    return {kind: value}


def _reject_unknown(entry: Mapping[str, Json], dataset: str, unknown: set[str]) -> None:
    for kind, noun in _UNKNOWN.items():
        address = entry.get(kind)
        if address is not None and ((kind in _NOUNS and "@" not in address) or address.lower() in unknown):
            message = f"IAM setPolicy failed for Dataset {dataset}: {noun} {address} does not exist."
            raise ApiError(400, message, "invalid")


def _reject_new(entry: Mapping[str, Json], dataset: str) -> None:
    """Reject members that may stay in a list, but not be added."""
    member = entry.get("iamMember", "")
    if "condition" in entry and PUBLIC_MEMBERS & {member, entry.get("specialGroup", "")}:
        message = (
            f"IAM setPolicy failed for Dataset {dataset}: Conditions can't be set on allUsers or allAuthenticatedUsers."
        )
        raise ApiError(400, message, "invalid")
    if member.startswith(DELETED):
        message = f"IAM setPolicy failed for Dataset {dataset}: {member} is deleted and cannot be granted a role."
        raise ApiError(400, message, "invalid")


def _reject_forbidden(entry: Mapping[str, Json], forbidden: set[str]) -> None:
    """Apply the organisation's policy on domains (`iam.allowedPolicyMemberDomains`).

    Google's error names no member.
    """
    if any(str(entry.get(kind, "")).lower() in forbidden for kind in _UNKNOWN):
        message = "One or more users named in the policy do not belong to a permitted customer."
        raise PolicyViolated(400, message, "invalid")


def after_deletion(entry: Mapping[str, Json], member: str, uid: str) -> Mapping[str, Json]:
    """Return an entry after its member is deleted: IAM renames it.

    A member is `serviceAccount:…`, `user:…` or `group:…`.
    """
    kind, _, address = member.partition(":")
    field = _KINDS_BY_PREFIX.get(kind, "")
    if str(entry.get(field, "")).lower() != address.lower():
        return entry
    rest = {key: value for key, value in entry.items() if key != field}
    return {**rest, "iamMember": f"{DELETED}{member}?uid={uid}"}


def has_owner(entries: Iterable[Mapping[str, Json]]) -> bool:
    """Return whether a dataset has an owner. BigQuery rejects the removal of the last one."""
    return any(entry.get("role") == "OWNER" for entry in entries)
