"""Requests to the admin side."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.fivetran.by_hand import ByHandError

#: What an admin route does; what it returns is the answer's JSON.
Action = Callable[[web.Request], Awaitable[Any]]


async def read_body(request: web.Request) -> dict[str, Any]:
    """Read the request's JSON object; an empty one when it has no body."""
    raw = await request.read()
    try:
        sent = json.loads(raw) if raw else {}
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        raise ByHandError("the body is a JSON object")
    return sent
