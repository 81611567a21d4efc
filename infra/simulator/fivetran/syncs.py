"""Syncs: their start, what they write, and their end.

A connection that is connected, not paused and on an automatic schedule starts its historical sync. Later syncs start on
request only, never because time passes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from simulator.fivetran import schema_rendering, source
from simulator.fivetran.errors import conflict
from simulator.fivetran.schema_config import ExcludeMode, captured, selection
from simulator.fivetran.state import Connection, FivetranState


def source_of(state: FivetranState, connection: Connection) -> source.Source:
    """Return the connection's source as it is now."""
    return source.read(definition_of(state, connection), connection.naming)


def definition_of(state: FivetranState, connection: Connection) -> source.Json:
    """Return the source's definition: by the connection's id, name or service, or the default of its kind."""
    for target in (connection.id, connection.name, connection.service):
        if target in state.sources:
            return state.sources[target]
    return source.default(connection.service, connection.naming)


def capture(state: FivetranState, connection: Connection, exclude_mode: ExcludeMode = "PRESERVE") -> None:
    """Capture the source, and update the schema config."""
    before = connection.schema_config
    connection.schema_config = captured(
        before, source_of(state, connection), exclude_mode, first=state.options.unnamed_in_early_schema
    )
    if before is None or connection.schema_config.version != before.version:
        state.note(connection, "schema captured", version=connection.schema_config.version)


def begin_if_due(state: FivetranState, connection: Connection) -> None:
    """Start the connection's missing historical sync if it can start. Needs the event loop.

    A requested historical sync starts with any schedule.
    """
    owes = connection.owes_sync or (connection.is_historical_sync and connection.schedule_type == "auto")
    if owes and _ready(connection) and not connection.syncing:
        start(state, connection)


def trigger(state: FivetranState, connection: Connection, *, force: bool) -> None:
    """Start a sync on request. Without `force`, a running sync continues.

    A connection that is paused or not connected starts none: rejected or ignored, by option.
    """
    if not _ready(connection):
        if state.options.sync_of_unready == "conflict":
            raise conflict(f"Connection with id '{connection.id}' is paused or not connected")
        return
    if not connection.syncing or force:
        start(state, connection)


def resync(state: FivetranState, connection: Connection, scope: Mapping[str, Any] | None) -> None:
    """Sync the history again, or that of the tables in `scope`. A paused connection does so later."""
    if connection.syncing:
        raise conflict(f"Connection with id '{connection.id}' is syncing")
    state.note(connection, "resync asked for", scope=scope)
    connection.owes_sync = True
    connection.is_historical_sync = connection.is_historical_sync or scope is None
    if _ready(connection):
        start(state, connection)


def start(state: FivetranState, connection: Connection) -> None:
    """Start a sync now, instead of a running one. Its writes take effect at once."""
    if connection.schema_status == "blocked_on_capture":
        capture(state, connection)
        connection.schema_status = "blocked_on_customer"
        return
    connection.syncing = True
    connection.owes_sync = False
    connection.syncs += 1
    at = state.moment()
    capture(state, connection)
    config = connection.schema_config
    assert config is not None  # noqa: S101 (captured above)
    read = source_of(state, connection)
    written = selection(config, read)
    state.note(connection, "sync started", sync=connection.syncs, historical=connection.is_historical_sync)
    if connection.first_sync is None:
        connection.first_sync = {
            "at": at,
            "schema_config": schema_rendering.schema_config(connection, config, read),
            "written": written,
        }
    datasets = [schema_rendering.dataset(connection, schema) for schema in written]
    connection.written_datasets += [name for name in datasets if name not in connection.written_datasets]
    if state.options.sync_seconds > 0:
        loop = asyncio.get_running_loop()
        loop.call_later(state.options.sync_seconds, finish, state, connection, connection.syncs)
    else:
        finish(state, connection, connection.syncs)


def finish(state: FivetranState, connection: Connection, number: int) -> None:
    """End a sync by its number with success, unless a later one has replaced it."""
    if connection.syncing and connection.syncs == number:
        connection.syncing = False
        connection.is_historical_sync = False
        connection.succeeded_at = state.now()
        state.note(connection, "sync succeeded", sync=number)


def _ready(connection: Connection) -> bool:
    unblocked = connection.schema_status != "blocked_on_customer"
    return connection.setup_state == "connected" and not connection.paused and unblocked
