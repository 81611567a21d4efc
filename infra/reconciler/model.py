"""What the YAML means, as frozen data. No I/O, no Pulumi, no YAML.

The words are those of the files (`schemas/*.schema.json`), which are in turn Fivetran's for Fivetran's things and
BigQuery's for datasets. Config trees stay plain JSON: a reference is a mapping inside them (`Reference.parse`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Literal, TypeAlias, cast

from reconciler.policy import AllowResync, Never, Policy, Retire

#: A value as YAML 1.2 or JSON has it. `None` never stands in a file: a key that says nothing is left out.
Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

#: `sync_frequency` in minutes, by the word a file uses for it (operation create_connection).
SYNC_INTERVALS: Mapping[str, int] = {
    "1m": 1, "5m": 5, "15m": 15, "30m": 30,
    "1h": 60, "2h": 120, "3h": 180, "6h": 360, "8h": 480, "12h": 720, "24h": 1440,
}  # fmt: skip


#: The kinds of references: the key that says where the value is kept, and the keys that may stand beside it.
REFERENCE_KEYS: Mapping[str, frozenset[str]] = {
    "secret": frozenset({"version", "project"}),  # Google Secret Manager
    "env": frozenset({"version"}),  # an environment variable of the process that applies
    "pulumi_config": frozenset({"version"}),  # the stack's own config
    "held_by": frozenset(),  # Fivetran has the value: nothing is sent
}

#: What `held_by` may say.
FIVETRAN: Literal["fivetran"] = "fivetran"


@dataclass(frozen=True)
class Reference:
    """Where a secret value is kept. It stands in place of the value, at any depth of `config` and `auth`.

    A `version` is Secret Manager's for `secret`, where None is the latest, and the user's own count elsewhere. In the
    model a `secret` always has its `project`: the loader fills in what the environment says.
    """

    kind: Literal["secret", "env", "pulumi_config", "held_by"]
    name: str
    version: int | None = None
    project: str | None = None

    @classmethod
    def parse(cls, node: object) -> Reference | None:
        """Read a node as a reference; None when it is anything else.

        A reference has exactly one of the keys that name a kind, with a text, and beside it only what that kind takes,
        each of its type. A whole number is one as well when the engine's wire format has made it a float.
        """
        if not isinstance(node, Mapping):
            return None
        kind = next((kind for kind in REFERENCE_KEYS if kind in node), None)
        if kind is None or not node.keys() - {kind} <= REFERENCE_KEYS[kind]:
            return None
        name, project, version = node[kind], node.get("project"), node.get("version")
        if not isinstance(name, str) or not isinstance(project, str | None):
            return None
        if kind == "held_by" and name != FIVETRAN:
            return None
        if isinstance(version, float) and version.is_integer():
            version = int(version)
        if isinstance(version, bool) or not isinstance(version, int | None):
            return None
        return cls(cast(Any, kind), name, version, project)

    @property
    def held(self) -> bool:
        """Whether Fivetran has the value already, so that there is nothing to send."""
        return self.kind == "held_by"

    def as_node(self) -> dict[str, Json]:
        """The reference as it stands in a config tree."""
        said = {self.kind: self.name, "version": self.version, "project": self.project}
        return {key: value for key, value in said.items() if value is not None}

    def __str__(self) -> str:
        return "{" + ", ".join(f"{key}: {value}" for key, value in self.as_node().items()) + "}"


def references(tree: object, path: str = "") -> Iterator[tuple[str, Reference]]:
    """Every reference in a config tree with its dotted path (`secrets_list[0].value`), in the order of the file."""
    reference = Reference.parse(tree)
    if reference is not None:
        yield path, reference
    elif isinstance(tree, Mapping):
        for key, node in tree.items():
            yield from references(node, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for index, node in enumerate(tree):
            yield from references(node, f"{path}[{index}]")


@dataclass(frozen=True)
class DestinationSchema:
    """The part of a connector's config that names where its data lands. Permanent once the connection exists."""

    schema: str | None = None
    table: str | None = None
    table_group_name: str | None = None
    schema_prefix: str | None = None

    @property
    def connection_name(self) -> str:
        """What Fivetran answers as the connection's top-level `schema`: unique within a group."""
        if self.schema_prefix is not None:
            return self.schema_prefix
        tail = self.table or self.table_group_name
        return f"{self.schema}.{tail}" if tail else str(self.schema)

    def as_config(self) -> dict[str, str]:
        """The keys as they stand in `config` of create_connection."""
        keys = ("schema", "table", "table_group_name", "schema_prefix")
        return {key: value for key in keys if (value := getattr(self, key)) is not None}


@dataclass(frozen=True)
class AirflowSchedule:
    """Airflow triggers the syncs; the connection's id reaches it as the variable `<task_id>_connector_id`."""

    task_id: str


@dataclass(frozen=True)
class FivetranSchedule:
    """Fivetran triggers the syncs itself: every so many minutes, or once a day at `daily_at` ("HH:00")."""

    every_minutes: int = 360
    daily_at: str | None = None


@dataclass(frozen=True)
class TableSync:
    """What a file says of a table of the source. A column it does not name is another (`Sync.others`)."""

    included: bool = True
    mode: Literal["soft_delete", "history", "live"] | None = None
    columns: Mapping[str, Literal["included", "hashed", "excluded"]] = field(default_factory=dict)


@dataclass(frozen=True)
class SchemaSync:
    """What a file says of a schema of the source, and of its tables."""

    included: bool = True
    tables: Mapping[str, TableSync] = field(default_factory=dict)


@dataclass(frozen=True)
class Sync:
    """Which part of the source is synced. Names are the source's own, in its capitals.

    `new` is for what appears later; `others` for what is there and not named: `keep` leaves it, `reset` brings it to
    what `new` would give it.
    """

    new: Literal["allow_all", "allow_columns", "block_all"]
    others: Literal["keep", "reset"] = "keep"
    schemas: Mapping[str, SchemaSync] = field(default_factory=dict)


@dataclass(frozen=True)
class Adopt:
    """Permission to take over one existing connection; with `apply_changes` also to change it to match the file."""

    connection: str
    apply_changes: bool = False


@dataclass(frozen=True)
class Connector:
    """A Fivetran connection as its file declares it."""

    service: str
    destination: DestinationSchema
    config: Mapping[str, Json] = field(default_factory=dict)
    auth: Mapping[str, Json] = field(default_factory=dict)
    schedule: AirflowSchedule | FivetranSchedule = FivetranSchedule()
    sync: Sync | None = None
    """None leaves to Fivetran what is synced."""
    paused: str | None = None
    adopt: Adopt | None = None
    allow_resync: AllowResync | None = None


@dataclass(frozen=True)
class Grant:
    """One role for some members. Members keep the form of the file: `user:`, `group:`, `workgroup:`, …"""

    role: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A BigQuery dataset as its file declares it. Labels are complete: the environment's defaults are merged in."""

    id: str
    location: str
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    sensitive: bool = False
    access: tuple[Grant, ...] = ()
    default_table_expiration_ms: int | None = None


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
    """The last good day, in UTC."""
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
    policy: Policy = field(default_factory=Policy)
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
