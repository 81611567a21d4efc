"""One write of an access list, and what others did to the list meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.access import declared_entries, entry_of
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


def without_account(environment: Environment, dataset: Dataset, live: Entries) -> list[Mapping[str, Any]]:
    """The list that a file declares, as long as Fivetran's service account is not known: whoever writes may be that."""
    declared = [entry.as_property() for entry in declared_entries(environment, dataset, writer=None)]
    entries = ((each, entry_of(each)) for each in live)
    return [*declared, *(each for each, entry in entries if entry is None or may_be_writer(entry))]
