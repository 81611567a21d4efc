"""Draft files for selected connections and datasets: their names, and which declares a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.cli import masked_output
from reconciler.cli.environments import LiveGroup, SelectedEnvironment
from reconciler.cli.import_reading import (
    datasets_with_prefix,
    prefix_names,
    read_connections,
    read_datasets,
    written_datasets,
)
from reconciler.cli.import_selection import select_datasets
from reconciler.cli.progress import progress
from reconciler.fivetran.api import Connection
from reconciler.google.bigquery.api import Datasets, LiveDataset
from reconciler.importer import (
    Draft,
    Found,
    ImportContext,
    dataset_unit_name,
    destination_of,
    draft_connector,
    draft_dataset,
    undeclarable,
    unit_name,
)
from reconciler.model import AirflowSchedule, Fleet
from reconciler.model.errors import RemoteError


@dataclass(frozen=True)
class Drafts:
    """The drafts, sorted by name, and notices about all of them."""

    drafts: Sequence[Draft]
    notices: Sequence[str] = ()


def draft_files(
    selected: SelectedEnvironment,
    live: LiveGroup,
    connections: Sequence[Connection],
    dataset_patterns: Sequence[str],
    task_ids: Mapping[str, str],
) -> Drafts:
    """Read the selected connections and datasets in full, and draft a unit for each.

    Args:
        selected: The environment.
        live: Its group.
        connections: The connections to import.
        dataset_patterns: Names or patterns of datasets to import without a connector.
        task_ids: Airflow tasks by the connection id that their variable holds.
    """
    with progress("Reading connections", len(connections)) as advance:
        read = read_connections(live.client, connections, task_ids, advance)
    reasons = {each.connection.id: undeclarable(each.connection) for each in read}
    found = [each for each in read if reasons[each.connection.id] is None]
    left_out = [
        f"{each.connection.schema} ({each.connection.id}) is left out: no file can declare it, because {reason}"
        for each in read
        if (reason := reasons[each.connection.id]) is not None
    ]
    service_account = live.client.group_service_account(live.group.id)
    datasets = _ReadDatasets.read(selected, live, found, dataset_patterns)
    context = ImportContext(selected.environment, service_account, datasets.live, secrets=masked_output.known_secrets())
    drafts = _Drafter(selected, live, context, datasets).draft_all(found)
    return Drafts(sorted(drafts, key=lambda each: each.unit.name), [*left_out, *datasets.notices])


@dataclass
class _ReadDatasets:
    """What BigQuery has: the datasets of each connection, and those to import without a connector."""

    written: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By connection id."""
    alone: tuple[str, ...] = ()
    live: Mapping[str, LiveDataset | None] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    @classmethod
    def read(
        cls, selected: SelectedEnvironment, group: LiveGroup, found: Sequence[Found], patterns: Sequence[str]
    ) -> _ReadDatasets:
        """Read the datasets; if BigQuery fails, leave out what only BigQuery has, with a notice."""
        datasets = cls()
        for each in found:
            names = written_datasets(each)
            if names is not None:
                datasets.written[each.connection.id] = names
        try:
            datasets._read_bigquery(selected, group, found, patterns)
        except RemoteError as error:
            if patterns:
                raise
            reason = masked_output.format_error(error)
            datasets.notices.append(f"{reason}. Datasets are written without their settings and access")
        return datasets

    def _read_bigquery(
        self, selected: SelectedEnvironment, group: LiveGroup, found: Sequence[Found], patterns: Sequence[str]
    ) -> None:
        unknown = [each.connection for each in found if each.connection.id not in self.written]
        with Datasets(selected.environment.gcp_project) as client:
            if unknown or patterns:
                ids = [each.id for each in client.all()]
                prefixes = prefix_names(group.connections)
                for each in unknown:
                    self.written[each.id] = datasets_with_prefix(each.schema, ids, prefixes - {each.schema})
                self.alone = select_datasets(selected, ids, patterns)
            wanted = {*self.alone, *(name for names in self.written.values() for name in names)}
            with progress("Reading datasets", len(wanted)) as advance:
                self.live = read_datasets(client, wanted, advance)


class _Drafter:
    """Decides the name of each file, and which file declares a dataset."""

    def __init__(
        self, selected: SelectedEnvironment, live: LiveGroup, context: ImportContext, datasets: _ReadDatasets
    ) -> None:
        self._selected = selected
        self._context = context
        self._datasets = datasets
        self._dataset_units: dict[str, str] = {}
        self._names = {unit.name for unit in selected.fleet.units}
        self._tasks = set(_task_ids((selected.fleet, *selected.others)))
        self._writers = Counter(each.schema.partition(".")[0] for each in live.connections)

    def draft_all(self, found: Sequence[Found]) -> list[Draft]:
        """Return a draft for each connection, and for each dataset that needs a file of its own."""
        declared_as = {each.connection.schema: self._declaring_unit(each.connection) for each in found}
        shared = sorted({name for each in found if (name := self._shared_dataset(each, declared_as)) is not None})
        written = self._written_datasets(found)
        alone = sorted({*shared, *(name for name in self._datasets.alone if name not in written)})
        drafts = []
        # A dataset whose id can be a file's name comes first, before another takes that name.
        for dataset_id in sorted(alone, key=lambda each: (each != each.lower(), each)):
            name = dataset_unit_name(dataset_id, self._names)
            self._names.add(name)
            self._dataset_units[dataset_id] = name
            drafts.append(draft_dataset(dataset_id, self._context, is_written=dataset_id in shared, name=name))
        for each in found:
            drafts.append(self._draft_connector(each, declared_as[each.connection.schema], shared))
        return drafts

    def _draft_connector(self, found: Found, declared_as: str | None, shared: Sequence[str]) -> Draft:
        connection = found.connection
        name = declared_as or unit_name(connection.schema, connection.id, self._names)
        dataset_unit = self._dataset_unit(destination_of(connection).schema, name, shared)
        draft = draft_connector(
            found,
            name,
            self._context,
            dataset_unit=dataset_unit,
            datasets=self._datasets.written.get(connection.id, ()),
            taken_tasks=self._tasks,
        )
        self._names.add(name)
        assert draft.unit.connector is not None  # noqa: S101 (it was drafted with one)
        if isinstance(draft.unit.connector.schedule, AirflowSchedule):
            self._tasks.add(draft.unit.connector.schedule.task_id)
        return draft

    def _declaring_unit(self, connection: Connection) -> str | None:
        """Return the unit that already declares a connection, whose file is then written again."""
        for unit in self._selected.fleet.units:
            if unit.connector is not None and unit.connector.destination.connection_name == connection.schema:
                return unit.name
        return None

    def _shared_dataset(self, found: Found, declared_as: Mapping[str, str | None]) -> str | None:
        """Return the connection's dataset if other connections write it too and no other file declares it."""
        schema = destination_of(found.connection).schema
        if schema is None or self._writers[schema] < 2:
            return None
        owner = self._dataset_owner(schema)
        return schema if owner is None or owner in declared_as.values() else None

    def _dataset_unit(self, schema: str | None, name: str, shared: Sequence[str]) -> str | None:
        """Return the other unit that declares a connection's dataset, if one does."""
        if schema is None:
            return None
        if schema in shared:
            return self._dataset_units[schema]
        owner = self._dataset_owner(schema)
        return owner if owner != name else None

    def _dataset_owner(self, dataset_id: str) -> str | None:
        """Return the unit of the environment that declares a dataset."""
        for unit in self._selected.fleet.units:
            if any(dataset.id == dataset_id for dataset in unit.datasets):
                return unit.name
        return None

    def _written_datasets(self, found: Sequence[Found]) -> set[str]:
        """Return the datasets that are declared together with the connections that write them."""
        return {name for each in found for name in self._datasets.written.get(each.connection.id, ())}


def _task_ids(fleets: Iterable[Fleet]) -> Iterable[str]:
    """Return every Airflow task that a file names."""
    for fleet in fleets:
        for unit in fleet.units:
            if unit.connector is not None and isinstance(unit.connector.schedule, AirflowSchedule):
                yield unit.connector.schedule.task_id
