"""A dataset that exists and is new to the environment: what taking it over would change, and whether that may be.

Taking over opens or closes nothing unless the file says so: `adopt: {apply_changes: true}`, with the service accounts
that lose access by name. What every dataset of the environment has anyway (its automation, Fivetran's writer) is added
and told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from reconciler.google.bigquery.access import DeclaredEntry, Entry, effective, entry_of
from reconciler.google.bigquery.access.live_entries import format_entry, is_foreign, may_be_writer, service_account
from reconciler.google.bigquery.declared_dataset import Expected


@dataclass(frozen=True)
class Live:
    """What exists under a dataset's id. Texts and numbers that are not set are None."""

    location: str
    accesses: tuple[Mapping[str, Any], ...] = ()
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    default_table_expiration_ms: int | None = None


#: `file:line:col` of a path in a file.
Locate = Callable[[str, str], str]


@dataclass(frozen=True)
class Loss:
    """An entry that taking over would take away."""

    entry: str
    """As people read it."""
    service_account: str | None = None
    """The member, where it is a service account."""
    writer: str | None = None
    """Its address, where this may be the entry of Fivetran's service account."""


@dataclass(frozen=True)
class DatasetDifference:
    """What a file has otherwise than BigQuery, and the line that says so; None where no line does."""

    text: str
    at: tuple[str, str] | None = None


@dataclass(frozen=True)
class Meeting:
    """What a file meets in BigQuery, as far as that is known without Fivetran."""

    file: str
    dataset: str
    path: str = "dataset"
    is_written: bool = False
    """Whether Fivetran's service account is to write it."""
    writers: tuple[str, ...] = ()
    """The addresses of the service accounts that write it now."""
    losses: tuple[Loss, ...] = ()
    differences: tuple[DatasetDifference, ...] = ()
    """What else would open or close, delete or keep something."""
    harmless: tuple[DatasetDifference, ...] = ()
    """What would change besides."""
    apply_changes: bool = False
    revokes: tuple[str, ...] = ()

    @property
    def asks_for_the_writer(self) -> bool:
        """Whether it takes Fivetran's word to know which entry is its service account's."""
        return self.is_written and bool(self.writers)

    def judged(self, writer: str | None = None, locate: Locate = lambda file, _: file) -> Judgement:
        """Whether the dataset may be taken over; `writer` is the address of Fivetran's service account.

        Where that is not known, no service account that writes counts as lost.
        """
        if not self.is_written:
            return Judgement(self, locate)
        losses = tuple(loss for loss in self.losses if not (loss.writer and _is(writer, loss.writer)))
        if any(_is(writer, address) for address in self.writers):
            return Judgement(replace(self, losses=losses), locate)
        account = f"serviceAccount:{writer}" if writer else "Fivetran's service account"
        added = DatasetDifference(_comes(f"roles/bigquery.dataEditor for {account}"))
        return Judgement(replace(self, losses=losses, harmless=(added, *self.harmless)), locate)


def _is(writer: str | None, address: str) -> bool:
    return writer is None or writer.lower() == address


@dataclass(frozen=True)
class Judgement:
    """Whether a dataset may be taken over, and what is told of it."""

    meeting: Meeting
    locate: Locate = lambda file, _: file

    @property
    def refusal(self) -> str | None:
        """Why it may not, with every difference and the ways out; None where it may."""
        it = self.meeting
        changes = [*(_goes(loss.entry) for loss in it.losses), *self._located(it.differences)]
        unnamed = [loss for loss in it.losses if loss.service_account not in (None, *it.revokes)]
        if not changes or (it.apply_changes and not unnamed):
            return None
        if it.apply_changes:
            lines, names = _lines(_goes(loss.entry) for loss in unnamed), _names(unnamed)
            return (
                f"{self._place}: taking over the dataset {it.dataset} would take access from service accounts that the "
                f"file does not name:{lines}\n"
                f"    What works with them would break. Let them in under `access`, or write `revokes: [{names}]` "
                "under `adopt` in its `dataset`"
            )
        names = _names(it.losses)
        revokes = f", revokes: [{names}]" if names else ""
        return (
            f"{self._place}: the dataset {it.dataset} exists and differs from the file:{_lines(changes)}\n"
            "    Taking over opens and closes nothing. Make the file match, or write "
            f"`adopt: {{apply_changes: true{revokes}}}` in its `dataset` to change the dataset"
        )

    @property
    def notices(self) -> Iterator[str]:
        """What is told of a dataset that may be taken over."""
        it = self.meeting
        changes = [*(_goes(loss.entry) for loss in it.losses), *self._located((*it.differences, *it.harmless))]
        if changes:
            yield f"{self._place}: takes over the dataset {it.dataset} and changes it:{_lines(changes)}"
        else:
            yield f"{self._place}: takes over the dataset {it.dataset} as it is"
        lost = {loss.service_account for loss in it.losses}
        for member in it.revokes:
            if member not in lost:
                place = self.locate(it.file, f"{it.path}.adopt.revokes")
                yield f"{place}: `adopt.revokes` names {member}, which loses no access to the dataset {it.dataset}"

    @property
    def _place(self) -> str:
        return self.locate(self.meeting.file, self.meeting.path)

    def _located(self, differences: Iterable[DatasetDifference]) -> Iterator[str]:
        for each in differences:
            yield each.text if each.at is None else f"{each.text} ({self.locate(*each.at)})"


def meet(expected: Expected, live: Live, today: date) -> Meeting:
    """What a file's dataset would change today in the one that exists."""
    names = expected.names
    entries = [entry for each in live.accesses if (entry := entry_of(each)) is not None]
    there = effective(entries, today)
    declared = [each.entry for each in expected.entries]
    coming = [each for each in expected.entries if each.entry not in there]

    def comes(each: DeclaredEntry) -> DatasetDifference:
        return DatasetDifference(_comes(str(expected.format(each))), (each.file, each.path))

    def told(entry: Entry) -> str:
        return str(format_entry(entry, names))

    def differ(key: str, ours: object, theirs: object) -> Iterator[DatasetDifference]:
        if ours != theirs:
            text = f"{key}: the file says {_shown(ours)}, BigQuery has {_shown(theirs)}"
            yield DatasetDifference(text, (expected.file, f"{expected.path}.{key}"))

    contents = "its contents: this file lets them be deleted with it, by its `expires` or `retire`"
    return Meeting(
        file=expected.file,
        dataset=expected.id,
        path=expected.path,
        is_written=expected.is_written,
        writers=tuple(address for entry in there if (address := may_be_writer(entry))),
        losses=(
            *(
                Loss(told(entry), service_account(entry), may_be_writer(entry))
                for entry in there
                if entry not in declared
            ),
            # A role for a kind of member that no file can name.
            *(
                Loss(str(format_entry(each, names)))
                for each in live.accesses
                if entry_of(each) is None and not is_foreign(each)
            ),
        ),
        differences=(
            *(comes(each) for each in coming if not each.everywhere),
            *differ(
                "default_table_expiration_ms", expected.default_table_expiration_ms, live.default_table_expiration_ms
            ),
            *([DatasetDifference(contents)] * expected.contents),
        ),
        harmless=(
            *(
                DatasetDifference(f"{_goes(told(entry))}, and it lets nobody in")
                for entry in entries
                if entry not in (*there, *declared)
            ),
            *(comes(each) for each in coming if each.everywhere),
            *differ("friendly_name", expected.friendly_name, live.friendly_name),
            *differ("description", expected.description, live.description),
            *(
                difference
                for name, value in sorted(expected.labels.items())
                for difference in differ(f"labels.{name}", value, live.labels.get(name))
            ),
        ),
        apply_changes=expected.apply_changes,
        revokes=expected.revokes,
    )


def _shown(value: object) -> str:
    return "none" if value is None else repr(value)


def _goes(entry: str) -> str:
    return f"access: {entry}: BigQuery has it, the file does not"


def _comes(entry: str) -> str:
    return f"access: {entry}: the file has it, BigQuery does not"


def _names(losses: Iterable[Loss]) -> str:
    return ", ".join(sorted({loss.service_account for loss in losses if loss.service_account}))


def _lines(each: Iterable[str]) -> str:
    return "".join(f"\n    {line}" for line in each)
