"""Compare an existing dataset with its file, and decide whether the run may adopt it.

Adopting changes no access unless the file says so: `adopt: {apply_changes: true}`, with the service accounts that lose
access by name. The access that every dataset of the environment has (its automation, Fivetran's writer) is added and
reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from reconciler.google.bigquery.access import AccessEntry, DeclaredEntry, effective_entries, parse_entry
from reconciler.google.bigquery.access.live_entries import format_entry, is_foreign, service_account_of, writer_address
from reconciler.google.bigquery.api import LiveDataset
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration

#: `file:line:col` of a path in a file.
Locate = Callable[[str, str], str]


@dataclass(frozen=True)
class Loss:
    """An entry that adopting would revoke."""

    entry: str
    """The entry in the files' form."""
    service_account: str | None = None
    """The member, where it is a service account."""
    writer: str | None = None
    """Its address, where this may be Fivetran's service account."""


@dataclass(frozen=True)
class DatasetDifference:
    """One difference between file and BigQuery, with the path of the line that declares it, if one does."""

    text: str
    at: tuple[str, str] | None = None


@dataclass(frozen=True)
class DatasetDecision:
    """Whether a dataset may be adopted: a rejection with every difference, or notices of what changes."""

    rejection: str | None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdoptionDiff:
    """How an existing dataset differs from its file, as far as that is known without Fivetran."""

    file: str
    dataset: str
    path: str = "dataset"
    is_written: bool = False
    """Whether Fivetran's service account is to write it."""
    writers: tuple[str, ...] = ()
    """The addresses of the service accounts that write it now."""
    losses: tuple[Loss, ...] = ()
    differences: tuple[DatasetDifference, ...] = ()
    """Other differences that grant or revoke access, or decide whether data is deleted."""
    harmless: tuple[DatasetDifference, ...] = ()
    """Differences that are applied without permission."""
    apply_changes: bool = False
    revokes: tuple[str, ...] = ()

    @property
    def needs_writer(self) -> bool:
        """Whether the decision depends on which entry belongs to Fivetran's service account."""
        return self.is_written and bool(self.writers)

    def decide(self, writer: str | None, locate: Locate) -> DatasetDecision:
        """Decide whether the dataset may be adopted.

        Args:
            writer: The address of Fivetran's service account. Where it is None, no service account that writes counts
                as losing access.
            locate: Finds the line of a path, for the messages.
        """
        diff = self._with_writer(writer) if self.is_written else self
        rejection = diff._reject(locate)
        return DatasetDecision(rejection, () if rejection else tuple(diff._notices(locate)))

    def _with_writer(self, writer: str | None) -> AdoptionDiff:
        losses = tuple(loss for loss in self.losses if not (loss.writer and _is(writer, loss.writer)))
        if any(_is(writer, address) for address in self.writers):
            return replace(self, losses=losses)
        account = f"serviceAccount:{writer}" if writer else "Fivetran's service account"
        added = DatasetDifference(_format_added(f"roles/bigquery.dataEditor for {account}"))
        return replace(self, losses=losses, harmless=(added, *self.harmless))

    def _reject(self, locate: Locate) -> str | None:
        place = locate(self.file, self.path)
        changes = self._changes(self.differences, locate)
        unnamed = [loss for loss in self.losses if loss.service_account not in (None, *self.revokes)]
        if not changes or (self.apply_changes and not unnamed):
            return None
        if self.apply_changes:
            lines, names = _lines(_format_removed(loss.entry) for loss in unnamed), _names(unnamed)
            return (
                f"{place}: adopting the dataset {self.dataset} would revoke access from service accounts that "
                f"`adopt.revokes` does not name:{lines}\n"
                f"    Grant them access under `access`, or write `revokes: [{names}]` under `adopt` in its `dataset`"
            )
        names = _names(self.losses)
        revokes = f", revokes: [{names}]" if names else ""
        return (
            f"{place}: the dataset {self.dataset} exists and differs from the file:{_lines(changes)}\n"
            "    Make the file match, or write "
            f"`adopt: {{apply_changes: true{revokes}}}` in its `dataset` to change the dataset"
        )

    def _notices(self, locate: Locate) -> Iterator[str]:
        place = locate(self.file, self.path)
        changes = self._changes((*self.differences, *self.harmless), locate)
        if changes:
            yield f"{place}: adopts the dataset {self.dataset} and changes it:{_lines(changes)}"
        else:
            yield f"{place}: adopts the dataset {self.dataset} as it is"
        lost = {loss.service_account for loss in self.losses}
        for member in self.revokes:
            if member not in lost:
                at = locate(self.file, f"{self.path}.adopt.revokes")
                yield f"{at}: `adopt.revokes` names {member}, which loses no access to the dataset {self.dataset}"

    def _changes(self, differences: Iterable[DatasetDifference], locate: Locate) -> list[str]:
        removed = [_format_removed(loss.entry) for loss in self.losses]
        return [
            *removed,
            *(each.text if each.at is None else f"{each.text} ({locate(*each.at)})" for each in differences),
        ]


def _is(writer: str | None, address: str) -> bool:
    return writer is None or writer.lower() == address


def compare_dataset(expected: DatasetDeclaration, live: LiveDataset, today: date) -> AdoptionDiff:
    """Return what the file would change today in the existing dataset."""
    entries = [entry for each in live.access if (entry := parse_entry(each)) is not None]
    there = effective_entries(entries, today)
    declared = [each.entry for each in expected.entries]
    coming = [each for each in expected.entries if each.entry not in there]
    contents = "tables: `expires` or `retire` in the file lets a run delete them with the dataset"
    return AdoptionDiff(
        file=expected.file,
        dataset=expected.id,
        path=expected.path,
        is_written=expected.is_written,
        writers=tuple(address for entry in there if (address := writer_address(entry))),
        losses=tuple(_losses(expected, live, there)),
        differences=(
            *(_added(expected, each) for each in coming if not each.everywhere),
            *_differ(
                expected,
                "default_table_expiration_ms",
                expected.default_table_expiration_ms,
                live.default_table_expiration_ms,
            ),
            *([DatasetDifference(contents)] * expected.contents),
        ),
        harmless=(
            *(
                DatasetDifference(f"{_format_removed(_format(expected, entry))}, and it has no effect")
                for entry in entries
                if entry not in (*there, *declared)
            ),
            *(_added(expected, each) for each in coming if each.everywhere),
            *_differ(expected, "friendly_name", expected.friendly_name, live.friendly_name),
            *_differ(expected, "description", expected.description, live.description),
            *(
                difference
                for name, value in sorted(expected.labels.items())
                for difference in _differ(expected, f"labels.{name}", value, live.labels.get(name))
            ),
        ),
        apply_changes=expected.apply_changes,
        revokes=expected.revokes,
    )


def _losses(expected: DatasetDeclaration, live: LiveDataset, there: Iterable[AccessEntry]) -> Iterator[Loss]:
    """Yield the access that the file would revoke: entries in force, and those that no file can name."""
    declared = [each.entry for each in expected.entries]
    for entry in there:
        if entry not in declared:
            yield Loss(_format(expected, entry), service_account_of(entry), writer_address(entry))
    for each in live.access:
        # A role for a kind of member that no file can name.
        if parse_entry(each) is None and not is_foreign(each):
            yield Loss(str(format_entry(each, expected.names)))


def _added(expected: DatasetDeclaration, each: DeclaredEntry) -> DatasetDifference:
    return DatasetDifference(_format_added(str(expected.format(each))), (each.file, each.path))


def _differ(expected: DatasetDeclaration, key: str, ours: object, theirs: object) -> Iterator[DatasetDifference]:
    if ours != theirs:
        difference = f"{key}: the file says {_shown(ours)}, BigQuery has {_shown(theirs)}"
        yield DatasetDifference(difference, (expected.file, f"{expected.path}.{key}"))


def _format(expected: DatasetDeclaration, entry: AccessEntry) -> str:
    return str(format_entry(entry, expected.names))


def _shown(value: object) -> str:
    return "none" if value is None else repr(value)


def _format_removed(entry: str) -> str:
    return f"access: {entry}: BigQuery has it, the file does not"


def _format_added(entry: str) -> str:
    return f"access: {entry}: the file has it, BigQuery does not"


def _names(losses: Iterable[Loss]) -> str:
    return ", ".join(sorted({loss.service_account for loss in losses if loss.service_account}))


def _lines(each: Iterable[str]) -> str:
    return "".join(f"\n    {line}" for line in each)
