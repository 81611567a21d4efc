"""Units, their environment, and the fleet: an environment with its units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property

from reconciler.model.connector import Connector
from reconciler.model.dataset import Dataset, Grant
from reconciler.model.policy import Never, Policy, Retire
from reconciler.model.reference import Json


@dataclass(frozen=True)
class Unit:
    """The content of one file: a connector with its datasets, or a dataset alone.

    `name` is the file's stem.
    """

    name: str
    file: str
    description: str
    owners: tuple[str, ...]
    connector: Connector | None = None
    datasets: tuple[Dataset, ...] = ()
    dataset_unit: str | None = None
    """The other unit that declares this connector's dataset, if the file refers to one."""
    formerly: str | None = None
    expires: date | Never | None = None
    """The last day, in UTC."""
    retire: Retire | None = None
    former_datasets: tuple[Dataset, ...] = ()
    """Datasets that the connector wrote before `allow_resync.schema`. The file still declares them."""
    folder: str = ""
    """The subfolder of the environment that the file is in; empty for the environment's own."""

    @property
    def all_datasets(self) -> tuple[Dataset, ...]:
        """Every dataset that this file declares."""
        return self.datasets + self.former_datasets


@dataclass(frozen=True)
class Destination:
    """The BigQuery destination of a Fivetran group. `region` and `location` are fixed once it exists."""

    location: str
    region: str
    time_zone_offset: str
    settings: Mapping[str, Json] = field(default_factory=dict)
    """The declared settings outside `config`, by the API's names (`DESTINATION_SETTINGS`)."""


@dataclass(frozen=True)
class Labels:
    """The labels that every dataset of an environment gets, and the keys that every dataset must have."""

    default: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ignore:
    """Connections and datasets that no file declares on purpose. In `schemas`, `*` matches any text."""

    services: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()

    def connection(self, service: str, name: str) -> bool:
        """Return whether a connection is ignored: by its service, or by its name.

        The name begins with its dataset.
        """
        return service in self.services or self.dataset(name) or self.dataset(name.partition(".")[0])

    def dataset(self, dataset_id: str) -> bool:
        """Return whether a dataset is ignored."""
        return any(fnmatchcase(dataset_id, pattern) for pattern in self.schemas)


@dataclass(frozen=True)
class DagByHand:
    """A task that a DAG outside bigquery-etl has, and the file of that DAG."""

    task_id: str
    where: str


@dataclass(frozen=True)
class TaskElsewhere:
    """A Fivetran task whose connector is managed elsewhere. In `task_id`, `*` matches any text."""

    task_id: str
    where: str

    def covers(self, task_id: str) -> bool:
        """Return whether a task is one of these."""
        return fnmatchcase(task_id, self.task_id)


@dataclass(frozen=True)
class ReadsElsewhere:
    """Queries that read another environment on purpose. In both patterns, `*` matches any text."""

    queries: str
    datasets: str
    reason: str

    def covers(self, query: str, dataset: str) -> bool:
        """Return whether a query, as `project.dataset.table`, may read a dataset, as `project.dataset`."""
        return fnmatchcase(query, self.queries) and fnmatchcase(dataset, self.datasets)


@dataclass(frozen=True)
class BigqueryEtl:
    """What the cross-check with bigquery-etl takes as given. In `projects`, `*` matches any text."""

    projects: tuple[str, ...] = ()
    dags_by_hand: tuple[DagByHand, ...] = ()
    tasks_elsewhere: tuple[TaskElsewhere, ...] = ()
    reads_elsewhere: tuple[ReadsElsewhere, ...] = ()


#: The largest share of Fivetran's quota that runs leave to others, in percent.
LARGEST_QUOTA_LEFT = 90


@dataclass(frozen=True)
class Environment:
    """The content of an `environment.yaml`: a Fivetran group, a GCP project, and rules for all units."""

    name: str
    file: str
    gcp_project: str
    group: str
    destination: Destination
    workgroups: str | None = None
    automation: tuple[Grant, ...] = ()
    default_access: tuple[Grant, ...] = ()
    project_access: tuple[Grant, ...] = ()
    """Roles on the whole project, in addition to roles that others grant. They have conditions, never `until`."""
    labels: Labels = Labels()
    ignore: Ignore = Ignore()
    bigquery_etl: BigqueryEtl = BigqueryEtl()
    policy: Policy = field(default_factory=Policy)
    formerly: str | None = None
    """The former name of the Fivetran group."""
    quota_left: int | None = None
    """Percent of Fivetran's quota that runs leave to others; None for the usual share."""
    fivetran_access: tuple[Grant, ...] | None = None
    """Roles in the Fivetran group for `user:` and `team:` members, with `until` and never a condition.

    None: the file does not say, so that runs leave them alone.
    """
    secrets_project: str | None = None
    """The project of references to Secret Manager without one. Default: `gcp_project`."""
    stacks: tuple[str, ...] = ()
    """The subfolders whose units have a stack of their own."""

    def stack_of(self, folder: str) -> str:
        """Return the stack of the units in a subfolder, or in the environment's own folder if it is empty."""
        return stack_name(self.name, folder) if folder in self.stacks else self.name

    @property
    def all_stacks(self) -> tuple[str, ...]:
        """The environment's own stack, and those of its subfolders."""
        return (self.name, *(stack_name(self.name, folder) for folder in sorted(self.stacks)))


def stack_name(environment: str, folder: str) -> str:
    """Return the name of a subfolder's stack. No environment's name has a dot."""
    return f"{environment}.{folder}"


@dataclass(frozen=True)
class Fleet:
    """An environment and its units, sorted by name."""

    environment: Environment
    units: tuple[Unit, ...]

    def of_stack(self, stack: str) -> Fleet:
        """Return the environment with the units of one of its stacks only."""
        return Fleet(self.environment, tuple(unit for unit in self.units if self.stack_of(unit) == stack))

    def stack_of(self, unit: Unit) -> str:
        """Return the stack of a unit."""
        return self.environment.stack_of(unit.folder)

    def writers_of(self, dataset: Dataset) -> tuple[Unit, ...]:
        """Return the units whose connectors write a dataset."""
        return self._writers.get(dataset.id, ())

    def is_written(self, dataset: Dataset) -> bool:
        """Return whether Fivetran's service account writes a dataset.

        It does for a connector, or as the file declares.
        """
        return dataset.written_by == "fivetran" or bool(self.writers_of(dataset))

    def datasets_of(self, unit: Unit) -> tuple[Dataset, ...]:
        """Return the datasets that a unit's connector writes, including those that another file declares."""
        if unit.connector is None:
            return ()
        if unit.dataset_unit is None:
            return unit.datasets
        owner = self._by_name[unit.dataset_unit]
        return tuple(dataset for dataset in owner.datasets if dataset.id == unit.connector.destination.schema)

    @cached_property
    def _by_name(self) -> Mapping[str, Unit]:
        return {unit.name: unit for unit in self.units}

    @cached_property
    def _writers(self) -> Mapping[str, tuple[Unit, ...]]:
        writers: dict[str, list[Unit]] = defaultdict(list)
        for unit in self.units:
            for dataset in self.datasets_of(unit):
                writers[dataset.id].append(unit)
        return {dataset_id: tuple(units) for dataset_id, units in writers.items()}
