"""Entries of access lists, whoever answers them: the plugin's function, the engine, BigQuery's REST API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.google.bigquery.access import (
    Entry,
    MemberNames,
    as_input,
    entry_of,
    foreign_entries,
    member_of,
    predefined_role,
    until_of,
)

Renamed = tuple[dict[str, Any], dict[str, Any]]


def normal(entry: Mapping[str, Any] | Entry) -> dict[str, Any]:
    """An entry in the one form that all are compared in: as BigQuery stores it, without what is empty."""
    if isinstance(entry, Entry):
        return entry.as_property()
    ours = entry_of(entry)
    return as_input(entry) if ours is None else ours.as_property()


def key(entry: Mapping[str, Any] | Entry) -> str:
    """What two entries that say the same have in common."""
    return json.dumps(normal(entry), sort_keys=True)


def missing(
    entries: Iterable[Mapping[str, Any] | Entry], others: Iterable[Mapping[str, Any] | Entry]
) -> list[dict[str, Any]]:
    """The entries of the first list that the second has not, in its order."""
    there = {key(other) for other in others}
    return [normal(entry) for entry in entries if key(entry) not in there]


def same(some: Iterable[Mapping[str, Any] | Entry], others: Iterable[Mapping[str, Any] | Entry]) -> bool:
    """Whether two lists hold the same entries, in whatever order."""
    return {key(entry) for entry in some} == {key(entry) for entry in others}


def renamed(sent: Iterable[Mapping[str, Any]], kept: Iterable[Mapping[str, Any]]) -> list[Renamed]:
    """Pairs of an entry that was sent and the one that BigQuery made of it: the same for a member of another name.

    `kept` is the answer to the very write. A group's address in a second domain becomes that in the first one. Of
    several that may be it, it is the one of the same name in another domain, or else one that no other entry became.
    """
    sent, kept = list(sent), list(kept)
    unsent = {key(each) for each in missing(kept, sent)}
    pairs: list[Renamed] = []
    for one in sorted(missing(sent, kept), key=lambda each: not _candidates(each, kept, by_name=True)):
        taken = {key(made) for _, made in pairs}
        by_name, others = _candidates(one, kept, by_name=True), _candidates(one, kept, by_name=False)
        made = [each for each in (*by_name, *others) if key(each) in unsent]
        # None is free where BigQuery made one entry of two, as of both addresses of a group.
        found = [*(each for each in made if key(each) not in taken), *by_name, *made]
        pairs += [(one, normal(each)) for each in found[:1]]
    order = {key(each): place for place, each in enumerate(sent)}
    return sorted(pairs, key=lambda pair: order[key(pair[0])])


def _candidates(one: Mapping[str, Any], kept: list[Mapping[str, Any]], *, by_name: bool) -> list[Mapping[str, Any]]:
    """What BigQuery may have made of an entry: what differs in the member alone, or in the member's domain alone."""
    ours = entry_of(one)
    found = []
    for each in kept:
        theirs = entry_of(each)
        if ours and theirs and replace(ours, member=theirs.member) == theirs:
            same_name = ours.member.partition("@")[0] == theirs.member.partition("@")[0]
            found += [each] if same_name or not by_name else []
    return found


def is_foreign(entry: Mapping[str, Any]) -> bool:
    """Whether only other automation makes such an entry: an authorised view, routine or dataset."""
    return bool(foreign_entries([entry]))


def service_account(entry: Entry) -> str | None:
    """The service account that an entry is about, as files write members; None for anybody else."""
    member = member_of(entry.at, None)
    return member if member.startswith("serviceAccount:") else None


def may_be_writer(entry: Entry) -> str | None:
    """The address of a service account that writes without a condition, as Fivetran's does; None for anybody else."""
    writes = entry.role == "WRITER" and entry.condition is None and service_account(entry)
    return entry.member if writes else None


@dataclass(frozen=True)
class EntryText:
    """An entry in the files' form: `roles/bigquery.dataViewer`, `group:a@example.com until 2027-01-31 (DENG-1)`."""

    what: str
    """The role; what is authorised, where the entry has none."""
    who: str = ""

    def __str__(self) -> str:
        return f"{self.what} for {self.who}" if self.who else self.what


def format_entry(entry: Mapping[str, Any] | Entry, names: MemberNames) -> EntryText:
    """Format an entry for people to read, with its last day and ticket or its condition."""
    ours = entry if isinstance(entry, Entry) else entry_of(entry)
    if ours is None:
        return EntryText(_authorised(normal(entry)))
    return EntryText(predefined_role(ours.role), names.spell(ours.at) + format_condition(ours))


def format_condition(entry: Entry) -> str:
    """Format how long, or when, an entry grants: ` until 2027-01-31 (DENG-1)`; empty without a condition."""
    condition = entry.condition
    if condition is None:
        return ""
    day = until_of(condition)
    if day is None:
        return f" on the condition {condition.expression}"
    return f" until {day}" + (f" ({condition.description})" if condition.description else "")


def _authorised(form: Mapping[str, Any]) -> str:
    kind = next((kind for kind in ("view", "routine", "dataset") if kind in form), None)
    if kind is None:
        return f"the entry {json.dumps(form, sort_keys=True)}"
    named = form[kind].get("dataset", {}) if kind == "dataset" else form[kind]
    parts = (named.get(part) for part in ("projectId", "datasetId", "tableId", "routineId"))
    return f"the authorised {kind} {'.'.join(str(part) for part in parts if part)}"
