"""Operations on the schema configs of connections, without HTTP.

A request changes the config as it was when the request came. If another request changes it meanwhile, that is a
conflict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from simulator.fivetran import connections, schema_change, schema_rendering, syncs
from simulator.fivetran.errors import ApiError, conflict, invalid, not_found
from simulator.fivetran.schema_config import EXCLUDE_MODES, StandardConfig
from simulator.fivetran.state import Connection, FivetranState, Json


def shown(state: FivetranState, connection_id: str) -> Json:
    """Return the config; 404 while there is none."""
    connection = connections.find(state, connection_id)
    return schema_rendering.schema_config(connection, _config(connection), syncs.source_of(state, connection))


def send_ahead(state: FivetranState, connection_id: str, body: Mapping[str, Any]) -> Json:
    """Store a config before the source is captured, and answer with that of the request."""
    connection = connections.find(state, connection_id)
    if body.get("schemas") is None:
        raise invalid("Field 'schemas' is required")
    body = schema_change.read(body)
    schema_change.check(body, state.options)
    existing = connection.schema_config
    if existing is not None and (existing.captured or state.options.second_early_schema != "replace"):
        message = f"Connection with id '{connection_id}' already has schema config"
        raise invalid(message) if state.options.second_early_schema == "invalid" else conflict(message)
    source = syncs.source_of(state, connection)
    connection.schema_config = schema_change.applied(StandardConfig(), source, body, state.options)
    state.note(connection, "schema sent ahead")
    return dict(body)


async def change(
    state: FivetranState, connection_id: str, body: Mapping[str, Any], path: tuple[tuple[str, str], ...] = ()
) -> Json:
    """Change the config, and return it or the changed nodes.

    `path` has the node of the body, as pairs of level and name; without it, the body is of the whole config.
    """
    connection = connections.find(state, connection_id)
    config = _config(connection)
    level = path[-1][0] if path else None
    tree: Mapping[str, Any] = schema_change.read(body, level=level)
    schema_change.check(tree, state.options, level=level)
    for outer, name in reversed(path):
        tree = {outer: {name: tree}}
    source = syncs.source_of(state, connection)
    changed = schema_change.applied(config, source, tree, state.options)
    await asyncio.sleep(state.options.schema_change_seconds)
    _check_unchanged(state, connection, config)
    connection.schema_config = changed
    if changed.version != config.version:
        state.note(connection, "schema changed", version=changed.version)
    only = tree if state.options.schema_change_answer == "applied" else None
    return schema_rendering.schema_config(connection, changed, source, only=only)


async def reload(state: FivetranState, connection_id: str, body: Mapping[str, Any]) -> Json:
    """Capture the source, and return the config."""
    connection = connections.find(state, connection_id)
    mode = body.get("exclude_mode") or "PRESERVE"
    if mode not in EXCLUDE_MODES:
        raise invalid("Invalid value of field 'exclude_mode'")
    _check_connected(connection)
    state.take_source_interaction()
    before = connection.schema_config
    await asyncio.sleep(state.options.reload_seconds)
    _check_unchanged(state, connection, before)
    syncs.capture(state, connection, mode)
    state.note(connection, "schema reloaded", exclude_mode=mode)
    return shown(state, connection_id)


def source_columns(state: FivetranState, connection_id: str, schema: str, table: str) -> Json:
    """Return all columns of a table in the source now. The schema may have its name in the destination."""
    connection = connections.find(state, connection_id)
    config = _config(connection)
    _check_connected(connection)
    key = next(
        (name for name in config.schemas if schema in (name, schema_rendering.dataset(connection, name))), schema
    )
    read = syncs.source_of(state, connection).table(key, table)
    kept = config.schemas[key].tables.get(table) if key in config.schemas else None
    if read is None or kept is None:
        raise not_found("NotFound", f"Table '{table}' of schema '{schema}' not found")
    if not read.supports_columns:
        raise invalid(f"Table `{table}` of schema `{schema}` doesn't supports columns configuration")
    state.take_source_interaction()
    return {"columns": schema_rendering.source_columns(connection, kept, read)}


def resync_tables(state: FivetranState, connection_id: str, body: Mapping[str, Any]) -> None:
    """Sync the history of tables again."""
    connection = connections.find(state, connection_id)
    config = _config(connection)
    if not body:
        raise invalid("At least one schema is required")
    _check_scope(config, body)
    syncs.resync(state, connection, body)


def resync(state: FivetranState, connection_id: str, body: Mapping[str, Any]) -> None:
    """Sync the whole history again, or for databases only that of the tables in `scope`."""
    connection = connections.find(state, connection_id)
    scope = body.get("scope")
    if scope is not None:
        if "schema_prefix" not in connection.naming:
            raise invalid(f"Service '{connection.service}' doesn't support re-sync of tables")
        if not isinstance(scope, Mapping) or not scope:
            raise invalid("Field 'scope' must not be empty")
        _check_scope(_config(connection), scope)
    syncs.resync(state, connection, scope)


def _config(connection: Connection) -> StandardConfig:
    if connection.schema_config is None:
        raise _missing(connection)
    return connection.schema_config


def _missing(connection: Connection) -> ApiError:
    return not_found("NotFound_SchemaConfig", f"Connection with id '{connection.id}' doesn't have schema config")


def _check_connected(connection: Connection) -> None:
    if connection.setup_state != "connected":
        raise invalid(
            "We expected the connector's setup state ('status.setup_state') to be 'connected', "
            f"but it was '{connection.setup_state}'"
        )


def _check_unchanged(state: FivetranState, connection: Connection, before: StandardConfig | None) -> None:
    connections.find(state, connection.id)
    now = connection.schema_config
    if (now.version if now else None) != (before.version if before else None):
        raise conflict(f"Schema config of connection with id '{connection.id}' has been changed by another request")


def _check_scope(config: StandardConfig, scope: Mapping[str, Any]) -> None:
    for schema, tables in scope.items():
        if not isinstance(tables, list) or not tables or not all(isinstance(table, str) for table in tables):
            raise invalid(f"Field '{schema}' must be a list of tables that is not empty")
        known = config.schemas[schema].tables if schema in config.schemas else {}
        if unknown := [table for table in tables if table not in known]:
            raise not_found("NotFound", f"Table '{unknown[0]}' of schema '{schema}' not found")
