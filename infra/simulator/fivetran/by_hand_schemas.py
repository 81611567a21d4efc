"""Changes of sources and schema configs outside the API: in the source itself, and in the Schema tab."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from simulator.fivetran import by_hand, schema_change, syncs
from simulator.fivetran import source as sources
from simulator.fivetran.by_hand import ByHandError
from simulator.fivetran.catalogue import DESTINATION_KEYS
from simulator.fivetran.errors import ApiError
from simulator.fivetran.state import Connection, FivetranState, Json


def source(state: FivetranState, target: str) -> Json:
    """Return the source's definition of a connection or a service. Raises `ByHandError` for neither."""
    if target in state.sources:
        return state.sources[target]
    service = state.catalogue.connections.get(target)
    if service is not None:
        return sources.default(service.id, dict.fromkeys(service.destination_keys, ""))
    return syncs.definition_of(state, by_hand.find_connection(state, target))


def set_source(state: FivetranState, target: str, definition: Mapping[str, Any]) -> None:
    """Set the source of the connection with this id or name, or of all connections of a service."""
    for keys in DESTINATION_KEYS.values():
        sources.read(definition, dict.fromkeys(keys, "any"))
    state.sources[target] = dict(definition)


def change_source(state: FivetranState, target: str, changes: Mapping[str, Any]) -> None:
    """Merge changes into the source of a connection or a service; null removes a key."""
    set_source(state, target, sources.merged(source(state, target), changes))


def change(state: FivetranState, connection: Connection, values: Mapping[str, Any]) -> None:
    """Select in the Schema tab, which captures the source if necessary."""
    if connection.schema_config is None or not connection.schema_config.captured:
        syncs.capture(state, connection)
    config = connection.schema_config
    assert config is not None  # noqa: S101 (captured above)
    relaxed = dataclasses.replace(state.options, enabled_in_schema_change="optional")
    try:
        schema_change.check(values, relaxed)
        read = syncs.source_of(state, connection)
        connection.schema_config = schema_change.applied(config, read, values, relaxed)
    except ApiError as error:
        raise ByHandError(error.message) from error
    state.note(connection, "schema changed by hand", version=connection.schema_config.version)
