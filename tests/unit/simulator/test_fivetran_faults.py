"""Scripted trouble in the local Fivetran."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from .fivetran_account import Account, Loop


def _fault(account: Account, **definition: Any) -> str:
    fault_id: str = account.admin("POST", "/faults", definition)["id"]
    return fault_id


def _names(account: Account) -> list[str]:
    return [group["name"] for group in account.admin("GET", "/snapshot")["groups"]]


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Background:
    """A request whose answer, or failure, comes later."""

    def __init__(self, request: Callable[[], httpx.Response]) -> None:
        self.answer: httpx.Response | None = None
        self.error: httpx.TransportError | None = None
        self._thread = threading.Thread(target=self._run, args=(request,))
        self._thread.start()

    def _run(self, request: Callable[[], httpx.Response]) -> None:
        try:
            self.answer = request()
        except httpx.TransportError as error:
            self.error = error

    def done(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(10)
        assert self.done()


def _post_group(account: Account) -> httpx.Response:
    return account.http.post("/v1/groups", json={"name": "Dev"})


@pytest.mark.parametrize(("when", "names"), [("before", []), ("after", ["Dev"])])
def test_status_is_answered_before_or_after_the_effect(account: Account, when: str, names: list[str]):
    body = {"code": "Oops", "message": "m"}
    _fault(account, kind="status", status=503, body=body, headers={"X-From": "proxy"}, when=when)
    answer = _post_group(account)
    assert (answer.status_code, answer.json(), answer.headers["X-From"]) == (503, body, "proxy")
    assert _names(account) == names
    assert _post_group(account).status_code == 201


def test_dropped_reply_has_had_its_effect(account: Account):
    _fault(account, kind="drop_reply", method="POST", path="^/v1/groups$")
    with pytest.raises(httpx.RemoteProtocolError):
        _post_group(account)
    assert _names(account) == ["Dev"]


def test_dropped_request_has_no_effect(account: Account):
    _fault(account, kind="drop_request", method="POST", path="^/v1/groups$")
    with pytest.raises(httpx.RemoteProtocolError):
        _post_group(account)
    assert _names(account) == []


def test_request_without_an_answer_is_logged_with_status_0(account: Account):
    _fault(account, kind="drop_reply")
    with pytest.raises(httpx.RemoteProtocolError):
        _post_group(account)
    assert [entry["status"] for entry in account.admin("GET", "/requests")] == [0]


def test_answers_can_be_html_and_broken_json(account: Account):
    _fault(account, kind="html")
    answer = account.http.get("/v1/groups")
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (502, "text/html")
    _fault(account, kind="garbage")
    answer = account.http.get("/v1/groups")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_every_answer_can_quote_a_text_in_its_sentences_and_unknown_fields(account: Account):
    group = account.group()
    account.destination(group)
    made = account.stripe(group)
    _fault(account, kind="quote", count=None, text="canary")
    answer = account.http.get(f"/v1/connections/{made['id']}")
    body = answer.json()
    assert answer.headers["X-Note"] == "canary"
    assert body["message"].endswith("canary")
    status, config = body["data"]["status"], body["data"]["config"]
    assert [each["message"] for each in status["tasks"]] == ["Reconnect: canary"]
    assert config["x_note"] == "canary"
    assert (body["data"]["id"], body["data"]["schema"]) == (made["id"], made["schema"])
    missing = account.http.get("/v1/groups/none")
    assert (missing.status_code, missing.json()["message"][-6:]) == (404, "canary")
    assert "needs a text" in account.http.post("/_admin/faults", json={"kind": "quote"}).text


def test_too_many_requests_and_expired_credentials_can_be_scripted(account: Account):
    _fault(account, kind="too_many_requests", retry_after=7)
    answer = account.http.get("/v1/groups")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    _fault(account, kind="unauthorized")
    assert account.http.get("/v1/groups").status_code == 401
    assert account.http.get("/v1/groups").status_code == 200


def test_fault_applies_to_the_nth_matching_request_and_its_count(account: Account):
    _fault(account, kind="html", method="GET", path="groups", nth=2, count=2)
    _post_group(account)
    account.http.get("/v1/connections")
    statuses = [account.http.get("/v1/groups").status_code for _ in range(5)]
    assert statuses == [200, 502, 502, 200, 200]
    (fault,) = account.admin("GET", "/faults")
    assert (fault["seen"], fault["fired"]) == (5, 2)


def test_fault_can_be_one_connections_from_the_request_that_makes_it(account: Account):
    group = account.group()
    account.destination(group)
    _fault(account, kind="html", when="after", method="POST", connection="stripe", nth=2)
    _fault(account, kind="html", when="after", connection="never")
    made = account.stripe(group)
    body = {"group_id": group, "service": "stripe", "config": {"schema": "other", "api_key": "canary"}}
    other = account.data("POST", "/v1/connections", body)
    statuses = [account.http.post(f"/v1/connections/{each['id']}/test", json={}).status_code for each in (other, made)]
    assert statuses == [200, 502]
    assert [fault["fired"] for fault in account.admin("GET", "/faults")] == [1, 0]


def test_fault_without_count_stays_until_it_is_removed(account: Account):
    fault = _fault(account, kind="html", count=None)
    assert {account.http.get("/v1/groups").status_code for _ in range(4)} == {502}
    account.admin("DELETE", f"/faults/{fault}")
    assert account.http.get("/v1/groups").status_code == 200


def test_faults_strike_in_the_order_they_were_added_until_one_answers(account: Account):
    _fault(account, kind="delay", seconds=0.01)
    _fault(account, kind="status", status=500)
    _fault(account, kind="status", status=418)
    assert account.http.get("/v1/groups").status_code == 500


def test_delayed_request_succeeds(account: Account):
    _fault(account, kind="delay", seconds=0.2)
    start = time.monotonic()
    assert _post_group(account).status_code == 201
    assert time.monotonic() - start >= 0.2


@pytest.mark.parametrize(("when", "held"), [("before", []), ("after", ["Dev"])])
def test_held_request_waits_for_its_release(account: Account, when: str, held: list[str]):
    fault = _fault(account, kind="hold", method="POST", when=when)
    request = Background(lambda: _post_group(account))
    _wait(lambda: account.admin("GET", "/faults")[0]["waiting"] == 1)
    assert _names(account) == held
    assert not request.done()
    account.admin("POST", f"/faults/{fault}/release")
    request.join()
    assert request.answer is not None
    assert request.answer.status_code == 201
    assert _names(account) == ["Dev"]


def test_held_request_can_be_closed_without_effect(account: Account):
    fault = _fault(account, kind="hold", method="POST")
    request = Background(lambda: _post_group(account))
    _wait(lambda: account.admin("GET", "/faults")[0]["waiting"] == 1)
    account.admin("POST", f"/faults/{fault}/release", {"drop": True})
    request.join()
    assert isinstance(request.error, httpx.RemoteProtocolError)
    assert _names(account) == []


def test_held_request_has_its_effect_even_when_its_sender_is_gone(account: Account):
    fault = _fault(account, kind="hold", method="POST")
    request = Background(
        lambda: httpx.post(account.url + "/v1/groups", json={"name": "Dev"}, auth=account.http.auth, timeout=0.2)
    )
    request.join()
    assert isinstance(request.error, httpx.ReadTimeout)
    account.admin("POST", f"/faults/{fault}/release")
    _wait(lambda: _names(account) == ["Dev"])


def test_server_that_holds_a_request_can_be_stopped(loop: Loop):
    with loop.account() as account:
        _fault(account, kind="hold")
        request = Background(lambda: httpx.get(account.url + "/v1/groups", timeout=10))
        _wait(lambda: account.admin("GET", "/faults")[0]["waiting"] == 1)
    request.join()
    assert request.error is not None


def test_faults_do_not_strike_the_admin_side(account: Account):
    _fault(account, kind="html", count=None)
    assert account.admin("GET", "/snapshot")["groups"] == []


@pytest.mark.parametrize(
    ("definition", "complaint"),
    [
        ({}, "kind is one of"),
        ({"kind": "meteor"}, "kind is one of"),
        ({"kind": "html", "seconds": 1}, "has no seconds"),
        ({"kind": "status"}, "needs a number for 'status'"),
        ({"kind": "delay", "seconds": "long"}, "needs a number for 'seconds'"),
        ({"kind": "html", "when": "during"}, "when is"),
        ({"kind": "html", "nth": 0}, "whole numbers"),
        ({"kind": "html", "count": 0}, "whole numbers"),
        ({"kind": "html", "path": "("}, "not a regular expression"),
        ({"kind": "html", "connection": 5}, "name of one"),
    ],
)
def test_fault_that_cannot_be_understood_is_rejected(account: Account, definition: object, complaint: str):
    answer = account.http.post("/_admin/faults", json=definition)
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]
    assert account.admin("GET", "/faults") == []
