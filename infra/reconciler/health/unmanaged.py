"""Connections of a Fivetran group and datasets of a GCP project that no file declares. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection
from reconciler.google.bigquery.undeclared import FIVETRANS_OWN, DatasetWriter, find_undeclared
from reconciler.model import Fleet, Ignore


@dataclass(frozen=True)
class UnmanagedConnection:
    """A connection that no file declares. The field names are keys of the JSON output."""

    id: str
    name: str
    service: str
    paused: bool | None
    setup_state: str | None
    created_at: str | None
    kind: str = "connection"

    def __str__(self) -> str:
        state = ", paused" if self.paused else ""
        created = f", created {self.created_at.partition('T')[0]}" if self.created_at else ""
        return f"connection {self.name} ({self.id}): {self.service}, {self.setup_state or 'unknown'}{state}{created}"


@dataclass(frozen=True)
class UnmanagedDataset:
    """A dataset that no file declares. The field names are keys of the JSON output."""

    id: str
    written_by: str | None
    """The connection or file that writes datasets of such a name."""
    kind: str = "dataset"

    def __str__(self) -> str:
        return f"dataset {self.id}" + (f": written by {self.written_by}" if self.written_by else "")


def unmanaged_connections(
    connections: Iterable[Connection], fleets: Iterable[Fleet], ignore: Ignore
) -> Iterator[UnmanagedConnection]:
    """Return the connections that no file declares and no file ignores.

    Args:
        connections: All connections of the group.
        fleets: All environments of the group.
        ignore: What the environment ignores.
    """
    declared = declared_connection_names(fleets)
    for each in connections:
        if each.schema not in declared and not is_ignored(each, ignore):
            yield UnmanagedConnection(
                each.id, each.schema, each.service, each.paused, each.setup_state, each.created_at
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
    """Whether a connection needs no file: `ignore` names it, or Fivetran created it with the destination."""
    return connection.schema == FIVETRANS_OWN or ignore.connection(connection.service, connection.schema)


def _writer(connection: Connection) -> DatasetWriter:
    """Return the datasets that a connection writes, by its name and its service."""
    service = catalog.find(connection.service)
    by_prefix = service is not None and service.form is catalog.Form.PREFIX
    return DatasetWriter(
        connection.schema.partition(".")[0], by_prefix, f"the connection {connection.schema} ({connection.id})"
    )
