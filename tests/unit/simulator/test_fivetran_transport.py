"""Rules of HTTP that hold for every route of the local Fivetran."""

import base64
import re
import socket
from typing import Any

import httpx
import pytest

from .fivetran_account import JSON, KEY, READ_ONLY, SECRET, SYSTEM, V2, Account


def _code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"].startswith(JSON)
    return answer.status_code, answer.json()["code"]


def test_account_info_is_that_of_the_key(account: Account):
    assert account.data("GET", "/v1/account/info") == {
        "account_id": "simulated_account",
        "account_name": "Simulated account",
        "user_id": f"user_{KEY}",
    }


def test_system_key_names_itself_and_no_user(account: Account):
    info = account.http.get("/v1/account/info", auth=(SYSTEM, SECRET)).json()["data"]
    assert info["system_key_id"] == f"system_{SYSTEM}"
    assert "user_id" not in info


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Basic " + base64.b64encode(b"some-key:wrong").decode(),
        "Basic " + base64.b64encode(b"nobody:some-secret").decode(),
        "Basic not-base64!",
        "Bearer " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode(),
    ],
)
def test_missing_and_wrong_credentials_are_401_in_json(account: Account, header: str | None):
    headers = {} if header is None else {"Authorization": header}
    answer = httpx.get(account.url + "/v1/groups", headers=headers)
    assert _code(answer) == (401, "AuthFailed")
    assert "X-Rate-Limit" not in answer.headers


def test_expired_key_is_401(account: Account):
    account.admin("PATCH", f"/credentials/{KEY}", {"expired": True})
    assert _code(account.http.get("/v1/groups")) == (401, "AuthFailed")


def test_read_only_key_reads_and_is_403_on_writes(account: Account):
    group = account.group()
    auth = (READ_ONLY, SECRET)
    assert account.http.get("/v1/groups", auth=auth).status_code == 200
    assert _code(account.http.post("/v1/groups", json={"name": "x"}, auth=auth)) == (403, "Forbidden")
    assert _code(account.http.delete(f"/v1/groups/{group}", auth=auth)) == (403, "Forbidden")
    assert account.http.get(f"/v1/groups/{group}").status_code == 200


def test_post_without_a_body_needs_no_content_type(account: Account):
    connection = account.stripe(account.group())["id"]
    assert account.http.post(f"/v1/connections/{connection}/sync").status_code == 200
    assert _code(account.http.post(f"/v1/connections/{connection}/test")) == (400, "InvalidInput")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_post_needs_the_json_content_type(account: Account, kind: str | None):
    headers = {} if kind is None else {"Content-Type": kind}
    assert _code(account.http.post("/v1/groups", content=b'{"name":"x"}', headers=headers)) == (
        415,
        "UnsupportedMediaType",
    )
    assert account.data("GET", "/v1/groups")["items"] == []


@pytest.mark.parametrize("raw", [b"{", b"[" * 100_000, b"\xff", b"nul"])
def test_malformed_json_is_400(account: Account, raw: bytes):
    answer = account.http.post("/v1/groups", content=raw, headers={"Content-Type": JSON})
    assert _code(answer) == (400, "InvalidInput")


@pytest.mark.parametrize("raw", [b"", b"[]", b"1", b"null"])
def test_body_that_is_not_an_object_is_400(account: Account, raw: bytes):
    answer = account.http.post("/v1/groups", content=raw, headers={"Content-Type": JSON})
    assert _code(answer) == (400, "InvalidInput")


@pytest.mark.parametrize("accept", ["*/*", "application/*", JSON, "application/json;version=1", "text/html, */*;q=0.1"])
@pytest.mark.parametrize("path", ["/v1/groups", "/v1/connections", "/v1/destinations"])
def test_plain_json_is_acceptable_everywhere(account: Account, path: str, accept: str):
    assert account.http.get(path, headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/json;version=3", "application/xml, text/plain"])
def test_unknown_accept_header_is_406(account: Account, accept: str):
    assert _code(account.http.get("/v1/connections", headers={"Accept": accept})) == (406, "NotAcceptable")


def test_version_2_is_acceptable_for_connections_and_destinations_only(account: Account):
    group = account.group()
    headers = {"Accept": V2}
    assert account.http.get("/v1/connections", headers=headers).status_code == 200
    assert account.http.get("/v1/destinations", headers=headers).status_code == 200
    for path in ("/v1/groups", f"/v1/groups/{group}/connections", "/v1/connections/x/schemas"):
        assert account.http.get(path, headers=headers).status_code == 406
    account.options(version_elsewhere="accept")
    assert account.http.get("/v1/groups", headers=headers).status_code == 200


def test_unknown_path_is_404_in_the_apis_own_words(account: Account):
    answer = account.http.get("/v1/connector")
    assert (answer.status_code, answer.json()) == (404, {"code": "NotFound", "message": "HTTP 404 Not Found"})


def test_old_name_of_connections_answers_unless_the_options_say_otherwise(account: Account):
    group = account.group()
    connection = account.stripe(group, schedule_type="manual")["id"]
    paths = ("/v1/connectors", f"/v1/connectors/{connection}", f"/v1/groups/{group}/connectors")
    account.options(old_paths=False)
    for path in paths:
        answer = account.http.get(path)
        assert (answer.status_code, answer.json()) == (404, {"code": "NotFound", "message": "HTTP 404 Not Found"})
    account.options(old_paths=True)
    for path in paths:
        old = account.http.get(path)
        assert (old.status_code, old.json()) == (
            200,
            account.http.get(path.replace("connectors", "connections")).json(),
        )
    assert account.http.get(f"/v1/connectors/{connection}", headers={"Accept": V2}).status_code == 200


#: What airflow-provider-fivetran-async 2.4.0 sends with every POST and PATCH; its GETs have no content type.
_AIRFLOW = {"Accept": "*/*", "Content-Type": "application/json;version=2"}


def test_requests_of_airflows_operator_unpause_sync_and_show_success(account: Account):
    connection = account.stripe(account.group(), paused=True, schedule_type="auto")["id"]
    path = f"/v1/connectors/{connection}"

    def details() -> Any:
        answer = account.http.get(path, headers={"Accept": "*/*"})
        assert answer.status_code == 200
        return answer.json()["data"]

    def send(method: str, path: str, content: bytes | None = None) -> None:
        assert account.http.request(method, path, content=content, headers=_AIRFLOW).status_code == 200

    assert details()["status"]["setup_state"] == "connected"
    send("PATCH", path, b'{"schedule_type": "manual"}')
    before = details()
    assert (before["paused"], before["succeeded_at"], before["failed_at"]) == (True, None, None)
    send("PATCH", path, b'{"paused": false}')
    send("POST", f"{path}/force")
    after = details()
    assert after["succeeded_at"] is not None
    assert (after["schedule_type"], after["paused"], after["status"]["sync_state"]) == ("manual", False, "scheduled")
    deferred = account.http.get(path, headers={"Accept": V2})
    assert deferred.json()["data"] == after


def test_force_triggers_a_sync_under_either_name_and_needs_no_body(account: Account):
    connection = account.stripe(account.group(), schedule_type="manual")["id"]
    for number, name in enumerate(("connections", "connectors"), start=1):
        answer = account.http.post(f"/v1/{name}/{connection}/force", headers={"Content-Type": JSON})
        assert answer.status_code == 200
        assert account.snapshot(connection)["syncs"] == number


def test_slash_at_the_end_of_a_path_makes_no_difference(account: Account):
    group = account.group()
    connection = account.stripe(group)["id"]
    for path in (
        "/v1/groups",
        f"/v1/groups/{group}/connectors",
        f"/v1/connections/{connection}",
        f"/v1/connections/{connection}/schemas",
    ):
        with_slash = account.http.get(f"{path}/")
        assert (with_slash.status_code, with_slash.json()) == (200, account.http.get(path).json())
    answer = account.http.get(f"/v1/connections/{connection}/", headers={"Accept": V2})
    assert answer.status_code == 200
    routes = account.admin("GET", "/requests/counts")
    assert not [route for route in routes if route.endswith("/")]


def test_empty_id_segment_is_answered_with_html(account: Account):
    answer = account.http.get(httpx.URL(account.url + "/v1/connections//schemas"))
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_wrong_verb_on_a_route_is_405(account: Account):
    assert _code(account.http.put("/v1/groups", json={})) == (405, "MethodNotAllowed")
    assert _code(account.http.patch("/v1/connections", json={})) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/webhooks"), ("POST", "/v1/connections/x/schemas/drop-columns"), ("POST", "/v1/system-keys")],
)
def test_fivetran_reports_a_real_route_that_it_does_not_simulate(account: Account, method: str, path: str):
    answer = account.http.request(method, path, json={} if method == "POST" else None)
    assert _code(answer) == (501, "NotSimulated")
    assert path in answer.json()["message"]


def test_fivetran_reports_an_unsimulated_field_and_changes_nothing(account: Account):
    group = account.group()
    body = {"group_id": group, "service": "stripe", "config": {"schema": "s"}, "schedule": {"schedule_type": "CRON"}}
    answer = account.http.post("/v1/connections", json=body)
    assert _code(answer) == (501, "NotSimulated")
    assert account.data("GET", "/v1/connections")["items"] == []


def test_interrupted_request_has_no_effect(account: Account):
    address = httpx.URL(account.url)
    auth = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    head = f"POST /v1/groups HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {auth}\r\nContent-Type: {JSON}\r\n"
    with socket.create_connection((address.host, address.port or 0)) as connection:
        connection.sendall(f'{head}Content-Length: 100\r\n\r\n{{"name":'.encode())
    assert account.data("GET", "/v1/groups")["items"] == []


def test_success_has_code_message_and_data_and_a_delete_no_data(account: Account):
    answer = account.http.post("/v1/groups", json={"name": "Dev"})
    assert answer.status_code == 201
    assert answer.json().keys() == {"code", "message", "data"}
    group = answer.json()["data"]["id"]
    answer = account.http.delete(f"/v1/groups/{group}")
    assert answer.json() == {"code": "Success", "message": f"Group with id '{group}' has been deleted"}


def test_timestamps_are_utc_with_microseconds(account: Account):
    group = account.data("POST", "/v1/groups", {"name": "Dev"})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", group["created_at"])
