"""An answer without an end is an error of each client; any other arrives as it was sent."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import httpx
import pytest
import requests
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.certificates import authority
from tests.served import served
from tests.silence import DRIPS, dripping

from reconciler.airflow import rest as airflow
from reconciler.airflow.credentials import AirflowCredentials
from reconciler.fivetran.api import FivetranClient, Retry, Timeouts
from reconciler.github import client as github
from reconciler.google import rest as google
from reconciler.http import answers
from reconciler.http.answers import limit_answers

BODY = json.dumps({"datasets": ["é" * 70_000]}).encode()


def ask_fivetran(url: str, wait: float) -> None:
    settings: Any = {"timeouts": Timeouts(connect=5, read=wait), "retry": Retry(attempts=1)}
    with FivetranClient(f"{url}/v1", "key", "secret", **settings) as client:
        client.get_group("g")


def ask_airflow(url: str, wait: float) -> None:
    with (
        mock.patch.multiple(airflow, _TIMEOUT_S=wait, _TRIES=1),
        airflow.AirflowVariables(url, AirflowCredentials("token")),
    ):
        pass


def ask_github(url: str, wait: float) -> None:
    with mock.patch.multiple(github, _TIMEOUT_S=wait, _TRIES=1), github.GitHub("token", "example/data", url) as client:
        client.get("/pulls")


def ask_google(url: str, wait: float) -> None:
    with (
        mock.patch.multiple(google, _REQUEST_S=wait, _ATTEMPTS_S=wait),
        google.GoogleRest("data", anonymous=True) as client,
    ):
        client.ask("GET", url)


#: The clients by what their errors say of an answer that takes too long, of one that is too long, and of redirects.
CLIENTS: dict[Callable[[str, float], None], tuple[str, str, str]] = {
    ask_fivetran: ("no answer within the time limit", "the answer is too long", "a redirect"),
    ask_airflow: (
        r"Airflow could not be reached \(ReadTimeout\)",
        r"Airflow could not be reached \(AnswerTooLong\)",
        "Airflow answered 307",
    ),
    ask_github: (r"GitHub could not be reached \(ReadTimeout\)", "GitHub's answer is too long", "GitHub answered 307"),
    ask_google: (
        "Google gave no answer in time",
        r"Google gave no usable answer \(AnswerTooLong\)",
        r"usable answer \(TooManyRedirects\)",
    ),
}


@pytest.mark.parametrize("kind", DRIPS)
@pytest.mark.parametrize("ask", CLIENTS)
def test_answer_of_which_a_part_comes_now_and_then_ends(ask: Callable[[str, float], None], kind: str):
    with dripping(kind) as server, pytest.raises(Exception, match=CLIENTS[ask][0]):
        ask(server.url, 0.1)


@pytest.mark.parametrize("ask", CLIENTS)
def test_body_that_is_too_large_when_unpacked_is_an_error(
    url: str, monkeypatch: pytest.MonkeyPatch, ask: Callable[[str, float], None]
):
    monkeypatch.setattr(answers, "_LARGEST", len(BODY) - 1)
    with pytest.raises(Exception, match=CLIENTS[ask][1]):
        ask(f"{url}/packed", 30)


#: The paths that were asked for.
ASKED: list[str] = []


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer with one body in several forms, and with the port of the connection."""
    ASKED.append(request.path)
    assert request.transport is not None
    port = {"Port": str(request.transport.get_extra_info("peername")[1])}
    match request.path.split("/")[1]:
        case "nothing":
            return web.Response(status=204, headers=port)
        case "packed":
            return web.Response(body=gzip.compress(BODY), headers={**port, "Content-Encoding": "gzip"})
        case "chunks":
            response = web.StreamResponse(headers=port)
            response.enable_chunked_encoding()
            await response.prepare(request)
            for at in range(0, len(BODY), 10_000):
                await response.write(BODY[at : at + 10_000])
            await response.write_eof()
            return response
        case "elsewhere":
            return web.Response(status=307, headers={**port, "Location": "/plain"})
        case "around":
            return web.Response(status=307, headers={**port, "Location": request.path})
    return web.Response(body=BODY, headers=port)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = web.Application()
    app.router.add_get("/{kind:.*}", answer)
    with served(app) as found:
        yield found


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as found:
        found.trust_env = False
        limit_answers(found)
        yield found


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(follow_redirects=True, trust_env=False) as found:
        limit_answers(found)
        yield found


@pytest.mark.parametrize("library", ["session", "client"])
def test_whole_answer_arrives_on_a_connection_that_is_used_again(
    url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, library: str
):
    asker, seconds = request.getfixturevalue(library), iter(range(0, 10_000, 10))
    found = {}
    for kind in ("plain", "packed", "chunks", "elsewhere", "nothing"):
        now = next(seconds) * 60  # a limit that began with an earlier answer would be over
        monkeypatch.setattr(answers, "time", SimpleNamespace(monotonic=lambda now=now: now))
        found[kind] = asker.get(f"{url}/{kind}", timeout=30)
    assert {kind: each.content == BODY for kind, each in found.items()} == {
        **dict.fromkeys(found, True),
        "nothing": False,
    }
    assert found["nothing"].content == b""
    assert len({each.headers["Port"] for each in found.values()}) == 1


@pytest.mark.parametrize("kind", [httpx.Client, requests.Session])
def test_answer_of_a_proxy_that_comes_in_drops_ends(kind: Any, monkeypatch: pytest.MonkeyPatch):
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with dripping("header") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with kind() as client:
            limit_answers(client)
            with pytest.raises((httpx.ReadTimeout, requests.RequestException), match=r"timed out|whole answer"):
                client.get("https://api.example.test", timeout=0.1)


@pytest.mark.parametrize("ask", CLIENTS)
def test_redirects_without_an_end_are_an_error_after_three(url: str, ask: Callable[[str, float], None]):
    ASKED.clear()
    with pytest.raises(Exception, match=CLIENTS[ask][2]):
        ask(f"{url}/around", 30)
    assert len(ASKED) in (1, 4)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize(
    ("make", "settings"), [(partial(httpx.Client, verify=False), {}), (requests.Session, {"verify": False})]
)
def test_encrypted_answer_that_comes_in_drops_ends(make: Any, settings: dict[str, bool], tmp_path: Path):
    made, tls = authority(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secret = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (tmp_path / "both.pem").write_text(made.pem + secret)
    tls.load_cert_chain(tmp_path / "both.pem")
    with dripping("header", tls) as server, make() as client:
        limit_answers(client)
        with pytest.raises((httpx.ReadTimeout, requests.RequestException), match=r"timed out|whole answer"):
            client.get(f"https://{server.address}", timeout=0.1, **settings)


def test_answer_to_a_session_leaves_the_connection_its_usual_limit(monkeypatch: pytest.MonkeyPatch):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(30)
        found = answers._answer(ours)
        theirs.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        with monkeypatch.context() as patch:
            now = time.monotonic() + 59
            patch.setattr(answers, "time", SimpleNamespace(monotonic=lambda: now))
            found.begin()
        assert (found.status, ours.gettimeout()) == (204, 30)
        found.close()
