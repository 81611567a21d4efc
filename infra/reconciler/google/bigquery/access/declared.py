"""What the files declare → the access list, in its one normal form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from reconciler.google.bigquery.access.entry import Entry, basic_role
from reconciler.google.bigquery.access.lapsing import until, until_of
from reconciler.google.bigquery.access.member import is_deleted, member_of, place
from reconciler.model import Dataset, Environment, Grant

#: Who owns what nobody else owns for good. BigQuery refuses to take the last owner out of a list, and an empty list is
#: none to it, which lets in the project's owners, writers and readers. Owners of the project get in anyway.
_OWNERS: Final = Entry("OWNER", "specialGroup", "projectOwners")


@dataclass(frozen=True)
class DeclaredEntry:
    """An entry of a dataset's list with the line that brings it."""

    entry: Entry
    member: str
    """As the file spells it."""
    file: str
    path: str
    """Of the member in that file; of the dataset for what every list has."""
    ticket: str | None = None
    everywhere: bool = False
    """Whether no line of the dataset's own file brings it, nor could keep it out."""


def declared_entries(environment: Environment, dataset: Dataset, *, writer: str | None) -> tuple[Entry, ...]:
    """Everybody who is to have access: sorted, without doubles and without what another entry makes void.

    `writer` is Fivetran's service account where it writes the dataset (`Fleet.is_written`), else None.
    """
    given = given_entries(environment, default=gets_default(dataset), writer=writer)
    return with_owner((*given, *_entries(dataset.access, environment)))


def placed_entries(environment: Environment, dataset: Dataset, file: str, path: str) -> tuple[DeclaredEntry, ...]:
    """Return what `declared_entries` returns without Fivetran's account, each entry with its line.

    `path` is that of the dataset in `file`.
    """
    lists = [(environment.automation, environment.file, "automation")]
    if gets_default(dataset):
        lists.append((environment.default_access, environment.file, "default_access"))
    lists.append((dataset.access, file, f"{path}.access"))
    places: dict[Entry, DeclaredEntry] = {}
    for grants, where, key in lists:
        for number, grant in enumerate(grants):
            for index, member in enumerate(grant.members):
                for entry in _entries([replace(grant, members=(member,))], environment):
                    at = f"{key}[{number}].members[{index}]"
                    places.setdefault(entry, DeclaredEntry(entry, member, where, at, grant.ticket))
    listed = declared_entries(environment, dataset, writer=None)
    everywhere = by_no_file(listed, environment, dataset)
    return tuple(
        replace(
            places.get(entry) or DeclaredEntry(entry, member_of(entry.at, environment.workgroups), file, path),
            everywhere=entry in everywhere,
        )
        for entry in listed
    )


def gets_default(dataset: Dataset) -> bool:
    """Whether the environment's default access applies to a dataset."""
    return dataset.default_access and not dataset.sensitive


def with_owner(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries as one list: sorted, nothing void, and with an owner for good."""
    listed = without_void(entries)
    return listed if _has_owner(listed) else without_void((*listed, _OWNERS))


def by_no_file(entries: Iterable[Entry], environment: Environment, dataset: Dataset) -> frozenset[Entry]:
    """Of declared entries those that no line of the dataset's file brings, nor could keep out."""
    said = {*_entries(dataset.access, environment)}
    given = {*given_entries(environment, default=False, writer=None), _OWNERS}
    return frozenset(entry for entry in entries if entry in given and (entry != _OWNERS or entry not in said))


def _has_owner(entries: Iterable[Entry]) -> bool:
    return any(entry.role == _OWNERS.role and entry.condition is None for entry in entries)


def given_entries(environment: Environment, *, default: bool, writer: str | None) -> tuple[Entry, ...]:
    """What a dataset's list holds whatever its own `access` says. Perhaps nothing, which no list may be."""
    grants = environment.automation + (environment.default_access if default else ())
    entries = list(_entries(grants, environment))
    if writer is not None:
        entries.append(writer_entry(writer))
    return without_void(entries)


def writer_entry(account: str) -> Entry:
    """The entry by which Fivetran's service account writes a dataset."""
    return Entry("WRITER", "userByEmail", account.lower())


def without_void(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries in their order in a list, without those that give nothing beside another one.

    A condition is void beside the same role for the same member without one, and a last day beside a later one.
    """
    by_member: dict[tuple[str, str, str], set[Entry]] = defaultdict(set)
    for entry in entries:
        by_member[entry.role, entry.field, entry.member].add(entry)
    kept = (entry for same in by_member.values() for entry in _effective(same))
    return tuple(sorted(kept, key=_order))


def effective(entries: Iterable[Entry], today: date) -> tuple[Entry, ...]:
    """Of live entries those that let somebody in: taking the others away takes nothing from anybody."""
    return tuple(
        entry
        for entry in without_void(entries)
        if not is_deleted(entry.at) and (until_of(entry.condition) or today) >= today
    )


def _effective(same: set[Entry]) -> Iterable[Entry]:
    """Of the entries with one role for one member those that give something."""
    unconditional = [entry for entry in same if entry.condition is None]
    if unconditional:
        return unconditional
    by_day = [(day, entry) for entry in sorted(same, key=_order) if (day := until_of(entry.condition)) is not None]
    last = {max(by_day, key=lambda timed: timed[0])[1]} if by_day else set()
    return same - {entry for _, entry in by_day} | last


def _order(entry: Entry) -> tuple[str, ...]:
    condition = entry.condition
    said = () if condition is None else (condition.title, condition.expression, condition.description or "")
    return (entry.role, entry.field, entry.member, *said)


def _entries(grants: Iterable[Grant], environment: Environment) -> Iterable[Entry]:
    for grant in grants:
        condition = grant.condition if grant.until is None else until(grant.until, grant.ticket)
        for member in grant.members:
            at = place(member, environment.workgroups)
            if at is not None:
                yield Entry(basic_role(grant.role), *at, condition)
