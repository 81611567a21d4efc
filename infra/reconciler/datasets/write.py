"""One write of an access list, and what others did to the list meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.access import Entry, declared_entries, entry_of, until_of
from reconciler.datasets.entries import is_foreign, key, may_be_writer, missing
from reconciler.model import Dataset, Environment

Entries = Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class Write:
    """The list as it was just before, and as it was written. The write replaced whatever was there."""

    before: tuple[Mapping[str, Any], ...]
    written: tuple[Mapping[str, Any], ...]

    @property
    def taken(self) -> list[dict[str, Any]]:
        """The entries that the write takes away."""
        return [entry for entry in missing(self.before, self.written) if not is_foreign(entry)]

    @property
    def losses(self) -> list[tuple[dict[str, Any], list[Entry]]]:
        """The entries that somebody loses, each with what is left to him of the same role.

        Not one in whose place comes another that gives as much: a later last day, or no condition.
        """
        written = [entry for each in self.written if (entry := entry_of(each)) is not None]
        losses = []
        for each in self.taken:
            was = entry_of(each)
            left = [entry for entry in written if was and (entry.role, entry.at) == (was.role, was.at)]
            if was is None or not any(_gives_as_much(entry, was) for entry in left):
                losses.append((each, left))
        return losses

    def lost(self, after: Entries) -> list[dict[str, Any]]:
        """The entries to put back into the list as it is now.

        Ours, where somebody wrote an older list over them; and what other automation had added just before the write.
        """
        ours = [entry for entry in self.written if not is_foreign(entry)]
        unseen = [entry for entry in missing(self.before, self.written) if is_foreign(entry)]
        return missing([*ours, *unseen], after)

    def returned(self, after: Entries) -> list[dict[str, Any]]:
        """The entries to take away again.

        What this write had taken away, where somebody wrote an older list; and what it had brought back, though other
        automation had withdrawn it just before.
        """
        withdrawn = [entry for entry in missing(self.written, self.before) if is_foreign(entry)]
        there = {key(entry) for entry in after}
        return [entry for entry in (*self.taken, *withdrawn) if key(entry) in there]

    def mended(self, after: Entries) -> list[dict[str, Any]]:
        """The list as it is now, with what is to be put back and without what is to be taken away again."""
        after = list(after)
        return [*missing(after, self.returned(after)), *self.lost(after)]


def _gives_as_much(entry: Entry, was: Entry) -> bool:
    now, before = until_of(entry.condition), until_of(was.condition)
    return entry.condition is None or (now is not None and before is not None and now >= before)


def without_account(environment: Environment, dataset: Dataset, live: Entries) -> list[Mapping[str, Any]]:
    """The list that a file declares, as long as Fivetran's service account is not known: whoever writes may be that."""
    declared = [entry.as_property() for entry in declared_entries(environment, dataset, writer=None)]
    entries = ((each, entry_of(each)) for each in live)
    return [*declared, *(each for each, entry in entries if entry is None or may_be_writer(entry))]
