"""Datasets of a project that no file declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.model import Fleet, Ignore

#: The connection that Fivetran adds by itself to every destination, and the dataset it writes.
FIVETRANS_OWN: Final = "fivetran_metadata"


@dataclass(frozen=True)
class Writer:
    """Who writes: the dataset of a name, or the datasets whose names begin with it."""

    name: str
    by_prefix: bool
    who: str

    def writes(self, dataset_id: str) -> bool:
        """Whether a dataset is one of its datasets, by name."""
        return dataset_id.startswith(f"{self.name}_") if self.by_prefix else dataset_id == self.name


@dataclass(frozen=True)
class Undeclared:
    """A dataset that no file declares, and who writes it as far as names tell."""

    id: str
    written_by: str | None

    def __str__(self) -> str:
        return f"{self.id}, written by {self.written_by}" if self.written_by else self.id


def declared_ids(fleets: Iterable[Fleet]) -> set[str]:
    """The ids of all datasets that the environments declare."""
    return {dataset.id for fleet in fleets for unit in fleet.units for dataset in unit.all_datasets}


def undeclared(
    ids: Iterable[str], fleets: Iterable[Fleet], ignore: Ignore, writers: Iterable[Writer] = ()
) -> Iterator[Undeclared]:
    """Of the datasets of a project those that its environments do not declare, nor leave out by `ignore.schemas`.

    `fleets` are all environments of the project. An ignored service is ignored with its connections, not with what
    they write: who is let in there is nobody's business otherwise.
    """
    fleets = list(fleets)
    declared = declared_ids(fleets)
    known = [*_prefixes(fleets), *writers]
    for id_ in ids:
        if id_ in declared or id_ == FIVETRANS_OWN or ignore.dataset(id_):
            continue
        found = [writer for writer in known if writer.writes(id_)]
        # Of `a` and `a_b` the longer one: both are prefixes of `a_b_c`.
        yield Undeclared(id_, max(found, key=lambda writer: len(writer.name)).who if found else None)


def _prefixes(fleets: Iterable[Fleet]) -> Iterator[Writer]:
    """The connectors that make a dataset for each schema of their source. A file says it better than a connection."""
    for unit in (unit for fleet in fleets for unit in fleet.units):
        if unit.connector is not None and unit.connector.destination.schema_prefix is not None:
            who = f"{unit.file}, which does not declare it under `datasets`"
            yield Writer(unit.connector.destination.schema_prefix, by_prefix=True, who=who)
