"""Read the bodies of admin requests."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web


async def json_object(request: web.Request) -> dict[str, Any]:
    """Read a request's JSON object; empty without a body.

    Raises `TypeError`, or `ValueError` for invalid JSON.
    """
    text = await request.text()
    body = json.loads(text) if text.strip() else {}
    if not isinstance(body, dict):
        raise TypeError("expected a JSON object")
    return body
