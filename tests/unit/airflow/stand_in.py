"""The variables of Airflow's two REST APIs over HTTP, as real Airflow 2.10.5 and 3.3.2 answer, with faults.

`make clients` runs the same client against the real ones.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

USER, PASSWORD, TOKEN = "reconciler", "pass_word_4711", "bearer_token_0815"
#: Variables of one page, whatever the request asks for.
LARGEST_PAGE = 3


class Airflow:
    """One Airflow. `faults` are taken by requests of a method, in order.

    - `lost`: the request takes effect, and the connection is closed without an answer.
    - `gateway`: the request takes effect, and the answer is 502 and HTML.
    - `busy`: 503, and nothing happens. `slow_down`: 429 with `Retry-After: 7`.
    - `quote`: 400 with a message that quotes the credentials.
    - `login`: a redirect to a login page.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        self.variables: dict[str, dict[str, str]] = {}
        self.faults: list[tuple[str, str]] = []
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.before_page: list[Any] = []
        self.url = ""

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        parts = urlsplit(path)
        self.asked.append((method, parts.path))
        self.headers.append(headers)
        steps = parts.path.split("/")[1:]
        api = {2: "v1", 3: "v2"}.get(self.version, "none")
        if self.version == 3 and (method, parts.path) == ("POST", "/auth/token"):
            good = body == {"username": USER, "password": PASSWORD}
            return (201, {"access_token": TOKEN}) if good else (401, {"detail": "Invalid credentials"})
        if steps[:2] != ["api", api]:
            return 404, None
        if steps[2:] == ["version"]:
            return 200, {"version": "3.3.2" if self.version == 3 else "2.10.5"}
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers.get("authorization") not in (
            (f"Bearer {TOKEN}",) if self.version == 3 else (basic, "Bearer " + TOKEN)
        ):
            return 401, {"title": "Unauthorized", "detail": None}
        if len(steps) == 3:
            return self._page(parts.query) if method == "GET" else self._create(body)
        return self._one(method, unquote(steps[3]), body)

    def _page(self, query: str) -> tuple[int, Any]:
        if self.before_page:
            self.before_page.pop(0)()
        asked = {name: each[0] for name, each in parse_qs(query).items()}
        assert asked["order_by"] == "key"
        start = int(asked["offset"])
        keys = sorted(self.variables)[start : start + min(int(asked["limit"]), LARGEST_PAGE)]
        return 200, {"variables": [self._shown(key) for key in keys], "total_entries": len(self.variables)}

    def _create(self, body: dict[str, str]) -> tuple[int, Any]:
        if self.version == 3 and body["key"] in self.variables:
            return 409, {"detail": "The Variable already exists"}
        self.variables[body["key"]] = dict(body)
        return (201 if self.version == 3 else 200), self._shown(body["key"])

    def _one(self, method: str, key: str, body: Any) -> tuple[int, Any]:
        if key not in self.variables:
            return 404, {"title": "Variable not found"}
        if method == "DELETE":
            del self.variables[key]
            return 204, None
        if method == "PATCH":
            self.variables[key] |= body
        return 200, self._shown(key)

    def _shown(self, key: str) -> dict[str, str]:
        hidden = self.version == 3 and "secret" in key
        return self.variables[key] | ({"value": "***"} if hidden else {})


class _Handler(BaseHTTPRequestHandler):
    airflow: Airflow

    def _handle(self) -> None:
        airflow, method = self.airflow, self.command
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = ""
        if airflow.faults and airflow.faults[0][0] == method:
            fault = airflow.faults.pop(0)[1]
        extra: dict[str, str] = {}
        match fault:
            case "busy":
                status, content = 503, None
            case "slow_down":
                status, content, extra = 429, {"detail": "slow down"}, {"Retry-After": "7"}
            case "quote":
                quoted = f"{headers.get('authorization')} {PASSWORD} is odd"
                status, content = 400, {"title": "Bad Request", "detail": quoted}
            case "login":
                status, content, extra = 302, None, {"Location": "https://login.example.com/"}
            case _:
                status, content = airflow.answer(method, self.path, headers, body)
        if fault == "lost":
            self.close_connection = True
            return
        if fault == "gateway":
            status, content = 502, None
        data = (
            b"<html>" if content is None and status != 204 else b"" if content is None else json.dumps(content).encode()
        )
        self.send_response(status)
        for name, value in extra.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 (the library's names)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def serving(version: int) -> Iterator[Airflow]:
    """Serve an Airflow of this version until the block ends."""
    airflow = Airflow(version)
    handler = type("Handler", (_Handler,), {"airflow": airflow})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        airflow.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield airflow
        finally:
            server.shutdown()
            thread.join()
