"""Who may do what with a dataset: the one authoritative access list, computed from the YAML. Pure.

The list holds the environment's automation, what the file declares, the environment's default unless the dataset is
sensitive, and Fivetran's service account as writer where a connector of ours writes. Entries that only other
automation makes (authorised views, routines, datasets) are kept from the live dataset. Nobody else is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from reconciler.model import Condition, Dataset, Environment, Grant

#: BigQuery answers these three predefined roles by their basic names, so that we write them that way at once:
#: anything else shows as a difference for ever (Dataset.access, BigQuery REST v2).
_BASIC_ROLES: Final[Mapping[str, str]] = {
    "roles/bigquery.dataOwner": "OWNER",
    "roles/bigquery.dataEditor": "WRITER",
    "roles/bigquery.dataViewer": "READER",
}

#: Which field of an access entry holds a member of a kind. `iamMember` would be a permanent difference for these.
_FIELD_OF_KIND: Final[Mapping[str, str]] = {
    "user": "userByEmail",
    "serviceAccount": "userByEmail",
    "group": "groupByEmail",
    "domain": "domain",
}

#: `allUsers` is none of them: BigQuery has it as an `iamMember`.
_SPECIAL_GROUPS: Final = frozenset({"projectOwners", "projectWriters", "projectReaders", "allAuthenticatedUsers"})

#: The kinds of entries that only other automation makes.
_FOREIGN: Final = frozenset({"view", "routine", "dataset"})

#: getDataset answers blocks as lists of one, under plural names; Dataset takes them single (pulumi-gcp).
_SINGULAR: Final[Mapping[str, str]] = {
    "views": "view",
    "routines": "routine",
    "datasets": "dataset",
    "conditions": "condition",
}


@dataclass(frozen=True)
class Entry:
    """One entry of a dataset's access list: a role (as BigQuery spells it) for one member in one field."""

    role: str
    field: str
    member: str
    condition: Condition | None = None

    def as_property(self) -> dict[str, Any]:
        """The entry as the gcp provider's Dataset takes it in `accesses`."""
        said = {"role": self.role, self.field: self.member}
        return said if self.condition is None else {**said, "condition": _said(self.condition)}


def _said(condition: Condition) -> dict[str, str]:
    described = {} if condition.description is None else {"description": condition.description}
    return {"title": condition.title, "expression": condition.expression, **described}


def until(day: date, ticket: str | None = None) -> Condition:
    """The condition that ends a grant after its last day, in UTC."""
    end = f"{day + timedelta(days=1)}T00:00:00Z"
    return Condition(f"until {day}", f'request.time < timestamp("{end}")', ticket)


#: To BigQuery an empty list is none, and none lets in the project's owners, writers and readers. Owners get in anyway.
_NOBODY: Final = (Entry("OWNER", "specialGroup", "projectOwners"),)


def basic_role(role: str) -> str:
    """The role as BigQuery stores it in an access list."""
    return _BASIC_ROLES.get(role, role)


def predefined_role(role: str) -> str:
    """The role as files spell it: the reverse of `basic_role`."""
    return next((predefined for predefined, basic in _BASIC_ROLES.items() if basic == role), role)


def entry_of(live: Mapping[str, Any]) -> Entry | None:
    """A live entry as one of ours: a role for one member and no condition; None for anything else."""
    if set(live) - {"role"} not in ({field} for field in (*_FIELD_OF_KIND.values(), "specialGroup")):
        return None
    field = next(key for key in live if key != "role")
    member = str(live[field])
    return Entry(basic_role(str(live.get("role"))), field, member if field == "specialGroup" else member.lower())


def member_of(entry: Entry, environment: Environment) -> str | None:
    """Whom an entry is about, as files write members; None for a special group, which they cannot name."""
    match entry.field:
        case "userByEmail":
            kind = "serviceAccount" if entry.member.endswith(".gserviceaccount.com") else "user"
        case "groupByEmail":
            kind, workgroup = "group", _workgroup(entry.member, environment.workgroups)
            if workgroup is not None:
                return f"workgroup:{workgroup}"
        case "domain":
            kind = "domain"
        case _:
            return None
    return f"{kind}:{entry.member}"


def _workgroup(address: str, pattern: str | None) -> str | None:
    """The `<workgroup>[/<subgroup>]` that has this address, if one has."""
    if pattern is None:
        return None
    form = re.escape(pattern.lower())
    for name in ("workgroup", "subgroup"):
        form = form.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>[a-z0-9_-]+?)", 1)
        form = form.replace(re.escape(f"{{{name}}}"), f"(?P={name})")
    found = re.fullmatch(form, address)
    if found is None:
        return None
    names = found.groupdict()
    member = "/".join(name for name in (names["workgroup"], names.get("subgroup")) if name not in (None, "default"))
    return member if workgroup_address(member, pattern).lower() == address else None


def workgroup_address(member: str, pattern: str) -> str:
    """The Google group of `<workgroup>[/<subgroup>]` by an environment's pattern; unsaid, the subgroup is `default`."""
    workgroup, _, subgroup = member.partition("/")
    return pattern.replace("{workgroup}", workgroup).replace("{subgroup}", subgroup or "default")


def declared_entries(environment: Environment, dataset: Dataset, *, writer: str | None) -> tuple[Entry, ...]:
    """Everybody who is to have access, sorted and without doubles.

    `writer` is Fivetran's service account where a connector of ours writes the dataset, else None.
    """
    grants: list[Grant] = [*environment.automation, *dataset.access]
    if not dataset.sensitive:
        grants.extend(environment.default_access)
    entries = {_entry(grant, member, environment) for grant in grants for member in grant.members}
    if writer is not None:
        entries.add(Entry("WRITER", "userByEmail", writer))
    return tuple(sorted(entries, key=_order)) or _NOBODY


def _order(entry: Entry) -> tuple[str, ...]:
    condition = () if entry.condition is None else (entry.condition.title, entry.condition.expression)
    return (entry.role, entry.field, entry.member, *condition)


def foreign_entries(live: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The live entries that other automation made, as they are: authorised views, routines and datasets.

    `live` are entries as getDataset answers them; what comes back is what a Dataset takes in `accesses`.
    """
    entries = (_as_input(entry) for entry in live)
    return tuple(entry for entry in entries if _FOREIGN & entry.keys())


def _entry(grant: Grant, member: str, environment: Environment) -> Entry:
    role = basic_role(grant.role)
    condition = grant.condition if grant.until is None else until(grant.until, grant.ticket)
    kind, _, name = member.partition(":")
    if kind == "workgroup":
        kind, name = "group", workgroup_address(name, environment.workgroups or "")
    if kind in _FIELD_OF_KIND:
        # BigQuery stores addresses in lower case: in two spellings one member would be two entries, or a difference.
        return Entry(role, _FIELD_OF_KIND[kind], name.lower(), condition)
    return Entry(role, "specialGroup" if member in _SPECIAL_GROUPS else "iamMember", member, condition)


def _as_input(block: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for key, value in block.items():
        if value in ("", None, [], {}):
            continue
        if key in _SINGULAR and isinstance(value, list):
            said[_SINGULAR[key]] = _as_input(value[0])
        else:
            said[key] = _as_input(value) if isinstance(value, Mapping) else value
    return said
