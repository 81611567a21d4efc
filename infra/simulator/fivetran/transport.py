"""HTTP rules of every route: log, faults, errors, authentication, quota, headers and body.

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

from simulator.fivetran import users
from simulator.fivetran.errors import ApiError, forbidden, invalid, unauthorized, unknown_path, wrong_method
from simulator.fivetran.faults import Fault, Faults, envelope, hang_up, html
from simulator.fivetran.request_log import Entry, RequestLog, key_names
from simulator.fivetran.scalars import timestamp
from simulator.fivetran.state import Credential, FivetranState

STATE = web.AppKey("state", FivetranState)
FAULTS = web.AppKey("faults", Faults)
LOG = web.AppKey("log", RequestLog)

ADMIN = "/_admin"

#: The parsed JSON of a body; None for an empty one.
_BODY = web.RequestKey("body", object)
_CREDENTIAL = web.RequestKey("credential", Credential)
#: Paths for which the API requires version 2 of its media type.
_VERSIONED = re.compile(
    r"/v1/(?:connections|connectors|destinations)(?:/(?!.*/(?:schemas|certificates|fingerprints)(?:/|$)).*)?"
)
#: The API's name for connections until 2025.
_OLD = re.compile(r"/v1/(?:groups/[^/]+/)?connectors(?:/.*)?")
#: The path that creates connections, and the config keys of their name.
_MAKES = re.compile(r"/v1/connect(?:ions|ors)/?")
_NAMING = ("schema_prefix", "schema", "table", "table_group_name")
#: The resource type of the paths for which a key can lack permission.
_RESOURCES = tuple(
    (re.compile(rf"/v1/{path}(?:/|$)"), resource)
    for path, resource in (
        ("users", "USER"),
        ("teams", "TEAM"),
        ("roles", "ROLES"),
        ("system-keys", "SYSTEM_KEY"),
        ("(?:groups|destinations)", "DESTINATION"),
        ("(?:connections|connectors)", "CONNECTOR"),
    )
)
#: Paths that take files.
_FORMS = re.compile(r"/v1/connector-sdk/packages(?:/.*)?")


@web.middleware
async def logged(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the whole request, delay the answer by option, and log both."""
    if request.path.startswith(ADMIN):
        return await handler(request)
    start = time.perf_counter()
    state = request.app[STATE]
    try:
        await request.read()  # Kept by the request, so that one whose sender disconnects is processed too.
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
    """Apply the active faults, before or after the effect of the request."""
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
    """Return the name of the connection that a request is about: an existing one, or one to create."""
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
    """Turn errors into the API's envelope, and add headers about the hour's quota."""
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
    """Check the key, the quota, headers and body."""
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
    for pattern, resource in _RESOURCES:
        if pattern.match(request.path) and not users.may(state, credential, resource, write=request.method != "GET"):
            raise forbidden(f"The key has no permission for {resource}")
    _check_accept(state, request)
    if request.method in ("POST", "PATCH"):
        raw, form = await request.read(), _FORMS.fullmatch(request.path) is not None
        # Without a body, no content type is required: Fivetran's command line sends none.
        if raw and request.content_type != ("multipart/form-data" if form else "application/json"):
            raise ApiError(415, "UnsupportedMediaType", "HTTP 415 Unsupported Media Type")
        request[_BODY] = None if form else _parse(raw)
    return await handler(request)


MIDDLEWARES = (logged, faulty, spoken, admitted)


def add_route(app: web.Application, method: str, path: str, handler: Handler) -> None:
    """Add a route to the application. As in the API, a path may end with a slash."""
    app.router.add_route(method, path, handler)
    app.router.add_route(method, f"{path}/", handler)


def body(request: web.Request) -> dict[str, Any]:
    """Return the request's JSON object; 400 without one."""
    sent = request.get(_BODY)
    if sent is None:
        raise invalid("Request body is required")
    if not isinstance(sent, dict):
        raise invalid("Request body must be a JSON object")
    return sent


def optional_body(request: web.Request) -> dict[str, Any]:
    """Return the request's JSON object; empty without a body."""
    return {} if request.get(_BODY) is None else body(request)


def credential(request: web.Request) -> Credential:
    """Return the request's API key."""
    return request[_CREDENTIAL]


def success(message: str, data: Any = None, *, status: int = 200) -> web.Response:
    """Return the API's envelope; without `data` if there is none."""
    answer = {"code": "Success", "message": message}
    if data is not None:
        answer["data"] = data
    text = json.dumps(answer, separators=(",", ":"))
    return web.Response(status=status, body=text.encode(), content_type="application/json")


async def hang_up_on_shutdown(app: web.Application) -> None:
    """Release all held requests, so that the server can stop."""
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
        # Values such as Infinity and single surrogates: no answer in JSON could have them.
        json.dumps(parsed, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid("Request body is not valid JSON") from None
    return parsed
