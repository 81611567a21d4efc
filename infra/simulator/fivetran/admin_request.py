"""Requests to the admin side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.bodies import json_object
from simulator.fivetran.by_hand import ByHandError

#: What an admin route does; what it returns is the answer's JSON.
Action = Callable[[web.Request], Awaitable[Any]]


async def read_body(request: web.Request) -> dict[str, Any]:
    """Read the request's JSON object; an empty one when it has no body."""
    try:
        return await json_object(request)
    except (TypeError, ValueError):
        raise ByHandError("the body is a JSON object") from None
