"""A local GitHub for the tests of this folder."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from aiohttp import web

from simulator.github.app import State, build_app

REPOSITORY = "example/data"
BOT = "github-actions[bot]"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[State, str]]:
    state = State(users={"bot-token": BOT, "eve-token": "eve"}, issues={(REPOSITORY, 7): []})
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(build_app(state), access_log=None)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    for name, value in (("TOKEN", "bot-token"), ("REPOSITORY", REPOSITORY), ("API_URL", url)):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    yield state, url
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(runner.cleanup())
    loop.close()
