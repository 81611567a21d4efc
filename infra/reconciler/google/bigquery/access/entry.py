"""Entries of an access list in BigQuery's own form, which is the one that shows no difference afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.google.bigquery.access.member import FIELD_OF_KIND, Place, place
from reconciler.model import Condition

#: BigQuery answers these three predefined roles by their basic names, with a condition too, so that we write them that
#: way at once: anything else shows as a difference for ever (Dataset.access, BigQuery REST v2).
_BASIC_ROLES: Final[Mapping[str, str]] = {
    "roles/bigquery.dataOwner": "OWNER",
    "roles/bigquery.dataEditor": "WRITER",
    "roles/bigquery.dataViewer": "READER",
}


def basic_role(role: str) -> str:
    """The role as BigQuery stores it in an access list."""
    return _BASIC_ROLES.get(role, role)


def predefined_role(role: str) -> str:
    """The role as files spell it: the reverse of `basic_role`."""
    return next((predefined for predefined, basic in _BASIC_ROLES.items() if basic == role), role)


_FIELDS: Final = frozenset({*FIELD_OF_KIND.values(), "specialGroup", "iamMember"})

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

    @property
    def at(self) -> Place:
        """Who the member is."""
        return self.field, self.member

    def as_property(self) -> dict[str, Any]:
        """The entry as the gcp provider's Dataset takes it in `accesses`."""
        said = {"role": self.role, self.field: self.member}
        return said if self.condition is None else {**said, "condition": _said(self.condition)}


def _said(condition: Condition) -> dict[str, str]:
    described = {} if condition.description is None else {"description": condition.description}
    return {"title": condition.title, "expression": condition.expression, **described}


def entry_of(live: Mapping[str, Any]) -> Entry | None:
    """A live entry in its normal form, from BigQuery or getDataset; None for what other automation makes."""
    said = as_input(live)
    fields = said.keys() - {"role", "condition"}
    if "role" not in said or len(fields) != 1 or not fields <= _FIELDS:
        return None
    [field] = fields
    name = str(said[field])
    if field == "iamMember":
        field, name = place(name, None) or (field, name)
    elif field != "specialGroup":
        name = name.lower()
    return Entry(basic_role(str(said["role"])), field, name, _condition(said.get("condition")))


def _condition(said: Mapping[str, Any] | None) -> Condition | None:
    if said is None:
        return None
    title, expression = str(said.get("title", "")), str(said.get("expression", ""))
    return Condition(title, expression, said.get("description"))


def foreign_entries(live: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The live entries that other automation made, as they are: authorised views, routines and datasets.

    So is any entry without a role: BigQuery may come to authorise more than these, and it lets no member in.
    `live` are entries as getDataset answers them; what comes back is what a Dataset takes in `accesses`.
    """
    entries = (as_input(entry) for entry in live)
    return tuple(entry for entry in entries if _FOREIGN & entry.keys() or (entry and "role" not in entry))


def as_input(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block as a resource takes it, from the form in which functions answer it: without what is empty."""
    said: dict[str, Any] = {}
    for key, value in block.items():
        if value in ("", None, [], {}):
            continue
        if key in _SINGULAR and isinstance(value, list):
            said[_SINGULAR[key]] = as_input(value[0])
        else:
            said[key] = as_input(value) if isinstance(value, Mapping) else value
    return said
