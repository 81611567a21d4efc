"""Credentials that Google cannot use: one line with what to do, no traceback, and no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.served import served
from tests.silence import dripping, silence

from reconciler.airflow import credentials as airflow
from reconciler.google import rest
from reconciler.google.bigquery import api
from reconciler.google.bigquery.api import Datasets
from reconciler.google.storage import EMULATOR, StateBucket
from reconciler.model.errors import ReconcilerError

LOG_IN = "Log in with `gcloud auth application-default login`"
NETWORK = "Check the network and any proxy, then run again"
LATER = "Run again; if it stays, see https://status.cloud.google.com"
CANARY = "canary_4711"

#: What the file with the credentials is, or what the token endpoint does: and what the reader has to do.
TROUBLES = {
    "no file": LOG_IN,
    "no JSON": LOG_IN,
    "half of a key": LOG_IN,
    "/denied": LOG_IN,
    "/garbage": LATER,
    "/busy": LATER,
    "refused": NETWORK,
    "silent": NETWORK,
    "body": NETWORK,
    "header": NETWORK,
}


async def answer(request: web.Request) -> web.Response:
    """Answer as a token endpoint that denies, that a proxy hides, or that fails."""
    if request.path == "/denied":
        body = {"error": "invalid_grant", "error_description": f"Invalid JWT {CANARY}"}
        return web.json_response(body, status=400)
    if request.path == "/busy":
        return web.json_response({"error": "internal_failure"}, status=503)
    return web.Response(text=f"<html>log in to the proxy {CANARY}</html>", content_type="text/html")


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    app = web.Application()
    app.router.add_route("*", "/{kind}", answer)
    with served(app) as url, silence() as silent, dripping() as body, dripping("header") as header:
        paths = {each: f"{url}{each}" for each in TROUBLES if each.startswith("/")}
        yield {**paths, "silent": silent.url, "body": body.url, "header": header.url}


@pytest.fixture(scope="module")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def trouble(
    request: pytest.FixtureRequest,
    addresses: dict[str, str],
    key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Set up one of the troubles; return what its message has to tell the reader to do."""
    kind, file = request.param, tmp_path / "key.json"
    for name in (EMULATOR, api.EMULATOR, "GOOGLE_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    for module in (rest, api):
        monkeypatch.setattr(module, "_REQUEST_S", 0.1)
        monkeypatch.setattr(module, "_ATTEMPTS_S", 0.1)
    monkeypatch.setattr(airflow, "_TIMEOUT_S", 0.1)
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _: None)
    info: dict[str, Any] = {"type": "service_account", "private_key": f"{key}# {CANARY}", "client_email": "a@b.c"}
    if kind == "no JSON":
        file.write_text(f"{{ {CANARY}")
    elif kind != "no file":
        uri = {} if kind == "half of a key" else {"token_uri": addresses.get(kind, "http://127.0.0.1:9/token")}
        file.write_text(json.dumps({**info, **uri}))
    return TROUBLES[kind]


def list_locks() -> None:
    with StateBucket("gs://states") as bucket:
        list(bucket.list("locks"))


def list_datasets() -> None:
    with Datasets("project") as datasets:
        datasets.all()


def get_token() -> None:
    airflow.AirflowCredentials.from_environment(None, google_access=True, variables={})


@pytest.mark.parametrize("ask", [list_locks, list_datasets, get_token])
@pytest.mark.parametrize("trouble", TROUBLES, indirect=True)
def test_unusable_credentials_are_one_line_with_what_to_do(ask: Any, trouble: str):
    with pytest.raises(ReconcilerError) as caught:
        ask()
    assert str(caught.value).rstrip(".").endswith(trouble)
    assert CANARY not in str(caught.value)
