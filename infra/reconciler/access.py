"""Who may do what with a dataset: the one authoritative access list, computed from the YAML. Pure.

The list holds the environment's automation, what the file declares, the environment's default unless the dataset is
sensitive, and Fivetran's service account as writer where a connector of ours writes. Entries that only other
automation makes (authorised views, routines, datasets) are kept from the live dataset. Nobody else is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .model import Dataset, Environment, Grant

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

#: The kinds of entries that other automation puts there.
_FOREIGN: Final = ("view", "routine", "dataset")


@dataclass(frozen=True, order=True)
class Entry:
    """One entry of a dataset's access list: a role (as BigQuery spells it) for one member in one field."""

    role: str
    field: str
    member: str

    def as_property(self) -> dict[str, Any]:
        """The entry as the gcp provider's Dataset takes it in `accesses`."""
        return {"role": self.role, self.field: self.member}


def basic_role(role: str) -> str:
    """The role as BigQuery stores it in an access list."""
    return _BASIC_ROLES.get(role, role)


def workgroup_address(member: str, pattern: str) -> str:
    """The Google group of `<workgroup>[/<subgroup>]` by the environment's pattern; the subgroup is `default` if unsaid."""
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
    return tuple(sorted(entries))


def foreign_entries(live: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The live entries that other automation made, as they are: authorised views, routines and datasets.

    `live` are entries as the gcp provider answers them, with empty fields or lists where a kind does not apply.
    """
    return tuple(_only_what_is_said(entry) for entry in live if any(entry.get(kind) for kind in _FOREIGN))


def _entry(role: str, member: str, environment: Environment) -> Entry:
    kind, _, name = member.partition(":")
    if kind == "workgroup":
        return Entry(basic_role(role), "groupByEmail", workgroup_address(name, environment.workgroups or ""))
    return Entry(basic_role(role), _FIELD_OF_KIND[kind], name)


def _only_what_is_said(entry: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for key, value in entry.items():
        single = value[0] if isinstance(value, Sequence) and not isinstance(value, str) and value else value
        if single in ("", None) or single == []:
            continue
        said[key] = single
    return said
