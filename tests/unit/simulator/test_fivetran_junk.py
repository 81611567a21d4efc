"""Whatever is sent to whichever route is answered in the API's words: an envelope, and no error of the server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import settings

from simulator.fivetran.app import build_app

from .fivetran_account import JSON, Account

_DEEP = b"[" * 100_000
JUNK = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"1" * 6000,
    b"\xff\xfe",
    _DEEP,
    b'{"config": 1e400, "hash": NaN}',
    b'{"hash": "\\ud800", "public_key": "\\ud800", "encoded_cert": "\\ud800", "name": "\\ud800"}',
    b'{"shop": [{}], "scope": {"shop": [[]]}}',
    b'{"config": 1, "schemas": 1, "name": 1, "hash": 1, "scope": 1, "paused": "maybe", "sync_frequency": "often"}',
    b'{"config": [], "schemas": {"shop": null}, "name": [], "hash": {}, "state": []}',
    b'{"group_id": {}, "service": [], "config": {"schema": {}}}',
    b'{"schemas": {"shop": {"tables": {"customer": {"columns": [1]}}}}, "enabled": []}',
]

#: The daily run sends each body in each form. Others send each to every route in one form, each form to every route.
KINDS = (JSON, "multipart/form-data", "")
IS_DAILY = settings.get_current_profile_name() == "daily"


def routes() -> list[tuple[str, str]]:
    """Every route of the API, by method and path."""
    found = {
        (route.method, route.resource.canonical.rstrip("/"))
        for route in build_app().router.routes()
        if route.resource is not None and not route.resource.canonical.startswith("/_admin")
    }
    return sorted(found)


def path_of(route: str, known: dict[str, str]) -> str:
    """The path of a route, with what exists in it where that is known."""
    return re.sub(r"{([^}:]*)[^}]*}", lambda name: known.get(name[1], "none"), route)


@pytest.fixture
def known(account: Account, shop: str) -> dict[str, str]:
    """What exists, by its name in routes."""
    group = account.data("GET", f"/v1/connections/{shop}")["group_id"]
    return {"connection_id": shop, "group_id": group, "destination_id": group, "id": shop, "service": "stripe"}


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: junk[:30].decode("latin-1"))
def test_body_that_makes_no_sense_is_rejected_on_every_route(account: Account, known: dict[str, str], junk: bytes):
    account.options(requests_per_hour=None, setup_tests_per_minute=None, source_interactions_per_minute=None)
    for number, (method, route) in enumerate(routes(), start=JUNK.index(junk)):
        if method not in ("POST", "PATCH"):
            continue
        for kind in KINDS if IS_DAILY else [KINDS[number % len(KINDS)]]:
            headers = {"Content-Type": kind} if kind else {}
            answer = account.http.request(method, path_of(route, known), content=junk, headers=headers)
            assert answer.status_code < 500 or answer.json()["code"] == "NotSimulated", (method, route, kind)
            assert {"code", "message"} <= answer.json().keys()


def test_every_method_on_every_route_is_answered_with_and_without_a_slash(account: Account, known: dict[str, str]):
    account.options(requests_per_hour=None)
    for route in sorted({route for _, route in routes()}):
        path = path_of(route, known)
        for method in ("GET", "PUT", "OPTIONS", "HEAD"):
            plain, slashed = (_answer(account, method, each) for each in (path, f"{path}/"))
            assert plain == slashed
            assert method == "GET" or plain[0] == 405, (method, route)


def _answer(account: Account, method: str, path: str) -> tuple[int, Any]:
    answer = account.http.request(method, path)
    return answer.status_code, answer.json()["code"] if method != "HEAD" and answer.headers[
        "Content-Type"
    ] == JSON else ""
