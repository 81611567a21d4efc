"""Find the datasets of a project that no file declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.model import Fleet, Ignore

#: The connection that Fivetran adds by itself to every destination, and the dataset it writes.
FIVETRANS_OWN: Final = "fivetran_metadata"


@dataclass(frozen=True)
class DatasetWriter:
    """Who writes a dataset of this name, or the datasets with this prefix."""

    name: str
    by_prefix: bool
    who: str

    def writes(self, dataset_id: str) -> bool:
        """Return whether a dataset is one of its datasets, by name."""
        return dataset_id.startswith(f"{self.name}_") if self.by_prefix else dataset_id == self.name


@dataclass(frozen=True)
class UndeclaredDataset:
    """A dataset that no file declares, and who writes it as far as its name shows."""

    id: str
    written_by: str | None

    def __str__(self) -> str:
        return f"{self.id}, written by {self.written_by}" if self.written_by else self.id


def declared_ids(fleets: Iterable[Fleet]) -> set[str]:
    """Return the ids of all datasets that the environments declare."""
    return {dataset.id for fleet in fleets for unit in fleet.units for dataset in unit.all_datasets}


def find_undeclared(
    ids: Iterable[str], fleets: Iterable[Fleet], ignore: Ignore, writers: Iterable[DatasetWriter] = ()
) -> Iterator[UndeclaredDataset]:
    """Yield the datasets of a project that its environments neither declare nor ignore.

    `fleets` are all environments of the project. An ignored service is ignored with its connections, not with the
    datasets that they write: no other rule checks who has access to those.
    """
    fleets = list(fleets)
    declared = declared_ids(fleets)
    known = [*_prefixes(fleets), *writers]
    for id_ in ids:
        if id_ in declared or id_ == FIVETRANS_OWN or ignore.dataset(id_):
            continue
        found = [writer for writer in known if writer.writes(id_)]
        # Of `a` and `a_b` the longer one: both are prefixes of `a_b_c`.
        yield UndeclaredDataset(id_, max(found, key=lambda writer: len(writer.name)).who if found else None)


def _prefixes(fleets: Iterable[Fleet]) -> Iterator[DatasetWriter]:
    """Yield the connectors that create a dataset for each schema of their source."""
    for unit in (unit for fleet in fleets for unit in fleet.units):
        if unit.connector is not None and unit.connector.destination.schema_prefix is not None:
            who = f"{unit.file}, which does not declare it under `datasets`"
            yield DatasetWriter(unit.connector.destination.schema_prefix, by_prefix=True, who=who)
