"""Lists in answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from aiohttp import web

from simulator.fivetran.paging import page
from simulator.fivetran.state import Json
from simulator.fivetran.transport import success

T = TypeVar("T")


def listing(request: web.Request, message: str, items: Sequence[T], render: Callable[[T], Json]) -> web.Response:
    """Answer with one page of a list, as the query requests."""
    chosen = page(items, request.query)
    data: Json = {"items": [render(item) for item in chosen.items]}
    if chosen.next_cursor is not None:
        data["next_cursor"] = chosen.next_cursor
    return success(message, data)
