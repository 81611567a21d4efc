"""Who may do what with a dataset: the one authoritative access list, computed from the YAML. Pure.

The list holds the environment's automation, what the file declares, the environment's default unless the dataset is
sensitive, and Fivetran's service account as writer where a connector of ours writes. Entries that only other
automation makes (authorised views, routines, datasets) are kept from the live dataset. Nobody else is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model import Dataset, Environment, Grant

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

#: The kinds of entries that only other automation makes.
_FOREIGN: Final = frozenset({"view", "routine", "dataset"})

#: getDataset answers blocks as lists of one, under plural names; Dataset takes them single (pulumi-gcp).
_SINGULAR: Final[Mapping[str, str]] = {
    "views": "view",
    "routines": "routine",
    "datasets": "dataset",
    "conditions": "condition",
}


@dataclass(frozen=True, order=True)
class Entry:
    """One entry of a dataset's access list: a role (as BigQuery spells it) for one member in one field."""

    role: str
    field: str
    member: str

    def as_property(self) -> dict[str, Any]:
        """The entry as the gcp provider's Dataset takes it in `accesses`."""
        return {"role": self.role, self.field: self.member}


#: To BigQuery an empty list is none, and none lets in the project's owners, writers and readers. Owners get in anyway.
_NOBODY: Final = (Entry("OWNER", "specialGroup", "projectOwners"),)


def basic_role(role: str) -> str:
    """The role as BigQuery stores it in an access list."""
    return _BASIC_ROLES.get(role, role)


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
    entries = {_entry(grant.role, member, environment) for grant in grants for member in grant.members}
    if writer is not None:
        entries.add(Entry("WRITER", "userByEmail", writer))
    return tuple(sorted(entries)) or _NOBODY


def foreign_entries(live: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The live entries that other automation made, as they are: authorised views, routines and datasets.

    `live` are entries as getDataset answers them; what comes back is what a Dataset takes in `accesses`.
    """
    entries = (_as_input(entry) for entry in live)
    return tuple(entry for entry in entries if _FOREIGN & entry.keys())


def _entry(role: str, member: str, environment: Environment) -> Entry:
    kind, _, name = member.partition(":")
    if kind == "workgroup":
        kind, name = "group", workgroup_address(name, environment.workgroups or "")
    # BigQuery stores addresses in lower case: in two spellings one member would be two entries, or a difference.
    return Entry(basic_role(role), _FIELD_OF_KIND[kind], name.lower())


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
