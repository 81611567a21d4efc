"""An answer of Google's that comes in drops ends; any other arrives as it was sent."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator

import pytest
import requests
from aiohttp import web
from tests.served import served
from tests.silence import DRIPS, dripping

from reconciler.google.whole_answer import limit_answers

BODY = json.dumps({"datasets": ["é" * 70_000]}).encode()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as found:
        found.trust_env = False
        limit_answers(found)
        yield found


@pytest.mark.parametrize("kind", DRIPS)
def test_answer_of_which_a_byte_comes_now_and_then_ends(session: requests.Session, kind: str):
    with dripping(kind) as server:
        began = time.monotonic()
        with pytest.raises(requests.exceptions.RequestException):
            session.get(server.url, timeout=0.3)
        assert time.monotonic() - began < 10


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer with one body in several forms, and with the port of the connection."""
    assert request.transport is not None
    port = {"Port": str(request.transport.get_extra_info("peername")[1])}
    match request.path:
        case "/nothing":
            return web.Response(status=204, headers=port)
        case "/packed":
            return web.Response(body=gzip.compress(BODY), headers={**port, "Content-Encoding": "gzip"})
        case "/chunks":
            response = web.StreamResponse(headers=port)
            response.enable_chunked_encoding()
            await response.prepare(request)
            for at in range(0, len(BODY), 10_000):
                await response.write(BODY[at : at + 10_000])
            await response.write_eof()
            return response
        case "/elsewhere":
            return web.Response(status=307, headers={**port, "Location": "/plain"})
    return web.Response(body=BODY, headers=port)


def test_whole_answer_arrives_on_a_connection_that_is_used_again(session: requests.Session):
    app = web.Application()
    app.router.add_get("/{kind}", answer)
    with served(app) as url:
        found = {kind: session.get(f"{url}/{kind}", timeout=30) for kind in ("plain", "packed", "chunks", "elsewhere")}
        nothing = session.get(f"{url}/nothing", timeout=30)
    assert {kind: each.content == BODY for kind, each in found.items()} == dict.fromkeys(found, True)
    assert nothing.content == b""
    assert len({each.headers["Port"] for each in (*found.values(), nothing)}) == 1
