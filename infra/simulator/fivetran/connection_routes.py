"""The simulated routes of connections."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulator.fivetran import connect_cards, connections, rendering, setup_tests, syncs
from simulator.fivetran.config import MASK
from simulator.fivetran.errors import invalid
from simulator.fivetran.paging import listing
from simulator.fivetran.scalars import typed
from simulator.fivetran.state import Connection
from simulator.fivetran.transport import STATE, body, credential, optional_body, success


async def list_connections(request: web.Request) -> web.Response:
    """`GET /v1/connections`."""
    state = request.app[STATE]
    group_id, name = request.query.get("group_id"), request.query.get("schema")
    if group_id is not None and name is not None:
        found = list(state.connections_named(group_id, name))
    elif group_id is not None:
        found = list(state.connections_in(group_id))
    else:
        found = [item for item in state.connections.values() if name in (None, item.name)]
    message = "Connections list retrieved successfully"
    return listing(request, message, found, lambda item: rendering.connection_item(state, item))


async def create_connection(request: web.Request) -> web.Response:
    """`POST /v1/connections`."""
    who = credential(request)
    owner = who.owner if who.kind == "user" else None
    connect_cards.check_tests(body(request))
    connection, flags = connections.create(request.app[STATE], body(request), owner)
    return await _tested(request, connection, flags, "Connection has been created", status=201)


async def get_connection(request: web.Request) -> web.Response:
    """`GET /v1/connections/{connection_id}`."""
    state = request.app[STATE]
    connection = connections.find(state, request.match_info["connection_id"])
    data = rendering.connection(state, connection, with_tests=False)
    return success("Connection details retrieved successfully", data)


async def change_connection(request: web.Request) -> web.Response:
    """`PATCH /v1/connections/{connection_id}`."""
    connection, flags = connections.change(request.app[STATE], request.match_info["connection_id"], body(request))
    return await _tested(request, connection, flags, "Connection has been updated")


async def delete_connection(request: web.Request) -> web.Response:
    """`DELETE /v1/connections/{connection_id}`."""
    connection_id = request.match_info["connection_id"]
    connections.delete(request.app[STATE], connection_id)
    return success(f"Connection with id '{connection_id}' has been deleted")


async def force_connection(request: web.Request) -> web.Response:
    """`POST /v1/connections/{connection_id}/force`, the older name of `/sync`. Takes no body."""
    connection_id = request.match_info["connection_id"]
    state = request.app[STATE]
    syncs.trigger(state, connections.find(state, connection_id), force=False)
    return success(f"Sync has been successfully triggered for connector with id '{connection_id}'")


async def test_connection(request: web.Request) -> web.Response:
    """`POST /v1/connections/{connection_id}/test`. The body may be empty JSON, not absent."""
    connection, flags = connections.prepare_test(request.app[STATE], request.match_info["connection_id"], body(request))
    return await _tested(request, connection, flags, "Setup tests have been completed")


async def sync_connection(request: web.Request) -> web.Response:
    """`POST /v1/connections/{connection_id}/sync`."""
    connection_id = request.match_info["connection_id"]
    force = typed("bool", optional_body(request).get("force", False))
    if type(force) is not bool:
        raise invalid("Invalid value of field 'force'")
    state = request.app[STATE]
    syncs.trigger(state, connections.find(state, connection_id), force=force)
    return success(f"Sync has been successfully triggered for connection with id '{connection_id}'")


async def create_connect_card(request: web.Request) -> web.Response:
    """`POST /v1/connections/{connection_id}/connect-card`."""
    card = connect_cards.create(request.app[STATE], request.match_info["connection_id"], body(request))
    return success("Connection Connect Card has been created", card)


async def get_connection_state(request: web.Request) -> web.Response:
    """`GET /v1/connections/{connection_id}/state`."""
    value = connections.function_state(request.app[STATE], request.match_info["connection_id"])
    return success("Connection state retrieved successfully", {"state": value})


async def change_connection_state(request: web.Request) -> web.Response:
    """`PATCH /v1/connections/{connection_id}/state`."""
    connection_id = request.match_info["connection_id"]
    value = connections.set_function_state(request.app[STATE], connection_id, body(request))
    return success("Connection state has been updated", {"state": value})


def _as_sent(sent: Any, shown: Any) -> Any:
    """Replace stored values by those of the request, unless they are masked or left out."""
    if isinstance(sent, dict) and isinstance(shown, dict):
        return {key: _as_sent(sent.get(key, node), node) for key, node in shown.items()}
    if isinstance(sent, list) and isinstance(shown, list) and len(sent) == len(shown):
        return [_as_sent(*pair) for pair in zip(sent, shown, strict=True)]
    plain = isinstance(sent, str) and isinstance(shown, str) and shown != MASK
    return sent if plain else shown


async def _tested(
    request: web.Request, connection: Connection, flags: dict[str, Any] | None, message: str, *, status: int = 200
) -> web.Response:
    """Run the setup tests if there are flags, and answer with the connection afterwards."""
    state = request.app[STATE]
    if flags is not None:
        await setup_tests.run_on_connection(state, connection, flags)
    syncs.begin_if_due(state, connection)
    data = rendering.connection(state, connection, with_tests=True)
    match state.options.config_after_write:
        case "absent":
            del data["config"]
        case "sent":
            data["config"] = _as_sent(optional_body(request).get("config", {}), data["config"])
    if flags is None:
        data["setup_tests"] = []
    if status == 201 and connection.connect_card_config is not None:
        data["connect_card"] = connect_cards.issue(state, connection, connection.connect_card_config)
    return success(message, data, status=status)


ROUTES = (
    ("GET", "/v1/connections", list_connections),
    ("POST", "/v1/connections", create_connection),
    ("GET", "/v1/connections/{connection_id}", get_connection),
    ("PATCH", "/v1/connections/{connection_id}", change_connection),
    ("DELETE", "/v1/connections/{connection_id}", delete_connection),
    ("POST", "/v1/connections/{connection_id}/test", test_connection),
    ("POST", "/v1/connections/{connection_id}/sync", sync_connection),
    ("POST", "/v1/connections/{connection_id}/force", force_connection),
    ("POST", "/v1/connections/{connection_id}/connect-card", create_connect_card),
    ("GET", "/v1/connections/{connection_id}/state", get_connection_state),
    ("PATCH", "/v1/connections/{connection_id}/state", change_connection_state),
)
