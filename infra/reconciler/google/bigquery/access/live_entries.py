"""Compare and format the entries of live access lists."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from reconciler.google.bigquery.access import (
    AccessEntry,
    MemberNames,
    foreign_entries,
    format_member,
    parse_entry,
    parse_until,
    predefined_role,
    without_blanks,
)

#: An entry of ours, or of a live list as BigQuery returns it.
AnyEntry: TypeAlias = Mapping[str, Any] | AccessEntry
Renamed = tuple[dict[str, Any], dict[str, Any]]


def as_entry(entry: AnyEntry) -> AccessEntry | None:
    """Return an entry of ours; None for an authorised view, routine or dataset."""
    return entry if isinstance(entry, AccessEntry) else parse_entry(entry)


def normalise_entry(entry: AnyEntry) -> dict[str, Any]:
    """Return an entry in the form in which all are compared: as BigQuery stores it, without empty fields."""
    if isinstance(entry, AccessEntry):
        return entry.as_property()
    ours = parse_entry(entry)
    return without_blanks(entry) if ours is None else ours.as_property()


def entry_key(entry: AnyEntry) -> str:
    """Return the text that equal entries share."""
    return json.dumps(normalise_entry(entry), sort_keys=True)


def missing_entries(entries: Iterable[AnyEntry], others: Iterable[AnyEntry]) -> list[dict[str, Any]]:
    """Return the entries of the first list that the second lacks, in order."""
    there = {entry_key(other) for other in others}
    return [normalise_entry(entry) for entry in entries if entry_key(entry) not in there]


def have_same_entries(some: Iterable[AnyEntry], others: Iterable[AnyEntry]) -> bool:
    """Return whether two lists have the same entries, in any order."""
    return {entry_key(entry) for entry in some} == {entry_key(entry) for entry in others}


def find_renamed(sent: Iterable[Mapping[str, Any]], kept: Iterable[Mapping[str, Any]]) -> list[Renamed]:
    """Return pairs of a sent entry and what BigQuery made of it: the same role for a renamed member.

    `kept` is the answer to the very write. A group's address in a second domain becomes that in the first one. Of
    several that may be it, it is the one of the same name in another domain, or else one that no other entry became.
    """
    sent, kept = list(sent), list(kept)
    unsent = {entry_key(each) for each in missing_entries(kept, sent)}
    pairs: list[Renamed] = []
    for one in sorted(missing_entries(sent, kept), key=lambda each: not _candidates(each, kept, by_name=True)):
        taken = {entry_key(made) for _, made in pairs}
        by_name, others = _candidates(one, kept, by_name=True), _candidates(one, kept, by_name=False)
        made = [each for each in (*by_name, *others) if entry_key(each) in unsent]
        # None is free where BigQuery made one entry of two, as of both addresses of a group.
        found = [*(each for each in made if entry_key(each) not in taken), *by_name, *made]
        pairs += [(one, normalise_entry(each)) for each in found[:1]]
    order = {entry_key(each): place for place, each in enumerate(sent)}
    return sorted(pairs, key=lambda pair: order[entry_key(pair[0])])


def _candidates(one: Mapping[str, Any], kept: list[Mapping[str, Any]], *, by_name: bool) -> list[Mapping[str, Any]]:
    """Return what BigQuery may have made of an entry: another member, or only another domain."""
    ours = parse_entry(one)
    found = []
    for each in kept:
        theirs = parse_entry(each)
        if ours and theirs and replace(ours, member=theirs.member) == theirs:
            same_name = ours.member.partition("@")[0] == theirs.member.partition("@")[0]
            found += [each] if same_name or not by_name else []
    return found


def is_foreign(entry: Mapping[str, Any]) -> bool:
    """Return whether this is an authorised view, routine or dataset, which other automation adds."""
    return bool(foreign_entries([entry]))


def service_account_of(entry: AccessEntry) -> str | None:
    """Return the service account of an entry, as files write members; None for other members."""
    member = format_member(entry.at, None)
    return member if member.startswith("serviceAccount:") else None


def writer_address(entry: AccessEntry) -> str | None:
    """Return the address of a service account that writes unconditionally, as Fivetran's does; else None."""
    writes = entry.role == "WRITER" and entry.condition is None and service_account_of(entry)
    return entry.member if writes else None


@dataclass(frozen=True)
class EntryText:
    """An entry in the files' form.

    As `roles/bigquery.dataViewer` and `group:a@example.com until 2027-01-31 (DENG-1)`.
    """

    what: str
    """The role; what is authorised, where the entry has none."""
    who: str = ""

    def __str__(self) -> str:
        return f"{self.what} for {self.who}" if self.who else self.what


def format_entry(entry: AnyEntry, names: MemberNames) -> EntryText:
    """Format an entry for people to read, with its last day and ticket or its condition."""
    ours = as_entry(entry)
    if ours is None:
        return EntryText(_authorised(normalise_entry(entry)))
    return EntryText(predefined_role(ours.role), names.spell(ours.at) + format_condition(ours))


def format_condition(entry: AccessEntry) -> str:
    """Format how long, or when, an entry grants: ` until 2027-01-31 (DENG-1)`; empty without a condition."""
    condition = entry.condition
    if condition is None:
        return ""
    day = parse_until(condition)
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
