"""Compute the access list from the files, in its normal form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from reconciler.google.bigquery.access.entry import AccessEntry, basic_role, parse_until, until_condition
from reconciler.google.bigquery.access.member import format_member, is_deleted, to_place
from reconciler.model import Dataset, Environment, Grant

#: The owner of a dataset that has no other permanent one. BigQuery rejects a list without an owner, and treats an empty
#: list as none, which gives access to the project's owners, writers and readers. The owners have access anyway.
_OWNERS: Final = AccessEntry("OWNER", "specialGroup", "projectOwners")


@dataclass(frozen=True)
class DeclaredEntry:
    """An entry of a dataset's list, with the line that declares it."""

    entry: AccessEntry
    member: str
    """As the file spells it."""
    file: str
    path: str
    """Of the member in that file; of the dataset for what every list has."""
    ticket: str | None = None
    everywhere: bool = False
    """Whether no line of the dataset's own file brings it, nor could keep it out."""


def declared_entries(environment: Environment, dataset: Dataset) -> tuple[AccessEntry, ...]:
    """Return the declared entries of a dataset's list, sorted, without those that have no effect.

    `writer_entry` is not among them; a list has it too if Fivetran writes the dataset (`Fleet.is_written`).
    """
    given = inherited_entries(environment, default=has_default_access(dataset))
    return add_owner((*given, *_entries(dataset.access, environment)))


def locate_entries(environment: Environment, dataset: Dataset, file: str, path: str) -> tuple[DeclaredEntry, ...]:
    """Return the declared entries except Fivetran's, each with its line.

    `path` is that of the dataset in `file`.
    """
    lists = [(environment.automation, environment.file, "automation")]
    if has_default_access(dataset):
        lists.append((environment.default_access, environment.file, "default_access"))
    lists.append((dataset.access, file, f"{path}.access"))
    places: dict[AccessEntry, DeclaredEntry] = {}
    for grants, where, key in lists:
        for number, grant in enumerate(grants):
            for index, member in enumerate(grant.members):
                for entry in _entries([replace(grant, members=(member,))], environment):
                    at = f"{key}[{number}].members[{index}]"
                    places.setdefault(entry, DeclaredEntry(entry, member, where, at, grant.ticket))
    listed = declared_entries(environment, dataset)
    everywhere = find_inherited_entries(listed, environment, dataset)
    return tuple(
        replace(
            places.get(entry) or DeclaredEntry(entry, format_member(entry.at, environment.workgroups), file, path),
            everywhere=entry in everywhere,
        )
        for entry in listed
    )


def has_default_access(dataset: Dataset) -> bool:
    """Return whether the environment's default access applies to a dataset."""
    return dataset.default_access and not dataset.sensitive


def add_owner(entries: Iterable[AccessEntry]) -> tuple[AccessEntry, ...]:
    """Return the entries as a list: sorted, without void ones, with a permanent owner."""
    listed = drop_void_entries(entries)
    return listed if _has_owner(listed) else drop_void_entries((*listed, _OWNERS))


def find_inherited_entries(
    entries: Iterable[AccessEntry], environment: Environment, dataset: Dataset
) -> frozenset[AccessEntry]:
    """Return the declared entries that no line of the dataset's file declares or can remove."""
    own = {*_entries(dataset.access, environment)}
    given = {*inherited_entries(environment, default=False), _OWNERS}
    return frozenset(entry for entry in entries if entry in given and (entry != _OWNERS or entry not in own))


def _has_owner(entries: Iterable[AccessEntry]) -> bool:
    return any(entry.role == _OWNERS.role and entry.condition is None for entry in entries)


def inherited_entries(environment: Environment, *, default: bool) -> tuple[AccessEntry, ...]:
    """Return the entries that a dataset's list has whatever its own `access` declares; perhaps none."""
    return drop_void_entries(
        _entries(environment.automation + (environment.default_access if default else ()), environment)
    )


def writer_entry(account: str) -> AccessEntry:
    """Return the entry by which Fivetran's service account writes a dataset."""
    return AccessEntry("WRITER", "userByEmail", account.lower())


def drop_void_entries(entries: Iterable[AccessEntry]) -> tuple[AccessEntry, ...]:
    """Sort the entries, and drop those that grant nothing beside another one.

    A condition is void beside the same role for the same member without one, and a last day beside a later one.
    """
    by_member: dict[tuple[str, str, str], set[AccessEntry]] = defaultdict(set)
    for entry in entries:
        by_member[entry.role, entry.field, entry.member].add(entry)
    kept = (entry for same in by_member.values() for entry in _drop_void(same))
    return tuple(sorted(kept, key=_order))


def effective_entries(entries: Iterable[AccessEntry], today: date) -> tuple[AccessEntry, ...]:
    """Return the live entries that grant access; removing the others revokes nothing."""
    return tuple(
        entry
        for entry in drop_void_entries(entries)
        if not is_deleted(entry.at) and (parse_until(entry.condition) or today) >= today
    )


def _drop_void(same: set[AccessEntry]) -> Iterable[AccessEntry]:
    """Return those of the entries of one role and member that grant something."""
    unconditional = [entry for entry in same if entry.condition is None]
    if unconditional:
        return unconditional
    by_day = [(day, entry) for entry in sorted(same, key=_order) if (day := parse_until(entry.condition)) is not None]
    last = {max(by_day, key=lambda timed: timed[0])[1]} if by_day else set()
    return same - {entry for _, entry in by_day} | last


def _order(entry: AccessEntry) -> tuple[str, ...]:
    condition = entry.condition
    written = () if condition is None else (condition.title, condition.expression, condition.description or "")
    return (entry.role, entry.field, entry.member, *written)


def _entries(grants: Iterable[Grant], environment: Environment) -> Iterable[AccessEntry]:
    for grant in grants:
        condition = grant.condition if grant.until is None else until_condition(grant.until, grant.ticket)
        for member in grant.members:
            at = to_place(member, environment.workgroups)
            if at is not None:
                yield AccessEntry(basic_role(grant.role), *at, condition)
