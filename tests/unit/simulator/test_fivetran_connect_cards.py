"""Connect cards of the local Fivetran: links under which a person authorises a connection."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .fivetran_account import Account

CARD = {"redirect_uri": "https://example.com/done?x=1&y=2", "hide_setup_guide": True}


@pytest.fixture
def ads(account: Account) -> str:
    """A connection that a person has to authorise."""
    body = {"group_id": account.group(), "service": "google_ads", "config": {"schema": "ads"}, "run_setup_tests": False}
    connection_id: str = account.data("POST", "/v1/connections", body)["id"]
    return connection_id


def _card(account: Account, connection: str) -> Any:
    return account.data("POST", f"/v1/connections/{connection}/connect-card", {"connect_card_config": CARD})


def _authorise(account: Account, connection: str, token: str) -> int:
    return account.http.post(f"/_admin/connections/{connection}/authorise", json={"token": token}).status_code


def test_card_is_a_link_with_a_token_that_says_for_whom_and_until_when(account: Account, ads: str):
    card = _card(account, ads)
    assert (card["connector_id"], card["connect_card_config"]) == (ads, CARD)
    header, payload, signature = card["connect_card"]["token"].split(".")
    decoded = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (header, payload)]
    assert (decoded[0]["typ"], decoded[1]["sub"], signature != "") == ("JWT", ads, True)
    assert decoded[1]["exp"] - account.clock.now().timestamp() == 24 * 3600
    link = urlsplit(card["connect_card"]["uri"])
    assert f"{link.scheme}://{link.netloc}{link.path}" == "https://fivetran.com/connect-card/setup"
    assert parse_qs(link.query) == {
        "redirect_uri": [CARD["redirect_uri"]],
        "auth": [card["connect_card"]["token"]],
        "hide_setup_guide": ["true"],
    }


def test_each_card_has_a_token_of_its_own_that_is_shown_nowhere_else(account: Account, ads: str):
    tokens = {_card(account, ads)["connect_card"]["token"] for _ in range(2)}
    assert len(tokens) == 2
    everywhere = account.http.get("/_admin/snapshot?secrets=true").text + account.http.get("/_admin/requests").text
    everywhere += account.http.get(f"/v1/connections/{ads}").text
    assert not any(token in everywhere for token in tokens)


def test_connect_card_authorises_the_connection_within_a_day(account: Account, ads: str):
    token = _card(account, ads)["connect_card"]["token"]
    account.clock.seconds = 24 * 3600 - 1
    assert _authorise(account, ads, token) == 200
    assert account.data("GET", f"/v1/connections/{ads}")["status"]["setup_state"] == "connected"


def test_link_expires_after_a_day(account: Account, ads: str):
    token = _card(account, ads)["connect_card"]["token"]
    account.clock.seconds = 24 * 3600
    assert _authorise(account, ads, token) == 400
    assert account.data("GET", f"/v1/connections/{ads}")["status"]["setup_state"] == "incomplete"


def test_link_opens_one_connection_only(account: Account, ads: str):
    other = account.stripe(account.group(), run_setup_tests=False)["id"]
    assert _authorise(account, other, _card(account, ads)["connect_card"]["token"]) == 400
    assert _authorise(account, other, "made up") == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"connect_card_config": None},
        {"connect_card_config": {}},
        {"connect_card_config": {"redirect_uri": "ftp://example.com"}},
        {"connect_card_config": {"redirect_uri": 1}},
        {"connect_card_config": {**CARD, "all_fields": "yes"}},
        {"connect_card_config": {**CARD, "colour": "red"}},
        {"connect_card_config": CARD, "novelty": 1},
    ],
)
def test_card_requires_a_redirect_address(account: Account, ads: str, body: Any):
    assert account.http.post(f"/v1/connections/{ads}/connect-card", json=body).status_code == 400


def test_card_for_an_unknown_connection_is_404(account: Account):
    answer = account.http.post("/v1/connections/no_one/connect-card", json={"connect_card_config": CARD})
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound_Connection")


def test_connection_can_be_created_with_a_card_if_nothing_is_tested_yet(account: Account):
    body = {"group_id": account.group(), "service": "google_ads", "config": {"schema": "ads"}}
    body["connect_card_config"] = CARD
    assert account.http.post("/v1/connections", json=body).status_code == 400
    created = account.data("POST", "/v1/connections", {**body, "run_setup_tests": False})
    assert created["connect_card"]["token"] in created["connect_card"]["uri"]
    shown = account.data("GET", f"/v1/connections/{created['id']}")
    assert (shown["connect_card_config"], "connect_card" in shown) == (CARD, False)
    assert _authorise(account, created["id"], created["connect_card"]["token"]) == 200
