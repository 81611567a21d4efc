"""HTTP rules that hold for every route: log, faults, errors, authentication, quota, headers and body.

The middlewares are listed in `MIDDLEWARES`, outermost first.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import re
import time
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.fivetran.errors import ApiError, forbidden, invalid, unauthorized, unknown_path, wrong_method
from simulator.fivetran.faults import Fault, Faults, envelope, hang_up, html
from simulator.fivetran.moments import timestamp
from simulator.fivetran.request_log import Entry, RequestLog, key_names
from simulator.fivetran.state import Credential, FivetranState

STATE = web.AppKey("state", FivetranState)
FAULTS = web.AppKey("faults", Faults)
LOG = web.AppKey("log", RequestLog)

ADMIN = "/_admin"

#: The parsed JSON of a body; None for an empty one.
_BODY = web.RequestKey("body", object)
_CREDENTIAL = web.RequestKey("credential", Credential)
#: Where the API wants version 2 of its media type.
_VERSIONED = re.compile(
    r"/v1/(?:connections|connectors|destinations)(?:/(?!.*/(?:schemas|certificates|fingerprints)(?:/|$)).*)?"
)
#: What the API called connections until 2025.
_OLD = re.compile(r"/v1/(?:groups/[^/]+/)?connectors(?:/.*)?")
#: Where connections are made, and what of their config is their name.
_MAKES = re.compile(r"/v1/connect(?:ions|ors)/?")
_NAMING = ("schema_prefix", "schema", "table", "table_group_name")
#: Where files are uploaded.
_FORMS = re.compile(r"/v1/connector-sdk/packages(?:/.*)?")


@web.middleware
async def logged(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take the request in whole, and write it down when its answer is ready, as late as the options say."""
    if request.path.startswith(ADMIN):
        return await handler(request)
    start = time.perf_counter()
    state = request.app[STATE]
    try:
        await request.read()  # kept by the request: a sender who goes away later has still asked
    except ConnectionError:
        return hang_up(request)
    response = await handler(request)
    if state.options.latency_ms > 0:
        await asyncio.sleep(state.options.latency_ms / 1000)
    resource = request.match_info.route.resource
    log = request.app[LOG]
    log.add(
        Entry(
            number=log.total + 1,
            time=timestamp(state.now()) or "",
            method=request.method,
            route=resource.canonical.rstrip("/") if resource is not None else "(unknown)",
            path=request.path,
            query=dict(request.query),
            status=0 if request.transport is None else response.status,
            keys=key_names(request.get(_BODY)),
            milliseconds=round((time.perf_counter() - start) * 1000, 3),
        )
    )
    return response


@web.middleware
async def faulty(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the faults in force strike, before or after the request has had its effect."""
    if request.path.startswith(ADMIN):
        return await handler(request)
    met = request.app[FAULTS].met(request.method, request.path, await _connection(request))
    response = await _met(request, handler, met)
    for fault in met:
        response = fault.changed(response)
    return response


async def _met(request: web.Request, handler: Handler, met: list[Fault]) -> web.StreamResponse:
    for fault in met:
        if fault.when == "before" and (answer := await fault.strike(request)) is not None:
            return answer
    response = await handler(request)
    for fault in met:
        if fault.when == "after" and (answer := await fault.strike(request)) is not None:
            return answer
    return response


async def _connection(request: web.Request) -> str | None:
    """The name of the connection that a request is about: one that there is, or one that it would make."""
    known = request.app[STATE].connections.get(request.match_info.get("connection_id", ""))
    if known is not None or request.method != "POST" or _MAKES.fullmatch(request.path) is None:
        return known.name if known is not None else None
    try:
        config = json.loads(await request.read())["config"]
        return ".".join(str(config[key]) for key in _NAMING if key in config)
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


@web.middleware
async def spoken(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals into the API's envelope, and tell what is left of the hour's quota."""
    if request.path.startswith(ADMIN):
        return await handler(request)
    if "//" in request.path:
        return html(404)
    try:
        response = await handler(request)
    except ApiError as error:
        response = envelope(error)
    except web.HTTPNotFound:
        response = envelope(unknown_path())
    except web.HTTPMethodNotAllowed:
        response = envelope(wrong_method())
    state = request.app[STATE]
    limit = state.options.requests_per_hour
    if limit is not None and _CREDENTIAL in request:
        response.headers["X-Rate-Limit"] = str(limit)
        response.headers["X-Rate-Limit-Remaining"] = str(state.quotas.requests_left(limit))
    return response


@web.middleware
async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check who asks, whether the quota allows it, and that headers and body are what the route takes."""
    if request.path.startswith(ADMIN):
        return await handler(request)
    state = request.app[STATE]
    credential = _authenticate(state, request.headers.get("Authorization"))
    request[_CREDENTIAL] = credential
    state.take_request()
    if _OLD.fullmatch(request.path) is not None and not state.options.old_paths:
        raise unknown_path()
    if request.match_info.http_exception is not None:
        raise request.match_info.http_exception
    if credential.read_only and request.method != "GET":
        raise forbidden("The key is not allowed to change anything")
    _check_accept(state, request)
    if request.method in ("POST", "PATCH"):
        raw, form = await request.read(), _FORMS.fullmatch(request.path) is not None
        # Who sends no body need not say of which type it is: Fivetran's own command line does not.
        if raw and request.content_type != ("multipart/form-data" if form else "application/json"):
            raise ApiError(415, "UnsupportedMediaType", "HTTP 415 Unsupported Media Type")
        request[_BODY] = None if form else _parse(raw)
    return await handler(request)


MIDDLEWARES = (logged, faulty, spoken, admitted)


def add_route(app: web.Application, method: str, path: str, handler: Handler) -> None:
    """Put a route on the application. A slash at the end of a path makes no difference, as in the API."""
    app.router.add_route(method, path, handler)
    app.router.add_route(method, f"{path}/", handler)


def body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; 400 when there is none."""
    sent = request.get(_BODY)
    if sent is None:
        raise invalid("Request body is required")
    if not isinstance(sent, dict):
        raise invalid("Request body must be a JSON object")
    return sent


def optional_body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; an empty one when it has no body."""
    return {} if request.get(_BODY) is None else body(request)


def credential(request: web.Request) -> Credential:
    """Who asks."""
    return request[_CREDENTIAL]


def success(message: str, data: Any = None, *, status: int = 200) -> web.Response:
    """The API's envelope; without `data` when there is none."""
    answer = {"code": "Success", "message": message}
    if data is not None:
        answer["data"] = data
    text = json.dumps(answer, separators=(",", ":"))
    return web.Response(status=status, body=text.encode(), content_type="application/json")


async def hang_up_on_shutdown(app: web.Application) -> None:
    """Let go of everything held, so that the server can stop."""
    app[FAULTS].clear(drop=True)


def _authenticate(state: FivetranState, header: str | None) -> Credential:
    if header is None:
        raise unauthorized("Missing authorization header")
    scheme, _, value = header.partition(" ")
    try:
        key, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        key = secret = ""
    found = state.credentials.get(key) if scheme.lower() == "basic" else None
    if found is None or found.expired or not hmac.compare_digest(found.secret.encode(), secret.encode()):
        raise unauthorized("Invalid authorization credentials")
    return found


def _check_accept(state: FivetranState, request: web.Request) -> None:
    versioned = _VERSIONED.fullmatch(request.path) is not None or state.options.version_elsewhere == "accept"
    versions = {"", "1", "2"} if versioned else {"", "1"}
    for media_range in request.headers.get("Accept", "*/*").lower().split(","):
        kind, _, parameters = media_range.replace(" ", "").partition(";")
        asked = [
            value for name, _, value in (item.partition("=") for item in parameters.split(";")) if name == "version"
        ]
        if kind in ("*/*", "application/*", "application/json") and set(asked) <= versions:
            return
    raise ApiError(406, "NotAcceptable", "HTTP 406 Not Acceptable")


def _parse(raw: bytes) -> Any:
    if not raw.strip():
        return None
    try:
        parsed = json.loads(raw)
        # What JSON has no word for, Infinity say, and halves of characters: neither can be answered again.
        json.dumps(parsed, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid("Request body is not valid JSON") from None
    return parsed
