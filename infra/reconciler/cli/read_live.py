"""Reading what lives: several connections at once, the people who made them, and the datasets they write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from reconciler.config.schema.schemas import schema
from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection, FivetranClient, Forbidden, NotFound, StandardConfig
from reconciler.google.bigquery.api import Datasets, LiveDataset
from reconciler.importer import Approvals, Found, destination_of, may_have_approvals

#: How many connections are read at a time; the client keeps Fivetran's limits by itself.
_AT_A_TIME = 8


def read_connections(
    client: FivetranClient,
    listed: Iterable[Connection],
    task_ids: Mapping[str, str],
    done: Callable[[], object],
) -> list[Found]:
    """Each connection with its config, its tables and its owner, in order; `task_ids` are by connection id."""
    connections = list(listed)

    def one(connection: Connection) -> tuple[Connection, StandardConfig | None, Approvals]:
        live = client.get_connection(connection.id)
        found = live, _tables(client, connection.id), _approvals(client, live)
        done()
        return found

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        read = list(pool.map(one, connections))
        makers = sorted({found.connected_by for found, _, _ in read if found.connected_by})
        owners = dict(zip(makers, pool.map(lambda maker: _address(client, maker), makers), strict=True))
    return [
        Found(found, tables, owners.get(found.connected_by or ""), task_ids.get(found.id), approvals)
        for found, tables, approvals in read
    ]


def _approvals(client: FivetranClient, connection: Connection) -> Approvals:
    """What Fivetran trusts of a source that it reaches by TLS or SSH; asked of no other."""
    if not may_have_approvals(connection):
        return Approvals()
    try:
        return Approvals(
            tuple(client.list_certificates("connections", connection.id)),
            tuple(client.list_fingerprints("connections", connection.id)),
        )
    except NotFound:
        return Approvals()


def _tables(client: FivetranClient, connection_id: str) -> StandardConfig | None:
    try:
        return client.get_schema_config(connection_id)
    except NotFound:
        return None


def _address(client: FivetranClient, user_id: str) -> str | None:
    """The address of a user who is still there; None also where the key may not see users."""
    try:
        user = client.get_user(user_id)
    except (NotFound, Forbidden):
        return None
    pattern = schema("unit")["$defs"]["email"]["pattern"]
    return user.email if user.email and user.active is not False and re.fullmatch(pattern, user.email) else None


def written_datasets(found: Found) -> tuple[str, ...] | None:
    """The datasets that a connection writes, by what Fivetran says; None where only BigQuery could tell."""
    destination = destination_of(found.connection)
    if destination.schema_prefix is None:
        return (str(destination.schema),)
    if found.tables is None:
        return None
    schemas = [schema for schema in found.tables.schemas.values() if schema.enabled is not False]
    names = (schema.name_in_destination for schema in schemas)
    prefix = f"{destination.schema_prefix}_"
    return tuple(sorted(name for name in names if name is not None and name.startswith(prefix) and name != prefix))


def datasets_of_prefix(prefix: str, all_ids: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """The live datasets whose names begin with a prefix, and with no longer one of `others`."""
    longer = [f"{other}_" for other in others if other.startswith(f"{prefix}_")]
    return tuple(
        name
        for name in sorted(all_ids)
        if name.startswith(f"{prefix}_") and name != f"{prefix}_" and not name.startswith(tuple(longer))
    )


def prefixes(connections: Iterable[Connection]) -> set[str]:
    """The names of the connections that write a dataset a schema, as far as the catalogue knows their services."""
    known = ((each.schema, catalog.find(each.service)) for each in connections)
    return {name for name, service in known if service is not None and service.form is catalog.Form.PREFIX}


def read_datasets(
    datasets: Datasets, wanted: Iterable[str], done: Callable[[], object]
) -> dict[str, LiveDataset | None]:
    """The live datasets by id; None for one that is not there."""
    return datasets.get_all(sorted(set(wanted)), done)
