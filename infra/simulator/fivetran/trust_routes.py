"""The simulated routes of certificates and fingerprints, of connections and of destinations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

from simulator.fivetran import connections, destinations, trust
from simulator.fivetran.paging import listing
from simulator.fivetran.state import FivetranState
from simulator.fivetran.transport import STATE, body, credential, success

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]
_Find: TypeAlias = Callable[[FivetranState, str], trust.Owner]


def _list(find: _Find, kind: trust.Kind, whose: str) -> _Handler:
    async def handler(request: web.Request) -> web.Response:
        owner = find(request.app[STATE], request.match_info["id"])
        return listing(request, f"{whose} {kind} retrieved successfully", trust.items(owner, kind), trust.shown)

    return handler


def _approve(find: _Find, kind: trust.Kind) -> _Handler:
    async def handler(request: web.Request) -> web.Response:
        owner = find(request.app[STATE], request.match_info["id"])
        item = trust.approve(request.app[STATE], owner, kind, body(request), credential(request).owner)
        status = 200 if kind == "certificates" else 201
        return success(f"The {kind.removesuffix('s')} has been approved.", trust.shown(item), status=status)

    return handler


def _details(find: _Find, kind: trust.Kind, whose: str) -> _Handler:
    async def handler(request: web.Request) -> web.Response:
        owner = find(request.app[STATE], request.match_info["id"])
        item = trust.find(owner, kind, request.match_info["hash"])
        return success(f"{whose} {kind.removesuffix('s')} details retrieved successfully", trust.shown(item))

    return handler


def _revoke(find: _Find, kind: trust.Kind, whose: str) -> _Handler:
    async def handler(request: web.Request) -> web.Response:
        id_, hash_ = request.match_info["id"], request.match_info["hash"]
        trust.revoke(find(request.app[STATE], id_), kind, hash_)
        if kind == "certificates":
            return success(f"Certificate '{hash_}' has been revoked for {whose.lower()} '{id_}'")
        return success(f"Fingerprint with hash '{hash_}' has been revoked for {whose.lower()} with id '{id_}'")

    return handler


def _routes(path: str, find: _Find, whose: str) -> tuple[tuple[str, str, _Handler], ...]:
    kinds: tuple[trust.Kind, ...] = ("certificates", "fingerprints")
    return tuple(
        route
        for kind in kinds
        for route in (
            ("GET", f"{path}/{{id}}/{kind}", _list(find, kind, whose)),
            ("POST", f"{path}/{{id}}/{kind}", _approve(find, kind)),
            ("GET", f"{path}/{{id}}/{kind}/{{hash}}", _details(find, kind, whose)),
            ("DELETE", f"{path}/{{id}}/{kind}/{{hash}}", _revoke(find, kind, whose)),
        )
    )


ROUTES = (
    *_routes("/v1/connections", connections.find, "Connection"),
    *_routes("/v1/destinations", destinations.find, "Destination"),
)
