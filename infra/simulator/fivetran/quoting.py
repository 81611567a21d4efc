"""Put a text into every free text of an answer, as a server does that quotes stored values.

Messages, reasons, details and titles of links get the text. Every `status` gets a task and a warning with it, every
object an undocumented field, and the headers have it too. Ids, names, states and values of `config` do not change.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

#: Fields of the API with free text.
_SENTENCES = ("message", "reason", "details", "error", "description", "disabled_reason")

#: An undocumented field.
_UNKNOWN = "x_note"


def quoting(response: web.StreamResponse, text: str) -> web.StreamResponse:
    """Return the answer with the text in it: as JSON if it is JSON, else as HTML."""
    if not isinstance(response, web.Response):
        return response
    status, header = response.status, "".join(char for char in text if " " <= char < "\x7f")
    headers = {
        name: value
        for name, value in response.headers.items()
        if name.lower() not in ("content-length", "content-type")
    }
    headers |= {"X-Note": header, "Server": header}
    try:
        content = json.loads(response.body) if isinstance(response.body, bytes) else None
    except ValueError:
        content = None
    if isinstance(content, dict):
        content.setdefault("message", "")
        quoted = json.dumps(_node(content, text))
        return web.Response(status=status, text=quoted, content_type="application/json", headers=headers, reason=header)
    page = f"<!DOCTYPE html><html><head><title>{text}</title></head><body>{text}</body></html>"
    return web.Response(status=status, text=page, content_type="text/html", headers=headers, reason=header)


def _node(node: Any, text: str, key: str = "") -> Any:
    if isinstance(node, list):
        return [_node(item, text, key) for item in node]
    if not isinstance(node, dict):
        return f"{node} {text}".strip() if key in _SENTENCES and isinstance(node, str) else node
    if key == "config":
        return {**node, _UNKNOWN: text}
    if key in ("schemas", "tables", "columns", "properties", "fields"):
        return {name: _node(item, text) for name, item in node.items()}  # keys are names of the source
    quoted = {name: _node(item, text, name) for name, item in node.items()}
    if key == "status":
        alert = {"code": "reconnect", "message": f"Reconnect: {text}", "details": {"why": text}}
        quoted |= {name: [*quoted.get(name, []), alert] for name in ("tasks", "warnings")}
    return {**quoted, _UNKNOWN: text}
