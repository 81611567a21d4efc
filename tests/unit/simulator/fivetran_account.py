"""What the tests of the local Fivetran share: one served on a real port, and a client that knows only HTTP."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from aiohttp import web

from simulator.fivetran.app import build_app
from simulator.fivetran.state import Credential, FivetranState

KEY = "some-key"
SECRET = "some-secret"
READ_ONLY = "read-only-key"
SYSTEM = "system-key"
JSON = "application/json"
V2 = "application/json;version=2"
#: Never used over plain HTTP, and costly to make for every client.
_TLS = ssl.create_default_context()


class Clock:
    """Time that passes only when a test moves it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 31, 12, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Account:
    """A local Fivetran and how to talk to it. `http` speaks with a key that may do everything."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self.clock = clock
        self.http = httpx.Client(
            base_url=url, auth=(KEY, SECRET), headers={"Accept": JSON}, timeout=10, verify=_TLS, trust_env=False
        )

    def data(self, method: str, path: str, body: Any = None) -> Any:
        """The `data` of a request that succeeds."""
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of an admin request that succeeds."""
        answer = self.http.request(method, f"/_admin{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def options(self, **values: Any) -> None:
        self.admin("PATCH", "/options", values)

    def group(self, name: str = "Dev") -> str:
        group_id: str = self.data("POST", "/v1/groups", {"name": name})["id"]
        return group_id

    def destination(self, group_id: str, **fields: Any) -> Any:
        config = {"project_id": "p", "data_set_location": "US"}
        body = {"group_id": group_id, "service": "big_query", "time_zone_offset": "0", "config": config}
        return self.data("POST", "/v1/destinations", body | fields)

    def stripe(self, group_id: str, schema: str = "stripe", config: Any = None, **fields: Any) -> Any:
        sent = {"schema": schema, "api_key": "canary"} | (config or {})
        return self.data(
            "POST", "/v1/connections", {"group_id": group_id, "service": "stripe", "config": sent} | fields
        )

    def snapshot(self, connection_id: str) -> Any:
        """What is stored of a connection, secrets in clear."""
        found = self.admin("GET", "/snapshot?secrets=true")["connections"]
        return next(connection for connection in found if connection["id"] == connection_id)


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def account(self) -> Iterator[Account]:
        """A fresh account, served until the block ends."""
        clock = Clock()
        keys = (
            Credential(KEY, SECRET),
            Credential(READ_ONLY, SECRET, read_only=True),
            Credential(SYSTEM, SECRET, kind="system"),
        )
        state = FivetranState(credentials=keys, now=clock.now, monotonic=clock.monotonic)
        runner = web.AppRunner(build_app(state), access_log=None, shutdown_timeout=60)
        url = asyncio.run_coroutine_threadsafe(_serve(runner), self._loop).result(10)
        account = Account(url, clock)
        try:
            yield account
        finally:
            account.http.close()
            asyncio.run_coroutine_threadsafe(runner.cleanup(), self._loop).result(10)


async def _serve(runner: web.AppRunner) -> str:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"
