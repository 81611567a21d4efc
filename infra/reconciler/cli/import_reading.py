"""Read live connections in full, the users who created them, and the datasets that they write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from reconciler.config.schema.schemas import schema
from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection, FivetranClient, Forbidden, NotFound, StandardConfig
from reconciler.google.bigquery.api import Datasets, LiveDataset
from reconciler.importer import Approvals, Found, destination_of, may_have_approvals

#: How many connections are read at a time; the client observes Fivetran's rate limits.
_AT_A_TIME = 8


def read_connections(
    client: FivetranClient,
    listed: Iterable[Connection],
    task_ids: Mapping[str, str],
    advance: Callable[[], object],
) -> list[Found]:
    """Return each connection with its config, its tables and its owner, in order.

    Args:
        client: The client.
        listed: The connections, as a list has them.
        task_ids: Airflow tasks by connection id.
        advance: Called after each connection.
    """
    connections = list(listed)

    def read_one(connection: Connection) -> tuple[Connection, StandardConfig | None, Approvals]:
        live = client.get_connection(connection.id)
        found = live, _tables(client, connection.id), _approvals(client, live)
        advance()
        return found

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        read = list(pool.map(read_one, connections))
        users = sorted({found.connected_by for found, _, _ in read if found.connected_by})
        owners = dict(zip(users, pool.map(lambda user: _address(client, user), users), strict=True))
    return [
        Found(found, tables, owners.get(found.connected_by or ""), task_ids.get(found.id), approvals)
        for found, tables, approvals in read
    ]


def _approvals(client: FivetranClient, connection: Connection) -> Approvals:
    """Return the certificates and host keys that Fivetran trusts; only sources behind TLS or SSH have any."""
    if not may_have_approvals(connection):
        return Approvals()
    try:
        return Approvals(
            tuple(client.list_approvals("certificates", connection.id)),
            tuple(client.list_approvals("fingerprints", connection.id)),
        )
    except NotFound:
        return Approvals()


def _tables(client: FivetranClient, connection_id: str) -> StandardConfig | None:
    try:
        return client.get_schema_config(connection_id)
    except NotFound:
        return None


def _address(client: FivetranClient, user_id: str) -> str | None:
    """Return the address of an active user; None also if the API key may not see users."""
    try:
        user = client.get_user(user_id)
    except (NotFound, Forbidden):
        return None
    pattern = schema("unit")["$defs"]["email"]["pattern"]
    return user.email if user.email and user.active is not False and re.fullmatch(pattern, user.email) else None


def written_datasets(found: Found) -> tuple[str, ...] | None:
    """Return the datasets that a connection writes; None if only BigQuery has their names."""
    destination = destination_of(found.connection)
    if destination.schema_prefix is None:
        return (str(destination.schema),)
    if found.tables is None:
        return None
    schemas = [schema for schema in found.tables.schemas.values() if schema.enabled is not False]
    names = (schema.name_in_destination for schema in schemas)
    prefix = f"{destination.schema_prefix}_"
    return tuple(sorted(name for name in names if name is not None and name.startswith(prefix) and name != prefix))


def datasets_with_prefix(prefix: str, all_ids: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """Return the datasets whose names begin with a prefix, and with no longer one of `others`."""
    longer = [f"{other}_" for other in others if other.startswith(f"{prefix}_")]
    return tuple(
        name
        for name in sorted(all_ids)
        if name.startswith(f"{prefix}_") and name != f"{prefix}_" and not name.startswith(tuple(longer))
    )


def prefix_names(connections: Iterable[Connection]) -> set[str]:
    """Return the names of the connections that write one dataset for each schema, by the catalogue."""
    known = ((each.schema, catalog.find(each.service)) for each in connections)
    return {name for name, service in known if service is not None and service.form is catalog.Form.PREFIX}


def read_datasets(
    client: Datasets, wanted: Iterable[str], advance: Callable[[], object]
) -> dict[str, LiveDataset | None]:
    """Return the live datasets by id; None for one that does not exist."""
    return client.get_all(sorted(set(wanted)), advance)
