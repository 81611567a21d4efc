"""Write entries of an access list in BigQuery's own form, which shows no difference afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from reconciler.google.bigquery.access.member import FIELD_OF_KIND, Place, to_place
from reconciler.model import Condition, Grant
from reconciler.model.policy import PeoplePolicy

#: BigQuery answers these three predefined roles by their basic names, with a condition too, so that we write them that
#: way at once: anything else shows as a difference for ever (Dataset.access, BigQuery REST v2).
_BASIC_ROLES: Final[Mapping[str, str]] = {
    "roles/bigquery.dataOwner": "OWNER",
    "roles/bigquery.dataEditor": "WRITER",
    "roles/bigquery.dataViewer": "READER",
}


def basic_role(role: str) -> str:
    """Return the role as BigQuery stores it in an access list."""
    return _BASIC_ROLES.get(role, role)


def predefined_role(role: str) -> str:
    """Return the role as files write it: the reverse of `basic_role`."""
    return next((predefined for predefined, basic in _BASIC_ROLES.items() if basic == role), role)


_FIELDS: Final = frozenset({*FIELD_OF_KIND.values(), "specialGroup", "iamMember"})

#: The kinds of entries that only other automation makes.
_FOREIGN: Final = frozenset({"view", "routine", "dataset"})


@dataclass(frozen=True)
class AccessEntry:
    """One entry of a dataset's access list: a role (as BigQuery spells it) for one member in one field."""

    role: str
    field: str
    member: str
    condition: Condition | None = None

    @property
    def at(self) -> Place:
        """The member's field and name."""
        return self.field, self.member

    def as_property(self) -> dict[str, Any]:
        """Return the entry in the form of BigQuery's REST resource and the gcp provider."""
        node = {"role": self.role, self.field: self.member}
        return node if self.condition is None else {**node, "condition": _condition_node(self.condition)}


def _condition_node(condition: Condition) -> dict[str, str]:
    described = {} if condition.description is None else {"description": condition.description}
    return {"title": condition.title, "expression": condition.expression, **described}


def parse_entry(live: Mapping[str, Any]) -> AccessEntry | None:
    """Parse an entry of a live access list; None for an authorised view, routine or dataset."""
    node = without_blanks(live)
    fields = node.keys() - {"role", "condition"}
    if "role" not in node or len(fields) != 1 or not fields <= _FIELDS:
        return None
    [field] = fields
    name = str(node[field])
    if field == "iamMember":
        field, name = to_place(name, None) or (field, name)
    elif field != "specialGroup":
        name = name.lower()
    return AccessEntry(basic_role(str(node["role"])), field, name, _condition(node.get("condition")))


def _condition(node: Mapping[str, Any] | None) -> Condition | None:
    if node is None:
        return None
    title, expression = str(node.get("title", "")), str(node.get("expression", ""))
    return Condition(title, expression, node.get("description"))


def foreign_entries(live: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return the authorised views, routines and datasets of a live list, without empty fields.

    Any other entry without a role is one too: it gives no member access, and BigQuery may add such kinds.
    """
    entries = (without_blanks(entry) for entry in live)
    return tuple(entry for entry in entries if _FOREIGN & entry.keys() or (entry and "role" not in entry))


def without_blanks(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of BigQuery's REST resource without empty fields, at any depth."""
    filled = {key: without_blanks(inner) if isinstance(inner, Mapping) else inner for key, inner in value.items()}
    return {key: inner for key, inner in filled.items() if inner not in ("", None, [], {})}


#: What a file may write as `ticket`.
_TICKET = re.compile(r"\S(.*\S)?")


def until_condition(day: date, ticket: str | None = None) -> Condition:
    """Return the condition that ends a grant after its last day, in UTC.

    BigQuery stores it, so its text is fixed.
    """
    end = "9999-12-31T23:59:59Z" if day == date.max else f"{day + timedelta(days=1)}T00:00:00Z"
    return Condition(f"until {day}", f'request.time < timestamp("{end}")', ticket)


def parse_until(condition: Condition | None) -> date | None:
    """Return the last day of a condition that `until_condition` wrote; None for any other."""
    if condition is None:
        return None
    try:
        day = date.fromisoformat(condition.title.removeprefix("until "))
    except ValueError:
        return None
    ticket = condition.description
    if ticket is not None and not _TICKET.fullmatch(ticket):
        return None
    return day if until_condition(day, ticket) == condition else None


def describe_lapse(grant: Grant, policy: PeoplePolicy, today: date) -> str | None:
    """Describe a grant that ends soon or has ended; None for others. No access list has an ended grant."""
    if grant.until is None or grant.until - today > policy.warn:
        return None
    many = len(grant.members) - 1
    what = f"{grant.role} for {grant.members[0]}{f' and {many} more' if many else ''}"
    days = (grant.until - today).days
    if days < 0:
        return f"access ended on {grant.until}: {what}; remove the grant"
    when = {0: "today is the last day", 1: "in 1 day"}.get(days, f"in {days} days")
    return f"access ends on {grant.until}, {when}: {what}; write a later date in `until` to prevent that"
