"""Connections of a Fivetran group and datasets of a GCP project that no file declares. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection
from reconciler.google.bigquery.undeclared import FIVETRANS_OWN, DatasetWriter, find_undeclared
from reconciler.health.lateness import parse_time
from reconciler.model import Fleet, Ignore
from reconciler.model.commands import count


@dataclass(frozen=True)
class UnmanagedConnection:
    """A connection that no file declares. The field names are keys of the JSON output."""

    id: str
    name: str
    service: str
    paused: bool | None
    setup_state: str | None
    created_at: str | None
    age_days: int | None
    kind: str = "connection"

    def __str__(self) -> str:
        state = ", paused" if self.paused else ""
        created = _format_creation(self.created_at, self.age_days, ", ")
        return f"connection {self.name} ({self.id}): {self.service}, {self.setup_state or 'unknown'}{state}{created}"


@dataclass(frozen=True)
class UnmanagedDataset:
    """A dataset that no file declares. The field names are keys of the JSON output."""

    id: str
    written_by: str | None
    """The connection or file that writes datasets of such a name."""
    created_at: str | None = None
    """No list of BigQuery's has it, so it is read for each dataset that is shown."""
    age_days: int | None = None
    kind: str = "dataset"

    def __str__(self) -> str:
        writer = f": written by {self.written_by}" if self.written_by else ""
        return f"dataset {self.id}{writer}{_format_creation(self.created_at, self.age_days, ', ' if writer else ': ')}"

    def with_creation(self, at: datetime | None, day: date) -> UnmanagedDataset:
        """Return the dataset with the time of its creation."""
        if at is None:
            return self
        return replace(self, created_at=at.isoformat().replace("+00:00", "Z"), age_days=_age(at, day))


def unmanaged_connections(
    connections: Iterable[Connection], fleets: Iterable[Fleet], ignore: Ignore, day: date
) -> Iterator[UnmanagedConnection]:
    """Return the connections that no file declares and no file ignores.

    Args:
        connections: All connections of the group.
        fleets: All environments of the group.
        ignore: What the environment ignores.
        day: Today, by which they have an age.
    """
    declared = declared_connection_names(fleets)
    for each in connections:
        if each.schema not in declared and not is_ignored(each, ignore):
            age = _age(parse_time(each.created_at), day)
            yield UnmanagedConnection(
                each.id, each.schema, each.service, each.paused, each.setup_state, each.created_at, age
            )


def unmanaged_datasets(
    dataset_ids: Iterable[str], fleets: Iterable[Fleet], ignore: Ignore, connections: Iterable[Connection]
) -> Iterator[UnmanagedDataset]:
    """Return the datasets that no file declares and no file ignores, as every run reports them too.

    Args:
        dataset_ids: All datasets of the project.
        fleets: All environments of the project.
        ignore: What the environment ignores.
        connections: The connections that may write the datasets.
    """
    found = find_undeclared(dataset_ids, fleets, ignore, map(_writer, connections))
    return (UnmanagedDataset(each.id, each.written_by) for each in found)


def declared_connection_names(fleets: Iterable[Fleet]) -> set[str]:
    """Return the names of all connections that the environments declare."""
    units = (unit for fleet in fleets for unit in fleet.units)
    return {unit.connector.destination.connection_name for unit in units if unit.connector is not None}


def is_ignored(connection: Connection, ignore: Ignore) -> bool:
    """Return whether a connection needs no file: by `ignore`, or because Fivetran created it."""
    return connection.schema == FIVETRANS_OWN or ignore.connection(connection.service, connection.schema)


def _age(created: datetime | None, day: date) -> int | None:
    """Return an age in days. A run for an earlier date has none below 0."""
    return None if created is None else max((day - created.astimezone(UTC).date()).days, 0)


def _format_creation(created_at: str | None, age_days: int | None, before: str) -> str:
    if not created_at or age_days is None:
        return ""
    age = f"{count(age_days, 'day')} ago" if age_days else "today"
    return f"{before}created {created_at.partition('T')[0]} ({age})"


def _writer(connection: Connection) -> DatasetWriter:
    """Return the datasets that a connection writes, by its name and its service."""
    service = catalog.find(connection.service)
    by_prefix = service is not None and service.form is catalog.Form.PREFIX
    return DatasetWriter(
        connection.schema.partition(".")[0], by_prefix, f"the connection {connection.schema} ({connection.id})"
    )
