"""A connector: one Fivetran connection, as its file declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.model.policy import AllowResync
from reconciler.model.reference import Json
from reconciler.model.trust import Trust

#: `sync_frequency` in minutes, by the word a file uses for it (operation create_connection).
SYNC_INTERVALS: Mapping[str, int] = {
    "1m": 1, "5m": 5, "15m": 15, "30m": 30,
    "1h": 60, "2h": 120, "3h": 180, "6h": 360, "8h": 480, "12h": 720, "24h": 1440,
}  # fmt: skip


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
class Awaiting:
    """What has to happen outside before a connection can work, and the last day (ISO) on which that is in order."""

    what: str
    until: str


@dataclass(frozen=True)
class Function:
    """A Cloud Function that a connection calls. `generation` says which of Google's two kinds it is."""

    name: str
    project: str
    region: str
    generation: int = 1

    @property
    def trigger(self) -> str:
        """The address at which it is called; one of the second generation answers there as well."""
        return f"https://{self.region}-{self.project}.cloudfunctions.net/{self.name}"


@dataclass(frozen=True)
class Package:
    """The ZIP file with the code of a Connector SDK connector: where it is, and its hashes."""

    path: str
    at: str = field(compare=False)
    sha256: str
    """Of the file, as Fivetran reports it."""
    content: str
    """Of the names and bytes of what is in it (`archive.content_hash`): equal for two packs of the same code."""

    def as_property(self) -> dict[str, Json]:
        """What of it is the same on every machine."""
        return {"package": self.path, "sha256": self.sha256, "content": self.content}


@dataclass(frozen=True)
class Connector:
    """A Fivetran connection as its file declares it."""

    service: str
    destination: DestinationSchema
    config: Mapping[str, Json] = field(default_factory=dict)
    auth: Mapping[str, Json] = field(default_factory=dict)
    trust: Trust | None = None
    schedule: AirflowSchedule | FivetranSchedule = FivetranSchedule()
    sync: Sync | None = None
    """None leaves to Fivetran what is synced."""
    paused: str | None = None
    ended: bool = False
    """Whether `paused` says that the unit expired or retires: nobody else may start it then (`lifecycle.expiry`)."""
    awaiting: Awaiting | None = None
    function: Function | None = None
    package: Package | None = None
    settings: Mapping[str, Json] = field(default_factory=dict)
    """What the file says outside `config`, by the API's names (`CONNECTION_SETTINGS`)."""
    adopt: Adopt | None = None
    allow_resync: AllowResync | None = None
    permanent: tuple[str, ...] = ()
    """The keys of `config`, by dotted paths, that Fivetran does not change in a connection that exists.

    Those that the catalogue knows, and those that `allow_resync` names.
    """
    needs_consent: bool = False
    """Whether a person has to give consent in a browser, since the file gives no `auth` in its place."""

    @property
    def awaits_a_person(self) -> bool:
        """Whether there is no use in testing before somebody has done something."""
        return self.awaiting is not None or self.needs_consent
