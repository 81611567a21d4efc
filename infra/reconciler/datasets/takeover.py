"""A dataset that exists and is new to the environment: what taking it over would change, and whether that may be.

Taking over opens or closes nothing unless the file says so: `adopt: {apply_changes: true}`, with the service accounts
that lose access by name. What every dataset of the environment has anyway (its automation, Fivetran's writer) is added
and told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Self

from reconciler.access import by_no_file, declared_entries, effective, entry_of
from reconciler.datasets.entries import in_words, may_be_writer, service_account
from reconciler.datasets.live import Live
from reconciler.model import Dataset, Environment, Unit
from reconciler.removal import DeletionRules


@dataclass(frozen=True)
class Loss:
    """An entry that taking over would take away."""

    entry: str
    """In words."""
    service_account: str | None = None
    """The member, where it is a service account."""
    writer: str | None = None
    """Its address, where this may be the entry of Fivetran's service account."""


@dataclass(frozen=True)
class Meeting:
    """What a file meets in BigQuery, as far as that is known without Fivetran."""

    file: str
    dataset: str
    is_written: bool = False
    """Whether Fivetran's service account is to write it."""
    writers: tuple[str, ...] = ()
    """The addresses of the service accounts that write it now."""
    losses: tuple[Loss, ...] = ()
    differences: tuple[str, ...] = ()
    """What else would open or close, delete or keep something."""
    harmless: tuple[str, ...] = ()
    """What would change besides."""
    apply_changes: bool = False
    revokes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What it says, without what is empty."""
        said = {**asdict(self), "losses": [_full(asdict(loss)) for loss in self.losses]}
        return _full({key: list(value) if isinstance(value, tuple) else value for key, value in said.items()})

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Read it back."""
        lists = {key: tuple(said.get(key, ())) for key in ("writers", "differences", "harmless", "revokes")}
        return cls(
            said["file"],
            said["dataset"],
            is_written=bool(said.get("is_written")),
            losses=tuple(Loss(**loss) for loss in said.get("losses", ())),
            apply_changes=bool(said.get("apply_changes")),
            **lists,
        )

    @property
    def asks_for_the_writer(self) -> bool:
        """Whether it takes Fivetran's word to know which entry is its service account's."""
        return self.is_written and bool(self.writers)

    def judged(self, writer: str | None = None) -> Judgement:
        """Whether the dataset may be taken over; `writer` is the address of Fivetran's service account.

        Where that is not known, no service account that writes counts as lost.
        """
        if not self.is_written:
            return Judgement(self)
        losses = tuple(loss for loss in self.losses if not (loss.writer and _is(writer, loss.writer)))
        if any(_is(writer, address) for address in self.writers):
            return Judgement(replace(self, losses=losses))
        added = _comes(f"roles/bigquery.dataEditor for {writer or 'the service account of Fivetran'}")
        return Judgement(replace(self, losses=losses, harmless=(added, *self.harmless)))


def _is(writer: str | None, address: str) -> bool:
    return writer is None or writer.lower() == address


@dataclass(frozen=True)
class Judgement:
    """Whether a dataset may be taken over, and what is told of it."""

    meeting: Meeting

    @property
    def refusal(self) -> str | None:
        """Why it may not, with every difference and the ways out; None where it may."""
        it = self.meeting
        changes = [*(_goes(loss.entry) for loss in it.losses), *it.differences]
        unnamed = [loss for loss in it.losses if loss.service_account not in (None, *it.revokes)]
        if not changes or (it.apply_changes and not unnamed):
            return None
        if it.apply_changes:
            lines, names = _lines(_goes(loss.entry) for loss in unnamed), _names(unnamed)
            return (
                f"{it.file}: taking over the dataset {it.dataset} would take access from service accounts that the "
                f"file does not name:{lines}\n"
                f"    What works with them would break. Let them in under `access`, or write `revokes: [{names}]` "
                "under `adopt` in its `dataset`"
            )
        names = _names(it.losses)
        revokes = f", revokes: [{names}]" if names else ""
        return (
            f"{it.file}: the dataset {it.dataset} exists and differs from the file:{_lines(changes)}\n"
            "    Taking over opens and closes nothing. Make the file match, or write "
            f"`adopt: {{apply_changes: true{revokes}}}` in its `dataset` to change the dataset"
        )

    @property
    def notices(self) -> Iterator[str]:
        """What is told of a dataset that may be taken over."""
        it = self.meeting
        changes = [*(_goes(loss.entry) for loss in it.losses), *it.differences, *it.harmless]
        if changes:
            yield f"{it.file}: takes over the dataset {it.dataset} and changes it:{_lines(changes)}"
        else:
            yield f"{it.file}: takes over the dataset {it.dataset} as it is"
        lost = {loss.service_account for loss in it.losses}
        for member in it.revokes:
            if member not in lost:
                yield f"{it.file}: `adopt.revokes` names {member}, which loses no access to the dataset {it.dataset}"


def meet(
    environment: Environment,
    unit: Unit,
    dataset: Dataset,
    live: Live,
    rules: DeletionRules,
    *,
    is_written: bool,
    today: date,
) -> Meeting:
    """What a unit's dataset would change today in the one that exists."""
    entries = [entry for each in live.accesses if (entry := entry_of(each)) is not None]
    there = effective(entries, today)
    declared = declared_entries(environment, dataset, writer=None)
    coming = [entry for entry in declared if entry not in there]
    everywhere = by_no_file(coming, environment, dataset)
    expiration = dataset.default_table_expiration_ms, live.default_table_expiration_ms
    return Meeting(
        file=unit.file,
        dataset=dataset.id,
        is_written=is_written,
        writers=tuple(address for entry in there if (address := may_be_writer(entry))),
        losses=tuple(
            Loss(in_words(entry, environment), service_account(entry), may_be_writer(entry))
            for entry in there
            if entry not in declared
        ),
        differences=(
            *(_comes(in_words(entry, environment)) for entry in coming if entry not in everywhere),
            *(_differ("default_table_expiration_ms", *expiration)),
            *(["its contents: this file lets them be deleted with it, by its `expires` or `retire`"] * rules.contents),
        ),
        harmless=(
            *(
                f"{_goes(in_words(entry, environment))}, and it lets nobody in"
                for entry in entries
                if entry not in (*there, *declared)
            ),
            *(_comes(in_words(entry, environment)) for entry in coming if entry in everywhere),
            *_differ("friendly_name", dataset.friendly_name, live.friendly_name),
            *_differ("description", dataset.description or None, live.description),
            *(
                line
                for name, value in sorted(dataset.labels.items())
                for line in _differ(f"labels.{name}", value, live.labels.get(name))
            ),
        ),
        apply_changes=dataset.adopt.apply_changes,
        revokes=tuple(member.lower().replace("serviceaccount:", "serviceAccount:") for member in dataset.adopt.revokes),
    )


def _differ(what: str, ours: object, theirs: object) -> Iterator[str]:
    if ours != theirs:
        yield f"{what}: the file says {_shown(ours)}, BigQuery has {_shown(theirs)}"


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


def _full(said: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if value}
