"""What the admin sides have in common: the body of a request."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web


async def json_object(request: web.Request) -> dict[str, Any]:
    """A request's JSON object; without a body an empty one. Raises `TypeError`, or `ValueError` for what is no JSON."""
    text = await request.text()
    body = json.loads(text) if text.strip() else {}
    if not isinstance(body, dict):
        raise TypeError("a JSON object is wanted")
    return body
