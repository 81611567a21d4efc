"""HTTP rules of every route: the log of requests, latency, faults, and errors in Google's form."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.secret_manager.errors import ApiError
from simulator.secret_manager.faults import Fault, Faults
from simulator.secret_manager.vault import Vault

VAULT = web.AppKey("vault", Vault)
FAULTS = web.AppKey("faults", Faults)


@dataclass(frozen=True)
class Entry:
    """A request. `status` 0 means no answer."""

    method: str
    route: str
    path: str
    status: int


class RequestLog:
    """Requests in the order of their answers, without values."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Add a request."""
        self._entries.append(entry)

    def clear(self) -> None:
        """Delete all requests."""
        self._entries.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Return every request."""
        return [asdict(entry) for entry in self._entries]

    def counts(self) -> dict[str, int]:
        """Return the number of requests per method and route."""
        return dict(sorted(Counter(f"{entry.method} {entry.route}" for entry in self._entries).items()))


LOG = web.AppKey("log", RequestLog)


@web.middleware
async def logged(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Delay the answer by the latency, and log the request."""
    response = await handler(request)
    await asyncio.sleep(request.app[VAULT].store.latency_ms / 1000)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "(unknown)"
    status = 0 if request.transport is None else response.status
    request.app[LOG].add(Entry(request.method, route, request.path, status))
    return response


@web.middleware
async def faulty(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Apply the active faults."""
    met = request.app[FAULTS].met(request.path)
    for fault in met:
        if fault.kind == "delay":
            await asyncio.sleep(fault.settings["seconds"])
        elif (answer := _strike(fault, request)) is not None:
            return answer
    response = await handler(request)
    if any(fault.kind == "lose" for fault in met):
        return _dropped(request)
    if any(fault.kind == "garble" for fault in met) and isinstance(response, web.Response):
        return _garbled(response)
    return response


@web.middleware
async def spoken(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into Google's form."""
    try:
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.as_json(), status=error.status)
    except web.HTTPNotFound:
        return _page(404)


#: Outermost first.
MIDDLEWARES = (logged, faulty, spoken)


async def body(request: web.Request) -> dict[str, Any]:
    """Return the request's JSON object, empty for an empty body; 400."""
    raw = await request.read()
    try:
        sent = json.loads(raw) if raw.strip() else {}
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        raise ApiError("INVALID_ARGUMENT", "Invalid JSON payload received.")
    return sent


def answer(request: web.Request, content: Mapping[str, Any]) -> web.Response:
    """Answer with a resource; enumerations as numbers if the request has `$alt=json;enum-encoding=int`."""
    asked = request.query.get("$alt") or request.query.get("alt") or ""
    return web.json_response(_numbered(content) if "enum-encoding=int" in asked else content)


#: SecretVersion.State (google/cloud/secretmanager/v1/resources.proto).
_STATES = {"ENABLED": 1, "DISABLED": 2, "DESTROYED": 3}


def _numbered(node: Any, key: str = "") -> Any:
    if isinstance(node, Mapping):
        return {name: _numbered(inner, name) for name, inner in node.items()}
    if isinstance(node, list):
        return [_numbered(inner) for inner in node]
    return _STATES.get(node, node) if key == "state" else node


def _strike(fault: Fault, request: web.Request) -> web.Response | None:
    match fault.kind:
        case "status":
            error = ApiError(fault.settings["code"], fault.settings.get("message", "Made to fail."))
            return web.json_response(error.as_json(), status=error.status)
        case "html":
            return _page(fault.settings.get("status", 502))
        case "drop":
            return _dropped(request)
        case _:
            return None


def _dropped(request: web.Request) -> web.Response:
    """Close the connection; nothing of the response is sent."""
    if request.protocol is not None:
        request.protocol.force_close()
    return web.Response(status=499)


def _page(status: int) -> web.Response:
    page = f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>Error {status}</h1></body></html>"
    return web.Response(status=status, text=page, content_type="text/html")


def _garbled(response: web.Response) -> web.Response:
    """Return the answer with another first byte in its payload."""
    content = json.loads(response.text or "{}")
    data = bytearray(base64.b64decode(content["payload"]["data"]))
    data[0] ^= 1
    content["payload"]["data"] = base64.b64encode(data).decode()
    return web.json_response(content)
