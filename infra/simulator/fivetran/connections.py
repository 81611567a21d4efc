"""Operations on connections, without HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.fivetran import config, fields, groups, packages
from simulator.fivetran.catalogue import Service
from simulator.fivetran.errors import conflict, invalid, not_found, required, wrong_method
from simulator.fivetran.state import Connection, FivetranState

_DAILY = 1440


def find(state: FivetranState, connection_id: str) -> Connection:
    """Return the connection with this id; 404 with the code of an option."""
    try:
        return state.connections[connection_id]
    except KeyError:
        code = state.options.missing_connection_code
        raise not_found(code, f"Connection with id '{connection_id}' not found") from None


def create(
    state: FivetranState, body: Mapping[str, Any], connected_by: str | None
) -> tuple[Connection, dict[str, Any] | None]:
    """Create a connection. Returns it with the flags for setup tests, if the request wants tests."""
    fields.require(body, "group_id", "service")
    accepted = fields.accept(body, fields.NEW_CONNECTION, state.options)
    group_id, service_id = accepted.pop("group_id"), accepted.pop("service")
    service = state.catalogue.connections.get(service_id)
    if service is None:
        raise invalid(f"Unsupported service '{service_id}'")
    if state.options.destination_schema_names == "required":
        fields.require(accepted, "destination_schema_names")
    groups.find(state, group_id)
    sent = dict(accepted.pop("config", {}))
    naming = take_naming(service, sent)
    changes = config.accept("config", service.config, sent, {}, state.options)
    if absent := config.missing(service.config, changes):
        raise required(absent)
    auth = config.accept("auth", service.auth, accepted.pop("auth", {}), {}, state.options)
    packages.check_use(state, changes)
    _check_schedule(accepted, accepted.get("sync_frequency"))
    name = ".".join(naming.values())
    _check_name(state, group_id, name)
    flags = _take_tests(state, accepted, runs=True)
    connection = Connection(
        id=state.new_id(),
        group_id=group_id,
        service=service_id,
        name=name,
        created_at=state.now(),
        naming=naming,
        config=config.merge({}, changes),
        auth=config.merge({}, auth),
        connected_by=connected_by,
        **accepted,
    )
    state.add_connection(connection)
    state.note(connection, "created", paused=connection.paused)
    return connection, flags


def change(
    state: FivetranState, connection_id: str, body: Mapping[str, Any]
) -> tuple[Connection, dict[str, Any] | None]:
    """Change a connection. Returns it with the flags for setup tests, if the request wants tests."""
    connection = find(state, connection_id)
    accepted = fields.accept(body, fields.CHANGED_CONNECTION, state.options, fixed=fields.FIXED_CONNECTION)
    if not accepted.keys() - fields.TEST_FLAGS.keys():
        raise invalid("At least one persistent parameter is required")
    service = state.catalogue.connections[connection.service]
    tested = state.options.patch_tests == "always" or bool(accepted.keys() & {"config", "auth"})
    sent = _without_naming(state, connection, accepted.pop("config", {}))
    changes = config.accept("config", service.config, sent, connection.config, state.options)
    auth = config.accept("auth", service.auth, accepted.pop("auth", {}), connection.auth, state.options)
    packages.check_use(state, changes, connection)
    frequency = accepted.get("sync_frequency", connection.sync_frequency)
    _check_schedule(accepted, frequency)
    flags = _take_tests(state, accepted, runs=tested)
    connection.config = config.merge(connection.config, changes)
    connection.auth = config.merge(connection.auth, auth)
    if accepted.get("paused") not in (None, connection.paused):
        state.note(connection, "paused" if accepted["paused"] else "unpaused")
    if accepted.get("is_historical_sync"):
        connection.syncing, connection.owes_sync = False, True  # replaces a running sync
    for name, value in accepted.items():
        setattr(connection, name, value)
    if frequency != _DAILY:
        connection.daily_sync_time = None
    return connection, flags


def delete(state: FivetranState, connection_id: str) -> None:
    """Delete a connection, but not its data."""
    state.drop_connection(find(state, connection_id))


def prepare_test(
    state: FivetranState, connection_id: str, body: Mapping[str, Any]
) -> tuple[Connection, dict[str, Any]]:
    """Return a connection and the flags for requested setup tests."""
    connection = find(state, connection_id)
    flags = fields.accept(body, fields.TRUST_FLAGS, state.options)
    state.take_setup_tests()
    return connection, flags


def function_state(state: FivetranState, connection_id: str) -> Any:
    """Return the cursor of a function; 405 for other services, 400 without one."""
    connection = _function(state, connection_id)
    if connection.function_state is None:
        raise invalid(f"Connection with id '{connection_id}' has no state")
    return connection.function_state


def set_function_state(state: FivetranState, connection_id: str, body: Mapping[str, Any]) -> Any:
    """Replace the cursor of a paused connection."""
    connection = _function(state, connection_id)
    fields.require(body, "state")
    if connection.syncing:
        raise conflict(f"Connection with id '{connection_id}' is syncing")
    if not connection.paused:
        raise invalid(f"Connection with id '{connection_id}' is not paused")
    connection.function_state = body["state"]
    return connection.function_state


def take_naming(service: Service, sent: dict[str, Any]) -> dict[str, str]:
    """Take the destination keys out of a config; 400 if one is missing or no text."""
    keys = service.destination_keys
    if "table_group_name" in keys and "table" in sent and "table_group_name" not in sent:
        keys = ("schema", "table")
    fields.require(sent, *keys)
    naming = {key: sent.pop(key) for key in keys}
    if not all(isinstance(value, str) for value in naming.values()):
        raise invalid("Invalid 'config' object")
    return naming


def _without_naming(state: FivetranState, connection: Connection, sent: Mapping[str, Any]) -> dict[str, Any]:
    named = {key: value for key, value in sent.items() if key in connection.naming}
    if state.options.immutable_change == "refuse" and any(
        value != connection.naming[key] for key, value in named.items()
    ):
        raise invalid("The destination schema of a connection cannot be changed")
    return {key: value for key, value in sent.items() if key not in named}


def _check_name(state: FivetranState, group_id: str, name: str) -> None:
    if state.options.duplicate_schema == "allowed" or not any(state.connections_named(group_id, name)):
        return
    message = f"Connection with schema '{name}' already exists in group '{group_id}'"
    raise conflict(message) if state.options.duplicate_schema == "conflict" else invalid(message)


def _check_schedule(accepted: Mapping[str, Any], frequency: int | None) -> None:
    if accepted.get("daily_sync_time") is not None and frequency != _DAILY:
        raise invalid(f"Field 'daily_sync_time' needs a 'sync_frequency' of {_DAILY}")


def _take_tests(state: FivetranState, accepted: dict[str, Any], *, runs: bool) -> dict[str, Any] | None:
    flags = {name: accepted.pop(name) for name in fields.TEST_FLAGS if name in accepted}
    if not (runs and flags.get("run_setup_tests", True)):
        return None
    state.take_setup_tests()
    return flags


def _function(state: FivetranState, connection_id: str) -> Connection:
    connection = find(state, connection_id)
    if not state.catalogue.connections[connection.service].keeps_state:
        raise wrong_method(f"Service '{connection.service}' keeps no state")
    return connection
