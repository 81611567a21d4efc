"""The admin side of the local Fivetran."""

import time
from typing import Any

import httpx
import pytest

from .fivetran_account import KEY, SECRET, Account


def _rejected(account: Account, method: str, path: str, body: object = None) -> str:
    answer = account.http.request(method, f"/_admin{path}", json=body)
    assert answer.status_code == 400
    error: str = answer.json()["error"]
    return error


def test_admin_api_needs_no_credentials(account: Account):
    assert httpx.get(account.url + "/_admin/snapshot").status_code == 200


def test_snapshot_shows_secrets_only_when_asked(account: Account):
    group = account.group()
    account.options(unknown_config_key="store")
    account.stripe(group, config={"novelty": "canary"})
    config = {"project_id": "p", "data_set_location": "US", "secret_key": "canary"}
    account.destination(group, config=config)
    ads = {"group_id": group, "service": "google_ads", "config": {"schema": "a"}, "auth": {"refresh_token": "canary"}}
    account.data("POST", "/v1/connections", ads)
    assert "canary" not in account.http.get("/_admin/snapshot").text
    assert account.http.get("/_admin/snapshot?secrets=true").text.count("canary") == 7


def test_request_log_names_keys_and_holds_no_values(account: Account):
    group = account.group()
    account.stripe(group)
    account.http.get("/v1/connections?schema=stripe")
    entries = account.admin("GET", "/requests")
    assert [(entry["number"], entry["method"], entry["route"], entry["status"]) for entry in entries] == [
        (1, "POST", "/v1/groups", 201),
        (2, "POST", "/v1/connections", 201),
        (3, "GET", "/v1/connections", 200),
    ]
    assert entries[1]["keys"] == ["group_id", "service", "config.schema", "config.api_key"]
    assert entries[2]["query"] == {"schema": "stripe"}
    assert "canary" not in str(entries)
    assert [entry["number"] for entry in account.admin("GET", "/requests?since=2")] == [3]
    assert "whole number" in _rejected(account, "GET", "/requests?since=x")


def test_requests_are_counted_by_route(account: Account):
    group = account.group()
    for _ in range(3):
        account.http.get(f"/v1/groups/{group}")
    account.http.get("/v1/nowhere")
    assert account.admin("GET", "/requests/counts") == {
        "GET (unknown)": 1,
        "GET /v1/groups/{group_id}": 3,
        "POST /v1/groups": 1,
    }
    account.admin("DELETE", "/requests")
    assert account.admin("GET", "/requests/counts") == {}


def test_reset_forgets_objects_faults_scripts_log_and_quota_but_not_options(account: Account):
    account.options(requests_per_hour=2)
    account.group()
    account.admin("POST", "/faults", {"kind": "html"})
    account.admin("POST", "/setup-tests", {"target": "s"})
    account.admin("POST", "/reset")
    assert account.admin("GET", "/snapshot") == {"groups": [], "destinations": [], "connections": []}
    assert account.admin("GET", "/faults") == account.admin("GET", "/setup-tests") == []
    assert account.admin("GET", "/requests") == []
    answer = account.http.get("/v1/groups")
    assert (answer.status_code, answer.headers["X-Rate-Limit-Remaining"]) == (200, "1")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"no_such": 1}, "no option 'no_such'"),
        ({"duplicate_schema": "maybe"}, "one of conflict, invalid, allowed"),
        ({"latency_ms": "slow"}, "is a float"),
        ({"config_in_lists": 1}, "is a bool"),
    ],
)
def test_options_are_changed_all_at_once_or_not_at_all(account: Account, values: dict[str, Any], complaint: str):
    before = account.admin("GET", "/options")
    assert complaint in _rejected(account, "PATCH", "/options", {"account_name": "Other", **values})
    assert account.admin("GET", "/options") == before


def test_latency_is_added_to_every_answer(account: Account):
    account.options(latency_ms=100)
    start = time.monotonic()
    account.http.get("/v1/groups")
    assert time.monotonic() - start >= 0.1


def test_connection_made_by_hand_is_connected_and_has_its_secrets(account: Account):
    group = account.admin("POST", "/groups", {"name": "Old", "id": "projected_sickle"})["id"]
    assert account.data("GET", "/v1/groups/projected_sickle")["name"] == "Old"
    account.admin("POST", "/destinations", {"id": group, "config": {"project_id": "p"}})
    values = {
        "group_id": group,
        "service": "google_ads",
        "config": {"schema": "google_ads", "customer_id": "1"},
        "auth": {"refresh_token": "canary"},
        "connected_by": "priceless_odour",
        "succeeded_at": "2025-01-02T03:04:05+01:00",
        "is_historical_sync": False,
    }
    connection = account.admin("POST", "/connections", values)["id"]
    shown = account.data("GET", f"/v1/connections/{connection}")
    assert shown["status"]["setup_state"] == "connected"
    assert (shown["schema"], shown["config"]["customer_id"]) == ("google_ads", "1")
    assert (shown["connected_by"], shown["succeeded_at"]) == ("priceless_odour", "2025-01-02T02:04:05.000000Z")
    assert account.snapshot(connection)["effective"]["auth"] == {"refresh_token": "canary"}


def test_connection_is_changed_by_hand_by_id_or_name(account: Account):
    connection = account.stripe(account.group())["id"]
    account.admin("PATCH", "/connections/stripe", {"paused": True, "sync_frequency": 60, "schedule_type": "manual"})
    values = {"config": {"api_key": "canary-2", "support_connected_accounts_sync": True}, "setup_state": "broken"}
    account.admin("PATCH", f"/connections/{connection}", values)
    shown = account.data("GET", f"/v1/connections/{connection}")
    assert (shown["paused"], shown["sync_frequency"], shown["schedule_type"]) == (True, 60, "manual")
    assert (shown["status"]["setup_state"], shown["config"]["support_connected_accounts_sync"]) == ("broken", True)
    assert account.snapshot(connection)["effective"]["config"]["api_key"] == "canary-2"
    account.admin("DELETE", "/connections/stripe")
    assert account.http.get(f"/v1/connections/{connection}").status_code == 404


def test_connection_that_breaks_is_reported_with_what_to_do_until_repaired(account: Account):
    connection = account.stripe(account.group())["id"]
    account.admin("PATCH", f"/connections/{connection}", {"setup_state": "broken"})
    status = account.data("GET", f"/v1/connections/{connection}")["status"]
    assert (status["setup_state"], [task["code"] for task in status["tasks"]]) == ("broken", ["reconnect"])
    tasks = [{"code": "resync_table_warning", "message": "m", "details": "d"}]
    account.admin("PATCH", f"/connections/{connection}", {"setup_state": "broken", "tasks": tasks})
    assert account.data("GET", f"/v1/connections/{connection}")["status"]["tasks"] == tasks
    mended = account.data("POST", f"/v1/connections/{connection}/test", {})["status"]
    assert (mended["setup_state"], mended["tasks"]) == ("connected", [])


def test_destination_is_changed_by_hand(account: Account):
    group = account.group()
    account.destination(group)
    account.admin("PATCH", f"/destinations/{group}", {"time_zone_offset": "+5", "config": {"bucket": "b"}})
    shown = account.data("GET", f"/v1/destinations/{group}")
    assert (shown["time_zone_offset"], shown["config"]["bucket"]) == ("+5", "b")
    account.admin("DELETE", f"/destinations/{group}")
    assert account.http.get(f"/v1/destinations/{group}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "complaint"),
    [
        ("PATCH", "/connections/no_one", {"paused": True}, "0 connections"),
        ("PATCH", "/connections/stripe", {"id": "x"}, "cannot set id"),
        ("PATCH", "/connections/stripe", {"paused": "yes"}, "paused cannot have that value"),
        ("PATCH", "/connections/stripe", {"config": "canary"}, "config cannot have that value"),
        ("PATCH", "/connections/stripe", {"succeeded_at": "yesterday"}, "succeeded_at"),
        ("POST", "/connections", {"service": "stripe"}, "needs the id of a group"),
        ("POST", "/connections", {"service": "stripe", "group_id": "projected_sickle"}, "Field 'schema' is required"),
        ("POST", "/destinations", {"id": "no_group"}, "needs the id of a group"),
        ("PATCH", "/destinations/no_group", {}, "no destination"),
        ("POST", "/setup-tests", {"runs": 1}, "target"),
        ("POST", "/setup-tests", {"target": "s", "runs": 0}, "whole number"),
        ("POST", "/groups", [], "a JSON object"),
        ("DELETE", "/faults/fault-9", None, "no fault"),
        ("PATCH", "/credentials/nobody", {"expired": True}, "known key"),
        ("POST", "/credentials", {"key": "x", "colour": "red"}, "key, secret, kind, read_only and permissions"),
    ],
)
def test_admin_api_explains_a_rejected_request(account: Account, method: str, path: str, body: object, complaint: str):
    account.admin("POST", "/groups", {"id": "projected_sickle", "name": "Dev"})
    account.stripe("projected_sickle")
    error = _rejected(account, method, path, body)
    assert complaint in error
    assert "canary" not in error


def test_faults_and_scripts_are_removed_at_once(account: Account):
    account.admin("POST", "/faults", {"kind": "html"})
    account.admin("POST", "/setup-tests", {"target": "s"})
    account.admin("DELETE", "/faults")
    account.admin("DELETE", "/setup-tests")
    assert account.admin("GET", "/faults") == account.admin("GET", "/setup-tests") == []
    assert account.http.get("/v1/groups").status_code == 200


def test_body_that_is_not_json_is_rejected(account: Account):
    answer = account.http.post("/_admin/faults", content=b"{")
    assert (answer.status_code, answer.json()) == (400, {"error": "the body is a JSON object"})


def test_connections_of_one_name_are_distinguished_by_id_alone(account: Account):
    account.stripe(account.group())
    account.stripe(account.group())
    assert "2 connections" in _rejected(account, "DELETE", "/connections/stripe")


def test_keys_are_added_and_limited(account: Account):
    account.admin("POST", "/credentials", {"key": "new", "secret": "s"})
    assert account.http.get("/v1/groups", auth=("new", "s")).status_code == 200
    account.admin("PATCH", f"/credentials/{KEY}", {"read_only": True})
    assert account.http.post("/v1/groups", json={"name": "x"}, auth=(KEY, SECRET)).status_code == 403


def test_service_can_be_registered_and_then_used(account: Account):
    definition = {"form": "schema_table", "config": {"token": "secret", "size": "int = 3"}, "needs": ["token"]}
    account.admin("PUT", "/services/novelty", definition)
    config = {"schema": "s", "table": "t", "token": "canary"}
    body = {"group_id": account.group(), "service": "novelty", "config": config}
    connection = account.data("POST", "/v1/connections", body)
    assert (connection["schema"], connection["config"]) == ("s.t", {"token": "******", "size": 3})
    assert connection["status"]["setup_state"] == "connected"
    assert "is not a type" in _rejected(account, "PUT", "/services/other", {"config": {"a": "colour"}})
