"""Compare two access lists: what is granted and what is revoked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.google.bigquery.access import (
    AccessEntry,
    MemberNames,
    add_owner,
    foreign_entries,
    is_deleted,
    parse_entry,
    parse_until,
)
from reconciler.google.bigquery.access.live_entries import (
    AnyEntry,
    as_entry,
    entry_key,
    format_condition,
    format_entry,
    is_foreign,
    missing_entries,
    normalise_entry,
)

Entries = Iterable[AnyEntry]


@dataclass(frozen=True)
class AccessChange:
    """One role that a member is granted, or that is revoked from it."""

    is_grant: bool
    entry: Mapping[str, Any]
    others: tuple[AccessEntry, ...] = ()
    """Of a grant what the member had of the same role before; of a loss what is left."""

    def describe(self, dataset: str, names: MemberNames, ticket: str | None = None) -> str:
        """Format the change as one line.

        `ticket` is that of a grant without an end, which BigQuery does not store.
        """
        text = format_entry(self.entry, names)
        others = " and".join(format_condition(each) or " permanently" for each in self.others)
        if self.is_grant:
            stored = f" ({ticket})" if ticket and f"({ticket})" not in text.who else ""
            before = f" (previously{others})" if others else ""
            return f"grants {text.what} on dataset {dataset} to {text.who}{stored}{before}"
        if not text.who:
            return f"removes {text.what} from the access list of dataset {dataset}"
        left = f"; the grant{others} stays" if others else ""
        return f"revokes {text.what} on dataset {dataset} from {text.who}{left}"


def access_changes(before: Entries, after: Entries) -> list[AccessChange]:
    """Return the grants and the losses between two lists; views, routines and datasets of others are none.

    A later last day is a grant and no loss, an earlier one a loss and no grant. Another ticket is neither.
    """
    before = [entry for entry in before if isinstance(entry, AccessEntry) or not is_foreign(entry)]
    after = [entry for entry in after if isinstance(entry, AccessEntry) or not is_foreign(entry)]
    return [*_changes(before, after, grants=True), *_changes(after, before, grants=False)]


def _changes(less: list[Any], more: list[Any], *, grants: bool) -> Iterator[AccessChange]:
    others = [entry for each in less if (entry := as_entry(each)) is not None]
    for each in missing_entries(more, less):
        ours = parse_entry(each)
        same = tuple(entry for entry in others if ours and (entry.role, entry.at) == (ours.role, ours.at))
        if ours is None or not any(_gives_as_much(entry, ours) for entry in same):
            yield AccessChange(grants, each, same)


def _gives_as_much(entry: AccessEntry, as_: AccessEntry) -> bool:
    mine, other = parse_until(entry.condition), parse_until(as_.condition)
    return entry.condition is None or (mine is not None and other is not None and mine >= other)


def find_deleted_members(entries: Entries) -> Iterator[tuple[str, str]]:
    """Return each member that Google shows as deleted, with the member that it was (`user:a@…`)."""
    for each in entries:
        entry = as_entry(each)
        if entry is not None and is_deleted(entry.at):
            yield entry.member, entry.member.removeprefix("deleted:").partition("?")[0]


def merge_entries(
    declared: Iterable[AccessEntry], live: Iterable[Mapping[str, Any]], kept_as: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the list that a dataset is to have, in the order of the live list.

    Args:
        declared: The people, groups and service accounts that are to have access.
        live: The list as BigQuery answers it; of it the authorised views, routines and datasets stay.
        kept_as: By `key` of an entry the one that BigQuery made of it when it was sent (a group's other address).
    """
    live = list(live)
    there = {entry_key(entry) for entry in live}
    wanted: dict[str, dict[str, Any]] = {}
    for entry in add_owner(declared):
        kept = kept_as.get(entry_key(entry))
        chosen = kept if kept is not None and entry_key(entry) not in there and entry_key(kept) in there else entry
        wanted[entry_key(chosen)] = normalise_entry(chosen)
    wanted |= {entry_key(entry): entry for entry in foreign_entries(live)}
    in_order = [each for each in (entry_key(entry) for entry in live) if each in wanted]
    return [wanted[each] for each in dict.fromkeys([*in_order, *wanted])]
