"""Keep BigQuery's access lists in the plugin process.

Read ahead in a refresh, merged and written with the etag.

Every write replaces a whole list. `If-Match` makes sure that it is the one that was read, so what another process
added in between is never lost: the write fails, and the list is read and merged again.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.google.bigquery.access import AccessEntry, add_owner
from reconciler.google.bigquery.access.changes import merge_entries
from reconciler.google.bigquery.access.live_entries import (
    entry_key,
    find_renamed,
    have_same_entries,
    missing_entries,
    normalise_entry,
)
from reconciler.google.bigquery.api import AccessDenied, AccessList, AccessListChanged, Datasets
from reconciler.google.bigquery.pace import READS_BESIDE_PLUGIN, Pace
from reconciler.resources.run.outcomes import OperationError

#: How often a list is written that other processes keep writing, and the longest wait before the last attempt.
_ATTEMPTS = 8
_LONGEST_WAIT_S = 4.0
#: How long to wait for Google to know an account that Fivetran has just made (Google says it takes some seconds).
_UNTIL_KNOWN_S = (2.0, 5.0, 15.0)
#: Reads ahead that are under way at once: enough for the pace where an answer takes a third of a second.
READS_AT_ONCE: Final = 16

#: Why Google denies a member, by what its answer contains. The answer itself may quote anything, and is not shown.
_REASONS: Mapping[str, str] = {
    "permitted customer": "a policy of the organisation does not allow it",
    "permitted organization": "a policy of the organisation does not allow it",
    "organization policy": "a policy of the organisation does not allow it",
    "does not exist": "there is no such account in Google",
    "not found": "there is no such account in Google",
    "deleted": "the account is deleted in Google",
}
_ANOTHER_REASON = "Google gives no reason"


@dataclass(frozen=True)
class Written:
    """What became of an access list."""

    before: tuple[Mapping[str, Any], ...]
    after: tuple[Mapping[str, Any], ...]
    denied: Mapping[AccessEntry, str] = field(default_factory=dict)
    """The entries that Google denies, with the reason; all others are in the list."""
    kept_as: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By `key` of an entry that was sent the one that BigQuery made of it."""


class AccessLists:
    """The lists of one plugin process. Thread-safe: the engine runs several operations at once."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self._sleep = sleep
        self._lock = threading.Lock()
        self._clients: dict[str, Datasets] = {}
        self._ahead: dict[tuple[str, str], Future[AccessList | None]] = {}
        self._asked: set[tuple[str, str]] = set()
        self._pace = Pace(READS_BESIDE_PLUGIN)
        self._answers = Pace(READS_BESIDE_PLUGIN)

    def expect(self, project: str, dataset_ids: Iterable[str]) -> None:
        """Start reading what a refresh is going to ask for, and has not asked for yet."""
        with self._lock:
            known = self._ahead.keys() | self._asked
            wanted = [id_ for id_ in dataset_ids if (project, id_) not in known]
            pool = ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="read-access-lists")
            self._ahead |= {(project, id_): pool.submit(self._get, project, id_) for id_ in wanted}
        pool.shutdown(wait=False)

    def read(self, project: str, dataset_id: str) -> AccessList | None:
        """Return a dataset's list; None where there is no such dataset.

        An answer that was read ahead serves once. Answers keep the pace too: the engine has a number of operations
        under way and takes them in the order of the state, so the plugin reads datasets as fast as this answers.
        """
        self._answers.wait()
        with self._lock:
            ahead = self._ahead.pop((project, dataset_id), None)
            self._asked.add((project, dataset_id))
        return self._get(project, dataset_id) if ahead is None else ahead.result()

    def datasets(self, project: str) -> Datasets:
        """Return the process's client for a project."""
        with self._lock:
            if project not in self._clients:
                self._clients[project] = Datasets(project, self._pace)
            return self._clients[project]

    def _get(self, project: str, dataset_id: str) -> AccessList | None:
        return self.datasets(project).access_list(dataset_id)

    def write(
        self,
        project: str,
        dataset_id: str,
        declared: Iterable[AccessEntry],
        kept_as: Mapping[str, Mapping[str, Any]],
        *,
        newborn: AccessEntry | None = None,
    ) -> Written:
        """Bring a dataset's list to what is declared, beside the views, routines and datasets of others.

        Nothing is written where the list is right.

        Args:
            project: The project of the dataset.
            dataset_id: The dataset.
            declared: The people, groups and service accounts that are to have access.
            kept_as: What BigQuery made of entries that were sent before, by their `key`.
            newborn: The entry of an account that may be too young for Google to know it.

        Raises:
            OperationError: The dataset is gone, or other processes keep writing its list.
            RemoteError: Google denies the list for another reason than one of its members, or failed.
        """
        return _Writing(self.datasets(project), dataset_id, tuple(declared), dict(kept_as), self._sleep, newborn).run()


@dataclass
class _Writing:
    datasets: Datasets
    dataset_id: str
    declared: tuple[AccessEntry, ...]
    kept_as: dict[str, Mapping[str, Any]]
    sleep: Callable[[float], None]
    newborn: AccessEntry | None = None
    waits: list[float] = field(default_factory=lambda: list(_UNTIL_KNOWN_S))
    denied: dict[AccessEntry, str] = field(default_factory=dict)
    before: tuple[Mapping[str, Any], ...] | None = None

    def run(self) -> Written:
        attempt = 0
        while attempt < _ATTEMPTS:
            live = self._read()
            target = self._target(live.entries)
            self._keep_before(live, target)
            if have_same_entries(target, live.entries):
                return self._result(live)
            try:
                return self._result(self._put(target, live.etag))
            except AccessListChanged:
                attempt += 1
                self.sleep(_LONGEST_WAIT_S * attempt / _ATTEMPTS)
            except AccessDenied as denial:
                try:
                    self._deny(live, target, denial)
                except AccessListChanged:
                    attempt += 1
        raise OperationError(
            f"other processes changed the access list of the dataset {self.dataset_id} during all {_ATTEMPTS} "
            "attempts\n    Find the other writer, then run again."
        )

    def _read(self) -> AccessList:
        live = self.datasets.access_list(self.dataset_id)
        if live is None:
            raise OperationError(f"the dataset {self.dataset_id} does not exist any more: run again with --refresh")
        return live

    def _keep_before(self, live: AccessList, target: Iterable[Mapping[str, Any]]) -> None:
        """Remember the list before this write, with changes of other processes that the write undoes."""
        if self.before is None:
            self.before = live.entries
            return
        target = list(target)
        undone = missing_entries(missing_entries(live.entries, target), self.before)
        lost = {entry_key(each) for each in missing_entries(self.before, live.entries)} & {
            entry_key(each) for each in target
        }
        self.before = (*(each for each in self.before if entry_key(each) not in lost), *undone)

    def _target(self, live: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return merge_entries((entry for entry in self.declared if entry not in self.denied), live, self.kept_as)

    def _put(self, target: list[dict[str, Any]], etag: str) -> AccessList:
        """Write a list. Raises `AccessListChanged` only where another process wrote it since it was read."""
        try:
            written = self.datasets.write_access(self.dataset_id, target, etag)
        except AccessListChanged as changed:
            # 412 and the same etag: Google denies what is in the list by another precondition, a policy say.
            if changed.denial is not None and self._read().etag == etag:
                raise changed.denial from None
            raise
        self.kept_as |= {entry_key(sent): kept for sent, kept in find_renamed(target, written.entries)}
        return written

    def _result(self, live: AccessList) -> Written:
        return Written(self.before or (), live.entries, self.denied, self.kept_as)

    def _deny(self, live: AccessList, target: list[dict[str, Any]], denial: AccessDenied) -> None:
        """Note the members that Google denies, or wait for one to be known: by name, or found out by trying.

        Raises `AccessListChanged`, `OperationError` where the dataset is gone, and `denial` where it is about no
        member.
        """
        self._read()
        declared = self._index_by_key()
        coming = [each for each in missing_entries(target, live.entries) if entry_key(each) in declared]
        # What the list has, Google does not deny: a member of whom it denies another role keeps that one.
        named = [each for each in coming if _mentions(denial, declared[entry_key(each)])]
        named = named or [
            each for each in target if entry_key(each) in declared and _mentions(denial, declared[entry_key(each)])
        ]
        if len(named) == 1:
            (entry,) = (declared[entry_key(each)] for each in named)
            if not self._wait_for_account(entry):
                self.denied[entry] = _reason(denial)
            return
        present = [each for each in target if entry_key(each) in declared and each not in coming]
        suspected = [
            named,
            coming,
            # A listed account may be deleted by now. One at a time is left out, so that no other loses access.
            *([one, *coming] for one in present),
            [*present, *coming],
        ]
        for suspects in suspected:
            if suspects and self._write_one_by_one(live, target, suspects):
                return
        raise denial from None

    def _write_one_by_one(self, live: AccessList, target: list[dict[str, Any]], suspects: list[dict[str, Any]]) -> bool:
        """Write a list without some entries, then each of them by itself, and note those that Google denies.

        Returns whether Google takes the list without them. Raises `AccessListChanged`.
        """
        declared = self._index_by_key()
        kept = [entry for entry in target if entry not in suspects]
        if not any(entry.get("role") == "OWNER" and "condition" not in entry for entry in kept):
            # BigQuery rejects a list without an owner, and the new owner may be the one that is denied.
            kept += [normalise_entry(entry) for entry in add_owner(())]
        try:
            written = self._put(kept, live.etag)
        except AccessDenied:
            return False
        for suspect in suspects:
            entry = declared[entry_key(suspect)]
            while True:
                try:
                    written = self._put([*(normalise_entry(each) for each in written.entries), suspect], written.etag)
                    break
                except AccessDenied as one:
                    if not self._wait_for_account(entry):
                        self.denied[entry] = _reason(one)
                        break
        return True

    def _index_by_key(self) -> dict[str, AccessEntry]:
        """Return the declared entries that are not denied, by their keys in the list."""
        entries = [entry for entry in self.declared if entry not in self.denied]
        kept = {
            entry_key(self.kept_as[entry_key(entry)]): entry for entry in entries if entry_key(entry) in self.kept_as
        }
        return {**kept, **{entry_key(entry): entry for entry in entries}}

    def _wait_for_account(self, entry: AccessEntry) -> bool:
        """Sleep where an account may be too young for Google to know it; return whether that was so."""
        if entry != self.newborn or not self.waits:
            return False
        self.sleep(self.waits.pop(0))
        return True


def _mentions(denial: AccessDenied, entry: AccessEntry) -> bool:
    """Return whether Google's answer names an entry's member, and not a longer address."""
    return denial.mentions(rf"(?<![\w.+%@-]){re.escape(entry.member)}(?![\w-]|\.\w)")


def _reason(denial: AccessDenied) -> str:
    return next((reason for text, reason in _REASONS.items() if denial.mentions(text)), _ANOTHER_REASON)
