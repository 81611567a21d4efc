"""Paging as in the API: the cursor is an offset, so items can repeat or be missed if a list changes."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiohttp import web

from simulator.fivetran.errors import invalid
from simulator.fivetran.state import Json
from simulator.fivetran.transport import success

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_LIMIT = re.compile(r"[0-9]{1,4}")

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """The items of a page, and the cursor of the next page; None on the last."""

    items: Sequence[T]
    next_cursor: str | None


def page(items: Sequence[T], query: Mapping[str, str]) -> Page[T]:
    """Return the page for `limit` and `cursor`; 400 for an invalid value."""
    limit = _limit(query.get("limit"))
    start = _skip(query.get("cursor"))
    end = start + limit
    return Page(items[start:end], _cursor(end) if end < len(items) else None)


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if _LIMIT.fullmatch(text) is None or not 1 <= int(text) <= MAX_LIMIT:
        raise invalid(f"Parameter 'limit' must be a number in the range 1..{MAX_LIMIT}")
    return int(text)


def _cursor(skip: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"skip": skip}, separators=(",", ":")).encode()).decode().rstrip("=")


def _skip(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        skip = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))["skip"]
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        skip = None
    if type(skip) is not int or skip < 0:
        raise invalid("Parameter 'cursor' is invalid")
    return skip


def listing(request: web.Request, message: str, items: Sequence[T], render: Callable[[T], Json]) -> web.Response:
    """Answer with one page of a list, as the query requests."""
    chosen = page(items, request.query)
    data: Json = {"items": [render(item) for item in chosen.items]}
    if chosen.next_cursor is not None:
        data["next_cursor"] = chosen.next_cursor
    return success(message, data)
