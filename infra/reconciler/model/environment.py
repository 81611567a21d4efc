"""Units, the environment they are in, and all of them together."""

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
    """One file: a connector with the datasets it writes, or a dataset alone. `name` is the file's stem."""

    name: str
    file: str
    description: str
    owners: tuple[str, ...]
    connector: Connector | None = None
    datasets: tuple[Dataset, ...] = ()
    dataset_unit: str | None = None
    """The unit that declares the dataset this connector writes to, where the file only names it."""
    formerly: str | None = None
    expires: date | Never | None = None
    """The last day, in UTC."""
    retire: Retire | None = None
    former_datasets: tuple[Dataset, ...] = ()
    """What the connector wrote before `allow_resync.schema`: declared still, written no longer."""

    @property
    def all_datasets(self) -> tuple[Dataset, ...]:
        """Every dataset that this file keeps in being."""
        return self.datasets + self.former_datasets


@dataclass(frozen=True)
class Destination:
    """The BigQuery destination of a Fivetran group. `region` and `location` are fixed once it exists."""

    location: str
    region: str
    time_zone_offset: str
    settings: Mapping[str, Json] = field(default_factory=dict)
    """What else the file says of it, by the API's names (`DESTINATION_SETTINGS`)."""


@dataclass(frozen=True)
class Labels:
    """What holds for the labels of every dataset in an environment: those it has anyway, and the keys it must have."""

    default: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ignore:
    """What is in no file on purpose. In `schemas` a `*` stands for any text."""

    services: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()

    def connection(self, service: str, name: str) -> bool:
        """Whether a connection is meant, by its service or by its name, which begins with its dataset."""
        return service in self.services or self.dataset(name) or self.dataset(name.partition(".")[0])

    def dataset(self, dataset_id: str) -> bool:
        """Whether a dataset is meant."""
        return any(fnmatchcase(dataset_id, pattern) for pattern in self.schemas)


@dataclass(frozen=True)
class Environment:
    """One `environment.yaml`: a Fivetran group, a GCP project, and what holds for every dataset in it."""

    name: str
    file: str
    gcp_project: str
    group: str
    destination: Destination
    workgroups: str | None = None
    automation: tuple[Grant, ...] = ()
    default_access: tuple[Grant, ...] = ()
    project_access: tuple[Grant, ...] = ()
    """Roles on the whole project, added to what others granted there; with conditions, never with `until`."""
    labels: Labels = Labels()
    ignore: Ignore = Ignore()
    policy: Policy = field(default_factory=Policy)
    formerly: str | None = None
    """The name that the Fivetran group had."""
    secrets_project: str | None = None
    """The project of references to Secret Manager that name none; the loader fills in `gcp_project`."""


@dataclass(frozen=True)
class Fleet:
    """All that one environment declares. Units are sorted by name."""

    environment: Environment
    units: tuple[Unit, ...]

    def writers_of(self, dataset: Dataset) -> tuple[Unit, ...]:
        """The units whose connector writes into this dataset."""
        return self._writers.get(dataset.id, ())

    def is_written(self, dataset: Dataset) -> bool:
        """Whether Fivetran's service account writes this dataset: for a connector of ours, or as the file says."""
        return dataset.written_by == "fivetran" or bool(self.writers_of(dataset))

    def datasets_of(self, unit: Unit) -> tuple[Dataset, ...]:
        """The datasets a unit's connector writes into, whichever file declares them; none without a connector."""
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
