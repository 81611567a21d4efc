"""From selected connections and datasets to drafts: what to read, what the files are called, who declares what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import click

from reconciler.cli import foreign_text
from reconciler.cli.environments import Chosen, LiveGroup
from reconciler.cli.output import progress
from reconciler.cli.read_live import datasets_of_prefix, prefixes, read_connections, read_datasets, written_datasets
from reconciler.fivetran.api import Connection
from reconciler.google.bigquery.api import Datasets, LiveDataset
from reconciler.google.bigquery.undeclared import FIVETRANS_OWN, declared_ids
from reconciler.importer import (
    Draft,
    Found,
    Surroundings,
    dataset_unit_name,
    destination_of,
    draft_connector,
    draft_dataset,
    undeclarable,
    unit_name,
)
from reconciler.model import AirflowSchedule, Fleet
from reconciler.model.errors import OtherSideFailed


@dataclass(frozen=True)
class Drafted:
    """The drafts, sorted by name, and what is good to know about all of them."""

    drafts: Sequence[Draft]
    notices: Sequence[str] = ()


def draft(
    chosen: Chosen,
    live: LiveGroup,
    selected: Sequence[Connection],
    dataset_patterns: Sequence[str],
    task_ids: Mapping[str, str],
) -> Drafted:
    """Read what there is to know of the selected connections and datasets, and draft a unit for each."""
    with progress("Reading connections", len(selected)) as done:
        read = read_connections(live.client, selected, task_ids, done)
    why = {each.connection.id: undeclarable(each.connection) for each in read}
    found = [each for each in read if why[each.connection.id] is None]
    left_out = [
        f"{each.connection.schema} ({each.connection.id}) is left out: no file can declare it, as {reason}"
        for each in read
        if (reason := why[each.connection.id]) is not None
    ]
    service_account = live.client.group_service_account(live.group.id)
    looked = _Looked.at(chosen, live, found, dataset_patterns)
    around = Surroundings(chosen.environment, service_account, looked.live, secrets=foreign_text.known_secrets())
    drafting = _Drafting(chosen, live, around, looked)
    drafts = drafting.all(found)
    return Drafted(sorted(drafts, key=lambda each: each.unit.name), [*left_out, *looked.notices])


@dataclass
class _Looked:
    """What BigQuery says: which datasets each connection writes, which were asked for alone, and how each is."""

    written: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By connection id."""
    alone: tuple[str, ...] = ()
    live: Mapping[str, LiveDataset | None] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, chosen: Chosen, group: LiveGroup, found: Sequence[Found], patterns: Sequence[str]) -> _Looked:
        """Look. Without access to BigQuery, what only it could tell is left out, with a notice."""
        looked = cls()
        for each in found:
            told = written_datasets(each)
            if told is not None:
                looked.written[each.connection.id] = told
        try:
            looked._ask(chosen, group, found, patterns)
        except OtherSideFailed as error:
            if patterns:
                raise
            why = foreign_text.explain(error)
            looked.notices.append(f"{why}. Datasets are written without their settings and access")
        return looked

    def _ask(self, chosen: Chosen, group: LiveGroup, found: Sequence[Found], patterns: Sequence[str]) -> None:
        untold = [each.connection for each in found if each.connection.id not in self.written]
        with Datasets(chosen.environment.gcp_project) as datasets:
            if untold or patterns:
                ids = [each.id for each in datasets.all()]
                others = prefixes(group.connections)
                for each in untold:
                    self.written[each.id] = datasets_of_prefix(each.schema, ids, others - {each.schema})
                self.alone = _matching(chosen, ids, patterns)
            wanted = {*self.alone, *(name for names in self.written.values() for name in names)}
            with progress("Reading datasets", len(wanted)) as done:
                self.live = read_datasets(datasets, wanted, done)


def _matching(chosen: Chosen, ids: Sequence[str], patterns: Iterable[str]) -> tuple[str, ...]:
    """The datasets that are asked for by name or pattern. Raises click.UsageError for what fits none."""
    declared = declared_ids(chosen.of_the_project)
    ignore = chosen.environment.ignore
    free = [name for name in ids if name not in declared]
    found: set[str] = set()
    for pattern in patterns:
        fitting = [name for name in free if name == pattern]
        fitting = fitting or [
            name for name in free if fnmatchcase(name, pattern) and not ignore.dataset(name) and name != FIVETRANS_OWN
        ]
        if not fitting:
            among = "that is in no file" if any(fnmatchcase(name, pattern) for name in ids) else ""
            raise click.UsageError(
                f"no dataset {among + ' ' if among else ''}in {chosen.environment.gcp_project} is called {pattern!r}"
            )
        found |= set(fitting)
    return tuple(sorted(found))


class _Drafting:
    """Who declares what, and under which names."""

    def __init__(self, chosen: Chosen, live: LiveGroup, around: Surroundings, looked: _Looked) -> None:
        self._chosen = chosen
        self._around = around
        self._looked = looked
        self._alone: dict[str, str] = {}
        self._names = {unit.name for unit in chosen.fleet.units}
        self._tasks = set(_tasks((chosen.fleet, *chosen.others)))
        self._writers = Counter(each.schema.partition(".")[0] for each in live.connections)

    def all(self, found: Sequence[Found]) -> list[Draft]:
        """A draft for each connection, and for each dataset that gets a file of its own."""
        again = {each.connection.schema: self._declared_as(each.connection) for each in found}
        shared = sorted({name for each in found if (name := self._shared(each, again)) is not None})
        alone = sorted({*shared, *(name for name in self._looked.alone if name not in self._covered(found))})
        drafts = []
        # What a file can be called comes first: another then gets a name of its own.
        for each_id in sorted(alone, key=lambda each: (each != each.lower(), each)):
            name = dataset_unit_name(each_id, self._names)
            self._names.add(name)
            self._alone[each_id] = name
            drafts.append(draft_dataset(each_id, self._around, is_written=each_id in shared, name=name))
        for each in found:
            drafts.append(self._connector(each, again[each.connection.schema], shared))
        return drafts

    def _connector(self, found: Found, declared_as: str | None, shared: Sequence[str]) -> Draft:
        connection = found.connection
        name = declared_as or unit_name(connection.schema, connection.id, self._names)
        destination = destination_of(connection)
        dataset_unit = self._dataset_unit(destination.schema, name, shared)
        drafted = draft_connector(
            found,
            name,
            self._around,
            dataset_unit=dataset_unit,
            datasets=self._looked.written.get(connection.id, ()),
            taken_tasks=self._tasks,
        )
        self._names.add(name)
        assert drafted.unit.connector is not None  # noqa: S101 (it was made with one)
        if isinstance(drafted.unit.connector.schedule, AirflowSchedule):
            self._tasks.add(drafted.unit.connector.schedule.task_id)
        return drafted

    def _declared_as(self, connection: Connection) -> str | None:
        """The unit that declares a connection already: its file is the one to write again."""
        for unit in self._chosen.fleet.units:
            if unit.connector is not None and unit.connector.destination.connection_name == connection.schema:
                return unit.name
        return None

    def _shared(self, found: Found, again: Mapping[str, str | None]) -> str | None:
        """The dataset of a connection that others in the group write too, unless a file declares it already."""
        schema = destination_of(found.connection).schema
        if schema is None or self._writers[schema] < 2:
            return None
        owner = self._owner(schema)
        return schema if owner is None or owner in again.values() else None

    def _dataset_unit(self, schema: str | None, name: str, shared: Sequence[str]) -> str | None:
        """The other unit that declares a connection's dataset, if one does."""
        if schema is None:
            return None
        if schema in shared:
            return self._alone[schema]
        owner = self._owner(schema)
        return owner if owner != name else None

    def _owner(self, dataset_id: str) -> str | None:
        """The unit of the environment that declares a dataset."""
        for unit in self._chosen.fleet.units:
            if any(dataset.id == dataset_id for dataset in unit.datasets):
                return unit.name
        return None

    def _covered(self, found: Sequence[Found]) -> set[str]:
        """The datasets that are declared with the connections that write them."""
        return {name for each in found for name in self._looked.written.get(each.connection.id, ())}


def _tasks(fleets: Iterable[Fleet]) -> Iterable[str]:
    """Every Airflow task that a file names."""
    for fleet in fleets:
        for unit in fleet.units:
            if unit.connector is not None and isinstance(unit.connector.schedule, AirflowSchedule):
                yield unit.connector.schedule.task_id
