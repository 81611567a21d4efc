"""Scripted trouble: which requests it meets, and what happens to them.

A fault is JSON: `{"method": "POST", "path": "^/v1/connections$", "nth": 1, "count": 1, "when": "before", "kind": …}`.
`method` (absent: any), `path` (a regular expression, searched; absent: any) and `connection` (the name of the
connection that is asked for or made; absent: any) choose requests; of those, `count` (null: all) fire from the `nth`
on. `when` says whether the request has had its effect by then. The kinds, each with
what it takes:

- `status`: answer `status` with `body` (JSON or text) and `headers`.
- `html`: answer `status` (502) with an HTML page.
- `quote`: let the answer, of whichever status, quote `text` wherever the API has free text, and in headers.
- `garbage`: answer 200 with JSON that breaks off.
- `too_many_requests`: answer 429 with `retry_after` seconds (1).
- `unauthorized`: answer 401 as for an expired key.
- `drop_request`: close the connection, no effect, no answer.
- `drop_reply`: let it have its effect, then close the connection without an answer.
- `delay`: wait `seconds`, then go on.
- `hold`: wait until released, then go on, or close the connection if it is released with `drop`.

Faults that fire on the same request apply in the order they were added; the first that answers or closes ends it.
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
    """A fault that cannot be understood."""


@dataclass
class Fault:
    """One fault and how often it has been met. `waiting` counts the requests it holds."""

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
        """Whether the fault fires on this request; counts it if it matches."""
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
        """Do what the fault does; None lets the request go on."""
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
        """The answer as it leaves, after everything else."""
        return quoting(response, self.settings["text"]) if self.kind == "quote" else response

    def release(self, *, drop: bool) -> None:
        """Let every held request go on, now and from now on, or close its connection."""
        self.drop_held = drop
        self.released.set()

    def as_json(self) -> dict[str, Any]:
        """The fault as it was given, and its counts."""
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
    """The faults in force, in the order they were added."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._number = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    def add(self, definition: Mapping[str, Any]) -> Fault:
        """Put a fault in force; `FaultError` says what is wrong with it."""
        fault = parse(f"fault-{self._number + 1}", definition)
        self._number += 1
        self._faults[fault.id] = fault
        return fault

    def get(self, fault_id: str) -> Fault:
        """The fault with this id; `FaultError`."""
        try:
            return self._faults[fault_id]
        except KeyError:
            raise FaultError(f"no fault {fault_id!r}") from None

    def remove(self, fault_id: str) -> None:
        """Take a fault out of force and let go of what it holds."""
        self.get(fault_id).release(drop=False)
        del self._faults[fault_id]

    def clear(self, *, drop: bool = False) -> None:
        """Take all faults out of force and let go of what they hold."""
        for fault in self._faults.values():
            fault.release(drop=drop)
        self._faults.clear()

    def met(self, method: str, path: str, connection: str | None = None) -> list[Fault]:
        """The faults that fire on this request."""
        return [fault for fault in self._faults.values() if fault.meets(method, path, connection)]


def parse(fault_id: str, definition: Mapping[str, Any]) -> Fault:
    """A fault from its JSON."""
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
        raise FaultError(f"path is no regular expression: {error}") from error
    connection = definition.get("connection")
    if not isinstance(connection, str | None):
        raise FaultError("connection is the name of one")
    when = {"drop_request": "before", "drop_reply": "after"}.get(kind, when)
    return Fault(fault_id, kind, when, definition.get("method"), path, connection, nth, count, settings)


def hang_up(request: web.Request) -> web.Response:
    """Close the request's connection without an answer. What is returned is never sent."""
    if request.protocol is not None:
        request.protocol.force_close()
    return web.Response(status=499)


def envelope(error: ApiError) -> web.Response:
    """A refusal as the API writes it."""
    body = json.dumps({"code": error.code, "message": error.message})
    return web.Response(status=error.status, text=body, content_type="application/json", headers=error.headers)


def html(status: int) -> web.Response:
    """An HTML page, as a proxy in front of the API answers."""
    page = f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>Error {status}</h1></body></html>"
    return web.Response(status=status, text=page, content_type="text/html")
