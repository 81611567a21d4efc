"""Reading, changing, syncing and deleting connections in the local Fivetran."""

import time
from typing import Any

import httpx
import pytest

from simulator.fivetran.state import Connection, FivetranState
from simulator.fivetran.syncs import finish

from .fivetran_account import Account


def _patch(account: Account, connection_id: str, body: object) -> httpx.Response:
    return account.http.patch(f"/v1/connections/{connection_id}", json=body)


def test_list_has_neither_config_nor_setup_tests(account: Account):
    account.stripe(account.group())
    (item,) = account.data("GET", "/v1/connections")["items"]
    assert item.keys().isdisjoint({"config", "setup_tests"})
    account.options(config_in_lists=True)
    (item,) = account.data("GET", "/v1/connections")["items"]
    assert item["config"]["api_key"] == "******"


def test_details_have_config_and_no_setup_tests(account: Account):
    connection = account.stripe(account.group())
    details = account.data("GET", f"/v1/connections/{connection['id']}")
    assert details == {key: value for key, value in connection.items() if key != "setup_tests"}


def test_list_is_filtered_by_group_and_exact_schema(account: Account):
    one, two = account.group(), account.group()
    ids = [account.stripe(group, name)["id"] for group in (one, two) for name in ("a", "ab")]
    for query, wanted in (
        ("", ids),
        (f"?group_id={one}", ids[:2]),
        ("?schema=a", [ids[0], ids[2]]),
        (f"?group_id={two}&schema=ab", [ids[3]]),
        ("?group_id=no_group", []),
    ):
        assert [item["id"] for item in account.data("GET", f"/v1/connections{query}")["items"]] == wanted


@pytest.mark.parametrize("code", ["NotFound_Connection", "NotFound_Connector"])
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")])
def test_unknown_connection_is_404_under_either_code(account: Account, code: str, method: str, path: str):
    account.options(missing_connection_code=code)
    body = None if method in ("GET", "DELETE") else {"paused": True}
    answer = account.http.request(method, f"/v1/connections/no_one{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, code)


@pytest.mark.parametrize("body", [{}, {"run_setup_tests": True}, {"trust_certificates": True}, {"paused": None}])
def test_patch_without_anything_that_stays_is_400(account: Account, body: object):
    connection = account.stripe(account.group())["id"]
    assert _patch(account, connection, body).status_code == 400


def test_patch_runs_setup_tests_unless_the_request_leaves_them_out(account: Account):
    connection = account.stripe(account.group(), run_setup_tests=False)["id"]
    untested = _patch(account, connection, {"paused": True, "run_setup_tests": False}).json()["data"]
    assert (untested["status"]["setup_state"], untested["setup_tests"]) == ("incomplete", [])
    tested = _patch(account, connection, {"paused": False}).json()["data"]
    assert (tested["status"]["setup_state"], tested["setup_tests"] != []) == ("connected", True)


def test_patch_without_config_can_be_made_to_run_no_tests(account: Account):
    account.options(patch_tests="config")
    connection = account.stripe(account.group(), run_setup_tests=False)["id"]
    assert _patch(account, connection, {"paused": True}).json()["data"]["status"]["setup_state"] == "incomplete"
    changed = _patch(account, connection, {"config": {"api_key": "canary-2"}}).json()["data"]
    assert changed["status"]["setup_state"] == "connected"


def test_patch_merges_config_by_top_level_key_and_null_clears(account: Account):
    group = account.group()
    config = {"schema": "f", "function_trigger": "t", "secrets_list": [{"key": "a", "value": "1"}], "secrets": "s"}
    body = {"group_id": group, "service": "google_cloud_function", "config": config}
    connection = account.data("POST", "/v1/connections", body)["id"]
    _patch(account, connection, {"config": {"secrets_list": [{"key": "b", "value": "2"}], "secrets": None}})
    stored = account.snapshot(connection)["config"]
    assert stored == {"function_trigger": "t", "secrets_list": [{"key": "b", "value": "2"}]}


def test_cleared_field_falls_back_to_its_default(account: Account):
    connection = account.stripe(account.group(), config={"historical_sync_time_frame": "DATE_LIMIT"})
    assert connection["config"]["historical_sync_time_frame"] == "DATE_LIMIT"
    cleared = _patch(account, connection["id"], {"config": {"historical_sync_time_frame": None}}).json()["data"]
    assert cleared["config"]["historical_sync_time_frame"] == "ALL_TIME"


@pytest.mark.parametrize(
    "body",
    [
        {"service": "github"},
        {"group_id": "other"},
        {"destination_schema_names": "SOURCE_NAMING"},
        {"config": {"schema": "other"}},
        {"config": {"timeframe_months": "ALL_TIME"}},
        {"config": {"encoded_public_key": "mine"}},
    ],
)
def test_fixed_fields_are_rejected_or_ignored(account: Account, body: dict[str, object]):
    config = {"schema": "ads", "timeframe_months": "SIX"}
    create = {"group_id": account.group(), "service": "apple_search_ads", "config": config}
    before = account.data("POST", "/v1/connections", create)
    assert _patch(account, before["id"], {"pause_after_trial": True, **body}).status_code == 400
    assert account.snapshot(before["id"])["pause_after_trial"] is False
    account.options(immutable_change="ignore")
    after = _patch(account, before["id"], {"pause_after_trial": True, **body}).json()["data"]
    assert after == {**before, "pause_after_trial": True}


def test_repeated_immutable_value_is_not_a_change(account: Account):
    create = {"group_id": account.group(), "service": "apple_search_ads", "config": {"schema": "ads"}}
    connection = account.data("POST", "/v1/connections", create)["id"]
    assert _patch(account, connection, {"config": {"schema": "ads", "timezone_mode": "UTC"}}).status_code == 200


def test_leaving_the_daily_frequency_forgets_the_time_of_day(account: Account):
    connection = account.stripe(account.group(), sync_frequency=1440, daily_sync_time="14:00")["id"]
    assert _patch(account, connection, {"daily_sync_time": "15:00"}).json()["data"]["daily_sync_time"] == "15:00"
    assert "daily_sync_time" not in _patch(account, connection, {"sync_frequency": 60}).json()["data"]
    assert _patch(account, connection, {"daily_sync_time": "15:00"}).status_code == 400
    back = _patch(account, connection, {"sync_frequency": 1440, "daily_sync_time": "16:00"}).json()["data"]
    assert back["daily_sync_time"] == "16:00"
    assert "daily_sync_time" not in _patch(account, connection, {"daily_sync_time": None}).json()["data"]


def test_deleted_connection_is_gone(account: Account):
    connection = account.stripe(account.group())["id"]
    answer = account.http.delete(f"/v1/connections/{connection}")
    assert answer.json() == {"code": "Success", "message": f"Connection with id '{connection}' has been deleted"}
    assert account.http.get(f"/v1/connections/{connection}").status_code == 404
    assert account.http.delete(f"/v1/connections/{connection}").status_code == 404


def test_sync_succeeds_and_ends_the_historical_one(account: Account):
    connection = account.stripe(account.group())["id"]
    answer = account.http.post(f"/v1/connections/{connection}/sync", json={"force": True})
    message = f"Sync has been successfully triggered for connection with id '{connection}'"
    assert answer.json() == {"code": "Success", "message": message}
    details = account.data("GET", f"/v1/connections/{connection}")
    assert details["succeeded_at"] is not None
    assert (details["status"]["sync_state"], details["status"]["is_historical_sync"]) == ("scheduled", False)


def test_sync_that_lasts_shows_as_syncing_until_it_is_finished(account: Account):
    account.options(sync_seconds=3600)
    connection = account.stripe(account.group())["id"]
    for _ in range(2):  # the second one changes nothing: a sync runs already
        account.http.post(f"/v1/connections/{connection}/sync", json={})
    assert account.data("GET", f"/v1/connections/{connection}")["status"]["sync_state"] == "syncing"
    assert account.snapshot(connection)["syncs"] == 1
    account.http.post(f"/v1/connections/{connection}/sync", json={"force": True})
    assert account.snapshot(connection)["syncs"] == 2
    assert account.http.post(f"/v1/connections/{connection}/sync", json={"force": 1}).status_code == 400
    account.admin("POST", f"/connections/{connection}/finish-sync")
    assert account.data("GET", f"/v1/connections/{connection}")["status"]["sync_state"] == "scheduled"


@pytest.mark.parametrize("fields", [{"paused": True}, {"run_setup_tests": False}])
def test_paused_or_unconnected_connection_does_not_sync(account: Account, fields: dict[str, Any]):
    connection = account.stripe(account.group(), **fields)["id"]
    assert account.http.post(f"/v1/connections/{connection}/sync", json={}).status_code == 409
    account.options(sync_of_unready="ignore")
    assert account.http.post(f"/v1/connections/{connection}/sync", json={}).status_code == 200
    assert account.data("GET", f"/v1/connections/{connection}")["succeeded_at"] is None


def test_sync_that_lasts_ends_by_itself(account: Account):
    account.options(sync_seconds=0.05)
    connection = account.stripe(account.group())["id"]
    account.http.post(f"/v1/connections/{connection}/sync", json={})
    deadline = time.monotonic() + 10
    while account.data("GET", f"/v1/connections/{connection}")["status"]["sync_state"] == "syncing":
        assert time.monotonic() < deadline
    assert account.data("GET", f"/v1/connections/{connection}")["succeeded_at"] is not None


def test_end_of_a_sync_that_was_replaced_ends_nothing():
    state = FivetranState()
    connection = Connection("a_b", "c_d", "stripe", "stripe", state.now(), syncing=True, syncs=2)
    finish(state, connection, 1)
    assert connection.sync_state == "syncing"
    finish(state, connection, 2)
    assert connection.sync_state == "scheduled"


def test_state_of_a_function_that_syncs_is_left_alone(account: Account):
    account.options(sync_seconds=3600)
    config = {"schema": "f", "function_trigger": "t"}
    body = {"group_id": account.group(), "service": "google_cloud_function", "config": config}
    connection = account.data("POST", "/v1/connections", body)["id"]
    account.http.post(f"/v1/connections/{connection}/sync", json={})
    answer = account.http.patch(f"/v1/connections/{connection}/state", json={"state": {"cursor": 1}})
    assert answer.status_code == 409


def test_state_is_kept_for_functions_and_changed_only_while_paused(account: Account):
    group = account.group()
    stripe = account.stripe(group)["id"]
    assert account.http.get(f"/v1/connections/{stripe}/state").status_code == 405
    body = {"group_id": group, "service": "connector_sdk", "config": {"schema": "sdk"}, "run_setup_tests": False}
    path = f"/v1/connections/{account.data('POST', '/v1/connections', body)['id']}"
    assert account.http.get(f"{path}/state").status_code == 400
    assert account.http.patch(f"{path}/state", json={"state": {"cursor": 1}}).status_code == 400
    account.http.patch(path, json={"paused": True, "run_setup_tests": False})
    assert account.http.patch(f"{path}/state", json={}).status_code == 400
    assert account.data("PATCH", f"{path}/state", {"state": {"cursor": 1}}) == {"state": {"cursor": 1}}
    assert account.data("GET", f"{path}/state") == {"state": {"cursor": 1}}
