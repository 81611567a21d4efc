"""What the files declare → the access list, in its one normal form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Final

from reconciler.access.entry import Entry
from reconciler.access.lapsing import until, until_of
from reconciler.access.member import is_deleted, place
from reconciler.access.role import basic_role
from reconciler.model import Dataset, Environment, Grant

#: Who owns what nobody else owns for good. BigQuery refuses to take the last owner out of a list, and an empty list is
#: none to it, which lets in the project's owners, writers and readers. Owners of the project get in anyway.
_OWNERS: Final = Entry("OWNER", "specialGroup", "projectOwners")


def declared_entries(environment: Environment, dataset: Dataset, *, writer: str | None) -> tuple[Entry, ...]:
    """Everybody who is to have access: sorted, without doubles and without what another entry makes void.

    `writer` is Fivetran's service account where it writes the dataset (`Fleet.is_written`), else None.
    """
    given = given_entries(environment, sensitive=dataset.sensitive, writer=writer)
    listed = without_void((*given, *_entries(dataset.access, environment)))
    return listed if _has_owner(listed) else without_void((*listed, _OWNERS))


def by_no_file(entries: Iterable[Entry], environment: Environment, dataset: Dataset) -> frozenset[Entry]:
    """Of declared entries those that no line of the dataset's file brings, nor could keep out."""
    said = {*_entries(dataset.access, environment)}
    given = {*given_entries(environment, sensitive=True, writer=None), _OWNERS}
    return frozenset(entry for entry in entries if entry in given and (entry != _OWNERS or entry not in said))


def _has_owner(entries: Iterable[Entry]) -> bool:
    return any(entry.role == _OWNERS.role and entry.condition is None for entry in entries)


def given_entries(environment: Environment, *, sensitive: bool, writer: str | None) -> tuple[Entry, ...]:
    """What a dataset's list holds whatever its own `access` says. Perhaps nothing, which no list may be."""
    grants = environment.automation + (() if sensitive else environment.default_access)
    entries = list(_entries(grants, environment))
    if writer is not None:
        entries.append(Entry("WRITER", "userByEmail", writer.lower()))
    return without_void(entries)


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
