"""Changes in Fivetran outside its API: a person uses its pages, a sync ends, a vendor revokes a key.

These changes are not checked like requests. `ByHandError` is raised for values that cannot be stored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from simulator.fivetran import config, fields, setup_tests
from simulator.fivetran.connections import take_naming
from simulator.fivetran.errors import ApiError
from simulator.fivetran.scalars import timestamp
from simulator.fivetran.state import Connection, Destination, FivetranState, Group, Json, TestScript

_MOMENTS = frozenset({"created_at", "succeeded_at", "failed_at"})
#: Fields whose values are checked, so that they are values that the API could show.
_CHECKS: Mapping[str, fields.Check] = {
    **fields.CHANGED_CONNECTION,
    **fields.CHANGED_DESTINATION,
    "setup_state": fields.one_of("incomplete", "connected", "broken"),
    "setup_status": fields.one_of("incomplete", "connected", "broken"),
    "update_state": fields.one_of("on_schedule", "delayed"),
}

#: Fields that never change, or change only through events.
_FIXED = (
    *("id", "group_id", "service", "name", "naming"),
    *("schema_config", "first_sync", "written_datasets", "history"),
)

Record = TypeVar("Record", Group, Destination, Connection)


class ByHandError(ValueError):
    """An impossible change: an object, service or field does not exist."""


def find_connection(state: FivetranState, target: str) -> Connection:
    """Find a connection by its id, or by its name if only one has it."""
    if target in state.connections:
        return state.connections[target]
    found = [connection for connection in state.connections.values() if connection.name == target]
    if len(found) != 1:
        raise ByHandError(f"{len(found)} connections have the id or name {target!r}")
    return found[0]


def create_group(state: FivetranState, values: Mapping[str, Any]) -> Group:
    """Create a group. `name` is required, `id` is optional."""
    group = build_by_hand(Group, {"id": state.new_id(), "created_at": state.now(), **_moments(values)})
    state.groups[group.id] = group
    return group


def create_destination(state: FivetranState, values: Mapping[str, Any]) -> Destination:
    """Create a destination, connected unless `setup_status` has another value. `id` is its group's."""
    defaults = {
        "service": "big_query",
        "region": state.options.default_region,
        "time_zone_offset": "0",
        "created_at": state.now(),
        "setup_status": "connected",
    }
    destination = build_by_hand(Destination, {**defaults, **_moments(values)})
    if destination.id not in state.groups or destination.service not in state.catalogue.destinations:
        raise ByHandError("a destination needs the id of a group and a known service")
    state.destinations[destination.id] = destination
    return destination


def create_connection(state: FivetranState, values: Mapping[str, Any]) -> Connection:
    """Create a connection, connected unless `setup_state` has another value.

    `config` includes the schema keys.

    A connection with a last success has synced its history. Another one starts its historical sync as soon as it can.
    """
    service = state.catalogue.connections.get(values.get("service", ""))
    if service is None or values.get("group_id") not in state.groups:
        raise ByHandError("a connection needs the id of a group and a known service")
    sent = dict(values.get("config", {}))
    try:
        naming = take_naming(service, sent)
    except ApiError as error:
        raise ByHandError(error.message) from error
    defaults: Json = {"id": state.new_id(), "created_at": state.now(), "setup_state": "connected", "consented": True}
    defaults["is_historical_sync"] = values.get("succeeded_at") is None
    own: Json = {"config": sent, "naming": naming, "name": ".".join(naming.values())}
    _check(values)
    connection = build_by_hand(Connection, {**defaults, **_moments(values), **own})
    connection.effective = {"config": dict(connection.config), "auth": dict(connection.auth)}
    state.add_connection(connection)
    state.note(connection, "created", paused=connection.paused)
    return connection


def change_connection(state: FivetranState, connection: Connection, values: Mapping[str, Any]) -> Connection:
    """Set fields of a connection. `config` and `auth` merge by key, null removes a key, and apply at once."""
    paused, setup_state = connection.paused, connection.setup_state
    changed = _changed(connection, values, fixed=_FIXED)
    if changed.paused != paused:
        state.note(changed, "paused" if changed.paused else "unpaused")
    if changed.setup_state != setup_state:
        state.note(changed, changed.setup_state)
        if "tasks" not in values:
            changed.tasks = setup_tests.tasks(changed.setup_state)
    changed.effective = {"config": dict(changed.config), "auth": dict(changed.auth)}
    return changed


def change_destination(destination: Destination, values: Mapping[str, Any]) -> Destination:
    """Set fields of a destination. `config` merges by key, null removes a key."""
    return _changed(destination, values, fixed=("id", "service"))


def script_tests(state: FivetranState, definition: Mapping[str, Any]) -> TestScript:
    """Add a script for setup tests. The newest script is used last."""
    script = build_by_hand(TestScript, definition)
    if script.runs is not None and (type(script.runs) is not int or script.runs < 1):
        raise ByHandError("runs is a whole number from 1 on, or null")
    state.scripts.append(script)
    return script


def snapshot(state: FivetranState, *, secrets: bool) -> Json:
    """Return all objects of the account; secret values only with `secrets`."""
    return {
        "groups": [_plain(group) for group in state.groups.values()],
        "destinations": [
            _redacted(_plain(item), state.catalogue.destinations[item.service].config, secrets=secrets)
            for item in state.destinations.values()
        ],
        "connections": [
            _redacted(_plain(item), state.catalogue.connections[item.service].config, secrets=secrets)
            for item in state.connections.values()
        ],
    }


def _redacted(plain: Json, fields: Mapping[str, Any], *, secrets: bool) -> Json:
    if secrets:
        return plain
    plain["config"] = _masked(plain["config"], fields)
    if plain.get("effective") is not None:
        plain["effective"] = {"config": _masked(plain["effective"]["config"], fields), "auth": config.MASK}
    if "auth" in plain:
        plain["auth"] = config.MASK if plain["auth"] else {}
    return plain


def _masked(values: Mapping[str, Any], fields: Mapping[str, Any]) -> Json:
    return {
        name: config.masked(fields[name], value) if name in fields else config.MASK for name, value in values.items()
    }


def _plain(record: Group | Destination | Connection) -> Json:
    values = dataclasses.asdict(record)
    for name in _MOMENTS & values.keys():
        values[name] = timestamp(values[name])
    if isinstance(record, Connection):
        values["sync_state"] = record.sync_state
    return values


def _changed(record: Record, values: Mapping[str, Any], *, fixed: tuple[str, ...]) -> Record:
    _check(values)
    known = {field.name for field in dataclasses.fields(record)} - set(fixed) - {"effective"}
    if unknown := values.keys() - known:
        raise ByHandError(f"cannot set {', '.join(sorted(unknown))}")
    for name, value in _moments(values).items():
        if name in ("config", "auth"):
            setattr(record, name, config.merge(getattr(record, name), value))
        else:
            setattr(record, name, value)
    return record


def _check(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        check = _CHECKS.get(name)
        if check is not None and value is not None and not check(value):
            raise ByHandError(f"{name} cannot have that value")


Built = TypeVar("Built")


def build_by_hand(kind: Callable[..., Built], values: Mapping[str, Any]) -> Built:
    """Create a record with these fields. Raises `ByHandError` for a field that it does not have."""
    try:
        return kind(**values)
    except TypeError as error:
        raise ByHandError(str(error).removeprefix("__init__() ")) from error


def _moments(values: Mapping[str, Any]) -> Json:
    """Parse the ISO 8601 texts of fields that are moments."""
    result = dict(values)
    for name in _MOMENTS & values.keys():
        if isinstance(values[name], str):
            try:
                moment = datetime.fromisoformat(values[name])
                result[name] = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
            except ValueError as error:
                raise ByHandError(f"{name}: {error}") from error
    return result
