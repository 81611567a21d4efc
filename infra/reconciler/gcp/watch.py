"""The access list around a write: what it takes away is told, what others lose by it or take from it is put right.

The plugin's write replaces the list, without an etag. The program has read the list at its beginning; other automation
may have written it since, or write an older one over ours. So the engine calls this before and after each update.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import pulumi

from reconciler.bigquery import AccessList, Datasets, ListChanged
from reconciler.datasets import Live, Write, in_words, missing, renamed, said, without_account
from reconciler.errors import OtherSideFailed, ReconcilerError
from reconciler.gcp.reading import LiveReadFailed, read_again
from reconciler.model import Dataset, Environment, Unit

#: How often a list is written that others keep writing.
_ATTEMPTS = 5
#: Lists that are read or written at once. Of threads of our own: the SDK's wait for the engine, which waits for us.
_AT_ONCE = 8

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Known:
    """What the program knows of a dataset when its resource is registered."""

    file: str
    dataset: Dataset
    accesses: tuple[Mapping[str, Any], ...]
    """The live list, as the program has read it."""


class Watch:
    """The hooks of one run. Their names are state format, so that every run has them.

    `live` are the datasets as the program has read them, by id.
    """

    def __init__(self, environment: Environment, units: Iterable[Unit], live: Mapping[str, Live | None]) -> None:
        self._environment = environment
        self._known = {
            dataset.id: _Known(unit.file, dataset, found.accesses if (found := live.get(dataset.id)) else ())
            for unit in units
            for dataset in unit.all_datasets
        }
        self._writes: dict[str, Write] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="access-lists")
        self._lock = threading.Lock()
        self._client: Datasets | None = None
        in_previews = pulumi.ResourceHookOptions(on_dry_run=True)
        self.before = pulumi.ResourceHook("access-before-write", self._before, in_previews)
        self.after = pulumi.ResourceHook("access-after-write", self._after)

    async def _before(self, asked: pulumi.ResourceHookArgs) -> None:
        """Tell what the update takes away, in previews too; in an update read what is there just before it."""
        dataset, written = asked.name, (asked.new_inputs or {}).get("accesses")
        known = self._known[dataset]
        if not isinstance(written, list):  # a preview that does not know Fivetran's service account yet
            written = without_account(self._environment, known.dataset, known.accesses)
        if _same(written, (asked.old_outputs or {}).get("accesses") or ()):
            return  # the plugin leaves the list out of its write
        dry = pulumi.runtime.is_dry_run()
        before = known.accesses if dry else await self._threaded(lambda: self._read(dataset))
        write = self._writes[dataset] = Write(before, tuple(written))
        for entry, left in write.losses:
            it = said(entry, self._environment)
            rest = ", ".join(said(each, self._environment).who for each in left)
            leaves = f", and leaves it to {rest}" if left else ""
            pulumi.log.warn(f"{self._file(dataset)}: takes {it.what} on the dataset {dataset} from {it.who}{leaves}")

    async def _after(self, asked: pulumi.ResourceHookArgs) -> None:
        """Put right what the write, or somebody else's, did to the list. Raises where that does not last."""
        write = self._writes.pop(asked.name, None)
        if write is None:
            return
        for line in await self._threaded(lambda: self._put_right(asked.name, write)):
            pulumi.log.warn(line)

    def _read(self, dataset: str) -> tuple[Mapping[str, Any], ...]:
        try:
            return read_again(self._environment.gcp_project, dataset).accesses
        except LiveReadFailed as error:
            raise ReconcilerError(f"{self._file(dataset)}: {error}") from None

    def _put_right(self, dataset: str, write: Write) -> list[str]:
        now = self._read(dataset)
        wrong = [*write.lost(now), *write.returned(now)]
        if not wrong:
            return []
        try:
            return self._mend(dataset, write)
        except OtherSideFailed as error:
            raise ReconcilerError(
                f"{self._file(dataset)}: somebody else wrote the access list of the dataset {dataset} while this run "
                f"did, and it cannot be put right ({self._words(wrong)}): {error}"
            ) from None

    def _mend(self, dataset: str, write: Write) -> list[str]:
        told: dict[str, None] = {}
        kept_otherwise: list[Mapping[str, Any]] = []
        for attempt in range(_ATTEMPTS + 1):
            now = self._datasets().access_list(dataset) or AccessList((), "")
            lost, returned = (
                missing(wrong, kept_otherwise) for wrong in (write.lost(now.entries), write.returned(now.entries))
            )
            if not (lost or returned):
                return list(told)
            if attempt == _ATTEMPTS:
                break
            sent = write.mended(now.entries)
            try:
                mended = self._datasets().write_access(dataset, sent, now.etag).entries
            except ListChanged:
                continue
            # What is not in the very list that was written, BigQuery keeps in another form: nobody took it away. What
            # it made of that is as little somebody's doing.
            kept_otherwise += missing(lost, mended)
            for ours, theirs in renamed(sent, mended):
                kept_otherwise.append(theirs)
                keeps, as_who = in_words(ours, self._environment), said(theirs, self._environment).who
                told[
                    f"{self._file(dataset)}: BigQuery keeps {keeps} on the dataset {dataset} as {as_who}. Write it so, "
                    "or each run shows a change"
                ] = None
            told |= dict.fromkeys(
                f"{self._file(dataset)}: somebody else wrote the access list of the dataset {dataset} while this run "
                f"did: {what} {in_words(entry, self._environment)}"
                for what, entries in (("put back", lost), ("took away again", returned))
                for entry in missing(entries, kept_otherwise)
            )
        raise ReconcilerError(
            f"{self._file(dataset)}: somebody else keeps writing the access list of the dataset {dataset}: after "
            f"{_ATTEMPTS} attempts this is not as it should be: {self._words([*lost, *returned])}. Find out who else "
            "writes it, and run again with --refresh"
        )

    def _words(self, entries: Iterable[Mapping[str, Any]]) -> str:
        return ", ".join(in_words(entry, self._environment) for entry in entries)

    def _file(self, dataset: str) -> str:
        known = self._known.get(dataset)
        return known.file if known is not None else self._environment.file

    def _datasets(self) -> Datasets:
        with self._lock:
            if self._client is None:
                self._client = Datasets(self._environment.gcp_project)
            return self._client

    async def _threaded(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _same(some: Iterable[Mapping[str, Any]], others: Iterable[Mapping[str, Any]]) -> bool:
    some, others = list(some), list(others)
    return not (missing(some, others) or missing(others, some))
