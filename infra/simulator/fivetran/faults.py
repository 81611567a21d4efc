"""Faults on request: which requests fail, and how.

A fault is JSON: `{"method": "POST", "path": "^/v1/connections$", "nth": 1, "count": 1, "when": "before", "kind": …}`.
`method` (absent: any), `path` (a regular expression, searched; absent: any) and `connection` (the name of the
connection of the request; absent: any) choose requests; of those, `count` (null: all) fail from the `nth` on. `when` is
whether the fault comes before or after the effect of the request. The kinds, each with its settings:

- `status`: answer `status` with `body` (JSON or text) and `headers`.
- `html`: answer `status` (502) with an HTML page.
- `quote`: answer as usual, but with `text` in every free text of the answer, and in headers.
- `garbage`: answer 200 with incomplete JSON.
- `too_many_requests`: answer 429 with `retry_after` seconds (1).
- `unauthorized`: answer 401 as for an expired key.
- `drop_request`: close the connection, no effect, no answer.
- `drop_reply`: process the request, then close the connection without an answer.
- `delay`: wait `seconds`, then continue.
- `hold`: wait until released, then continue, or close the connection if it is released with `drop`.

Faults of the same request apply in the order they were added. The first that answers or closes ends the request.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from simulator.fivetran.errors import ApiError, too_many, unauthorized
from simulator.fivetran.quoting import quoting

When = Literal["before", "after"]

_KINDS: Mapping[str, frozenset[str]] = {
    "status": frozenset({"status", "body", "headers"}),
    "html": frozenset({"status"}),
    "quote": frozenset({"text"}),
    "garbage": frozenset(),
    "too_many_requests": frozenset({"retry_after"}),
    "unauthorized": frozenset(),
    "drop_request": frozenset(),
    "drop_reply": frozenset(),
    "delay": frozenset({"seconds"}),
    "hold": frozenset(),
}
_MATCHER = frozenset({"method", "path", "connection", "nth", "count", "when", "kind"})


class FaultError(ValueError):
    """A fault is invalid."""


@dataclass
class Fault:
    """A fault, and how often it applied. `waiting` counts the requests that it holds."""

    id: str
    kind: str
    when: When
    method: str | None
    path: re.Pattern[str]
    connection: str | None
    nth: int
    count: int | None
    settings: Mapping[str, Any]
    seen: int = 0
    fired: int = 0
    waiting: int = 0
    drop_held: bool = False
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def meets(self, method: str, path: str, connection: str | None) -> bool:
        """Count a matching request, and return whether the fault applies to it."""
        if self.method not in (None, method) or self.connection not in (None, connection):
            return False
        if self.path.search(path) is None:
            return False
        self.seen += 1
        if self.seen < self.nth or (self.count is not None and self.seen >= self.nth + self.count):
            return False
        self.fired += 1
        return True

    async def strike(self, request: web.Request) -> web.StreamResponse | None:
        """Apply the fault. With None, the request continues."""
        match self.kind:
            case "delay":
                await asyncio.sleep(self.settings["seconds"])
                return None
            case "hold":
                self.waiting += 1
                await self.released.wait()
                self.waiting -= 1
                return hang_up(request) if self.drop_held else None
            case "quote":
                return None
            case "drop_request" | "drop_reply":
                return hang_up(request)
            case _:
                return self._answer()

    def changed(self, response: web.StreamResponse) -> web.StreamResponse:
        """Change the answer just before it is sent."""
        return quoting(response, self.settings["text"]) if self.kind == "quote" else response

    def release(self, *, drop: bool) -> None:
        """Let all held and future requests continue, or close their connections."""
        self.drop_held = drop
        self.released.set()

    def as_json(self) -> dict[str, Any]:
        """Return the fault's settings, and its counts."""
        counts = {"seen": self.seen, "fired": self.fired, "waiting": self.waiting}
        matcher: dict[str, Any] = {"method": self.method, "path": self.path.pattern, "connection": self.connection}
        matcher |= {"nth": self.nth, "count": self.count}
        return {"id": self.id, "kind": self.kind, "when": self.when, **matcher, **self.settings, **counts}

    def _answer(self) -> web.Response:
        match self.kind:
            case "html":
                return html(self.settings.get("status", 502))
            case "garbage":
                return web.Response(body=b'{"code":"Success","data":{"items":[{"id":', content_type="application/json")
            case "too_many_requests":
                return envelope(too_many("Too many requests", self.settings.get("retry_after", 1)))
            case "unauthorized":
                return envelope(unauthorized("Credentials have expired"))
            case _:
                body = self.settings.get("body", {"code": "InternalServerError", "message": "Something went wrong"})
                text = body if isinstance(body, str) else json.dumps(body)
                kind = "text/plain" if isinstance(body, str) else "application/json"
                headers = self.settings.get("headers", {})
                return web.Response(status=self.settings["status"], text=text, content_type=kind, headers=headers)


class Faults:
    """The active faults, in the order they were added."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._number = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    def add(self, definition: Mapping[str, Any]) -> Fault:
        """Add a fault. Raises `FaultError` with the problem."""
        fault = parse(f"fault-{self._number + 1}", definition)
        self._number += 1
        self._faults[fault.id] = fault
        return fault

    def get(self, fault_id: str) -> Fault:
        """Return the fault with this id. Raises `FaultError`."""
        try:
            return self._faults[fault_id]
        except KeyError:
            raise FaultError(f"no fault {fault_id!r}") from None

    def remove(self, fault_id: str) -> None:
        """Remove a fault, and release the requests that it holds."""
        self.get(fault_id).release(drop=False)
        del self._faults[fault_id]

    def clear(self, *, drop: bool = False) -> None:
        """Remove all faults, and release the requests that they hold."""
        for fault in self._faults.values():
            fault.release(drop=drop)
        self._faults.clear()

    def met(self, method: str, path: str, connection: str | None = None) -> list[Fault]:
        """Return the faults that apply to a request."""
        return [fault for fault in self._faults.values() if fault.meets(method, path, connection)]


def parse(fault_id: str, definition: Mapping[str, Any]) -> Fault:
    """Read a fault from JSON."""
    kind = str(definition.get("kind"))
    if kind not in _KINDS:
        raise FaultError(f"kind is one of {', '.join(_KINDS)}")
    settings = {name: value for name, value in definition.items() if name not in _MATCHER}
    if unknown := settings.keys() - _KINDS[kind]:
        raise FaultError(f"a fault of kind {kind!r} has no {', '.join(sorted(unknown))}")
    needed = {"status": "status", "delay": "seconds"}.get(kind)
    if needed is not None and not isinstance(settings.get(needed), int | float):
        raise FaultError(f"a fault of kind {kind!r} needs a number for {needed!r}")
    if kind == "quote" and not isinstance(settings.get("text"), str):
        raise FaultError("a fault of kind 'quote' needs a text for 'text'")
    when = definition.get("when", "before")
    if when not in ("before", "after"):
        raise FaultError("when is 'before' or 'after'")
    nth, count = definition.get("nth", 1), definition.get("count", 1)
    if type(nth) is not int or nth < 1 or not (count is None or (type(count) is int and count >= 1)):
        raise FaultError("nth and count are whole numbers from 1 on; count may be null")
    try:
        path = re.compile(definition.get("path", ""))
    except (re.error, TypeError) as error:
        raise FaultError(f"path is not a regular expression: {error}") from error
    connection = definition.get("connection")
    if not isinstance(connection, str | None):
        raise FaultError("connection is the name of one")
    when = {"drop_request": "before", "drop_reply": "after"}.get(kind, when)
    return Fault(fault_id, kind, when, definition.get("method"), path, connection, nth, count, settings)


def hang_up(request: web.Request) -> web.Response:
    """Close the request's connection without an answer. The returned response is never sent."""
    if request.protocol is not None:
        request.protocol.force_close()
    return web.Response(status=499)


def envelope(error: ApiError) -> web.Response:
    """Return an error in the API's form."""
    body = json.dumps({"code": error.code, "message": error.message})
    return web.Response(status=error.status, text=body, content_type="application/json", headers=error.headers)


def html(status: int) -> web.Response:
    """Return an HTML page, like the answer of a proxy in front of the API."""
    page = f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>Error {status}</h1></body></html>"
    return web.Response(status=status, text=page, content_type="text/html")
