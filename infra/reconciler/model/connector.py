"""A connector: one Fivetran connection, as its file declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.model.policy import AllowResync
from reconciler.model.reference import Json
from reconciler.model.trust import Trust

#: `sync_frequency` in minutes, by its name in files (operation create_connection).
SYNC_INTERVALS: Mapping[str, int] = {
    "1m": 1, "5m": 5, "15m": 15, "30m": 30,
    "1h": 60, "2h": 120, "3h": 180, "6h": 360, "8h": 480, "12h": 720, "24h": 1440,
}  # fmt: skip

#: The same intervals, by minutes.
INTERVAL_NAMES: Mapping[int, str] = {minutes: name for name, minutes in SYNC_INTERVALS.items()}
#: The keys of `destination`, which Fivetran takes in `config`.
DESTINATION_KEYS = ("schema", "table", "table_group_name", "schema_prefix")


@dataclass(frozen=True)
class DestinationSchema:
    """The part of a connector's config that names its datasets. Immutable once the connection exists."""

    schema: str | None = None
    table: str | None = None
    table_group_name: str | None = None
    schema_prefix: str | None = None

    @property
    def connection_name(self) -> str:
        """The connection's name, its top-level `schema` in Fivetran's answers: unique within a group."""
        if self.schema_prefix is not None:
            return self.schema_prefix
        tail = self.table or self.table_group_name
        return f"{self.schema}.{tail}" if tail else str(self.schema)

    def as_config(self) -> dict[str, str]:
        """Return the keys for `config` of create_connection."""
        return {key: value for key in DESTINATION_KEYS if (value := getattr(self, key)) is not None}


@dataclass(frozen=True)
class AirflowSchedule:
    """Airflow starts the syncs. Its variable `<task_id>_connector_id` has the connection's id."""

    task_id: str

    def as_property(self) -> dict[str, Json]:
        """Return the schedule as a file writes it."""
        return {"by": "airflow", "task_id": self.task_id}


@dataclass(frozen=True)
class FivetranSchedule:
    """Fivetran starts the syncs: at an interval in minutes, or once a day at `daily_at` ("HH:00")."""

    every_minutes: int = 360
    daily_at: str | None = None

    def as_property(self) -> dict[str, Json]:
        """Return the schedule as a file writes it."""
        if self.daily_at is not None:
            return {"by": "fivetran", "daily_at": self.daily_at}
        return {"by": "fivetran", "every": INTERVAL_NAMES[self.every_minutes]}


@dataclass(frozen=True)
class TableSync:
    """A table of the source, as a file selects it.

    `Sync.others` decides about columns that the file does not name.
    """

    included: bool = True
    mode: Literal["soft_delete", "history", "live"] | None = None
    columns: Mapping[str, Literal["included", "hashed", "excluded"]] = field(default_factory=dict)


@dataclass(frozen=True)
class SchemaSync:
    """A schema of the source, as a file selects it, with its tables."""

    included: bool = True
    tables: Mapping[str, TableSync] = field(default_factory=dict)


@dataclass(frozen=True)
class Sync:
    """The selection of schemas, tables and columns to sync. Names are the source's, and case-sensitive.

    `new` decides about schemas, tables and columns that the source adds later. `others` decides about existing ones
    that the file does not name: `keep` does not change them, `reset` treats them as `new` treats additions.
    """

    new: Literal["allow_all", "allow_columns", "block_all"]
    others: Literal["keep", "reset"] = "keep"
    schemas: Mapping[str, SchemaSync] = field(default_factory=dict)


@dataclass(frozen=True)
class Adopt:
    """Permission to adopt one existing connection.

    With `apply_changes`, also to change it to match the file.
    """

    connection: str
    apply_changes: bool = False


@dataclass(frozen=True)
class Awaiting:
    """An action that the connection is waiting for, and the last day (ISO) until which it may wait."""

    what: str
    until: str


@dataclass(frozen=True)
class Function:
    """A Cloud Function that a connection calls, of Google's first or second `generation`."""

    name: str
    project: str
    region: str
    generation: int = 1

    @property
    def trigger(self) -> str:
        """The address at which Fivetran calls it. Functions of both generations answer there."""
        return f"https://{self.region}-{self.project}.cloudfunctions.net/{self.name}"


@dataclass(frozen=True)
class Package:
    """The ZIP file with the code of a Connector SDK connector: its path and its hashes."""

    path: str
    at: str = field(compare=False)
    sha256: str
    """The hash of the file, as Fivetran reports it."""
    content: str
    """The hash of the names and bytes of the packed files: equal for two packs of the same code."""

    def as_property(self) -> dict[str, Json]:
        """Return the part that is the same on every machine, for state."""
        return {"package": self.path, "sha256": self.sha256, "content": self.content}


@dataclass(frozen=True)
class Connector:
    """A Fivetran connection, as its file declares it."""

    service: str
    destination: DestinationSchema
    config: Mapping[str, Json] = field(default_factory=dict)
    auth: Mapping[str, Json] = field(default_factory=dict)
    trust: Trust | None = None
    schedule: AirflowSchedule | FivetranSchedule = FivetranSchedule()
    sync: Sync | None = None
    """None if Fivetran decides what is synced."""
    paused: str | None = None
    ended: bool = False
    """Whether `paused` is set because the unit expired or retires, so that Airflow may not start it."""
    awaiting: Awaiting | None = None
    function: Function | None = None
    package: Package | None = None
    settings: Mapping[str, Json] = field(default_factory=dict)
    """The declared settings outside `config`, by the API's names (`CONNECTION_SETTINGS`)."""
    adopt: Adopt | None = None
    allow_resync: AllowResync | None = None
    permanent: tuple[str, ...] = ()
    """The immutable keys of `config`, by dotted paths: Fivetran rejects changes once the connection exists.

    They come from the catalogue and from `allow_resync`.
    """
    needs_consent: bool = False
    """Whether a person must consent in a browser, because the file has no `auth`."""

    @property
    def trees(self) -> dict[str, Mapping[str, Json]]:
        """The trees that may have references, by name."""
        return {"config": self.config, "auth": self.auth}

    @property
    def is_pending(self) -> bool:
        """Whether setup tests must wait for an action outside, such as a person's consent."""
        return self.awaiting is not None or self.needs_consent
