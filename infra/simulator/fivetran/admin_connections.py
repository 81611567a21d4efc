"""The admin routes about connections and their sources. The docstring of `admin` describes them."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from cryptography.exceptions import UnsupportedAlgorithm

from simulator.fivetran import by_hand, by_hand_schemas, connect_cards, setup_tests, syncs, trust
from simulator.fivetran.admin_request import Action, read_body
from simulator.fivetran.state import Connection, FivetranState
from simulator.fivetran.transport import STATE


async def _create_connection(request: web.Request) -> Any:
    state = request.app[STATE]
    connection = by_hand.create_connection(state, await read_body(request))
    syncs.begin_if_due(state, connection)
    return {"id": connection.id}


async def _change_connection(request: web.Request) -> Any:
    state, connection = _found(request)
    by_hand.change_connection(state, connection, await read_body(request))
    syncs.begin_if_due(state, connection)
    return {"id": connection.id}


async def _delete_connection(request: web.Request) -> Any:
    state, connection = _found(request)
    state.drop_connection(connection)
    return {}


async def _finish_sync(request: web.Request) -> Any:
    state, connection = _found(request)
    syncs.finish(state, connection, connection.syncs)
    return {}


async def _authorise(request: web.Request) -> Any:
    state, connection = _found(request)
    token = (await read_body(request)).get("token")
    if token is not None and (problem := connect_cards.check(state, connection, token)) is not None:
        raise by_hand.ByHandError(problem)
    connection.consented = True
    state.note(connection, "authorised")
    await setup_tests.run_on_connection(state, connection, {})
    syncs.begin_if_due(state, connection)
    return {"setup_state": connection.setup_state, "setup_tests": connection.setup_tests}


async def _change_schemas(request: web.Request) -> Any:
    state, connection = _found(request)
    by_hand_schemas.change(state, connection, await read_body(request))
    return {}


async def _load_schemas(request: web.Request) -> Any:
    state, connection = _found(request)
    syncs.capture(state, connection)
    return {}


async def _source(request: web.Request) -> Any:
    return by_hand_schemas.source(request.app[STATE], request.match_info["target"])


async def _set_source(request: web.Request) -> Any:
    by_hand_schemas.set_source(request.app[STATE], request.match_info["target"], await read_body(request))
    return {}


async def _change_source(request: web.Request) -> Any:
    by_hand_schemas.change_source(request.app[STATE], request.match_info["target"], await read_body(request))
    return {}


async def _forget_source(request: web.Request) -> Any:
    request.app[STATE].sources.pop(request.match_info["target"], None)
    return {}


async def _hosts(request: web.Request) -> Any:
    return request.app[STATE].hosts


async def _set_host(request: web.Request) -> Any:
    definition = await read_body(request)
    try:
        trust.check_host(definition)
    except (ValueError, IndexError, UnsupportedAlgorithm) as error:
        raise by_hand.ByHandError(f"no host presents this: {error}") from error
    request.app[STATE].hosts[request.match_info["host"]] = definition
    return {}


async def _forget_host(request: web.Request) -> Any:
    request.app[STATE].hosts.pop(request.match_info["host"], None)
    return {}


def _found(request: web.Request) -> tuple[FivetranState, Connection]:
    state = request.app[STATE]
    return state, by_hand.find_connection(state, request.match_info["id"])


ROUTES: tuple[tuple[str, str, Action], ...] = (
    ("POST", "/connections", _create_connection),
    ("PATCH", "/connections/{id}", _change_connection),
    ("DELETE", "/connections/{id}", _delete_connection),
    ("POST", "/connections/{id}/finish-sync", _finish_sync),
    ("POST", "/connections/{id}/authorise", _authorise),
    ("PATCH", "/connections/{id}/schemas", _change_schemas),
    ("POST", "/connections/{id}/schemas/load", _load_schemas),
    ("GET", "/sources/{target}", _source),
    ("PUT", "/sources/{target}", _set_source),
    ("PATCH", "/sources/{target}", _change_source),
    ("DELETE", "/sources/{target}", _forget_source),
    ("GET", "/hosts", _hosts),
    ("PUT", "/hosts/{host}", _set_host),
    ("DELETE", "/hosts/{host}", _forget_host),
)
