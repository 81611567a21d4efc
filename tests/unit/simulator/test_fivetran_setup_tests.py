"""What setup tests find in the local Fivetran, and what they do."""

import threading
from typing import Any

import httpx
import pytest

from .fivetran_account import Account


def _create(account: Account, service: str, config: dict[str, Any], **fields: Any) -> Any:
    body = {"group_id": account.group(), "service": service, "config": {"schema": "s", **config}}
    return account.data("POST", "/v1/connections", body | fields)


def _test(account: Account, connection_id: str, body: Any = None) -> Any:
    return account.data("POST", f"/v1/connections/{connection_id}/test", {} if body is None else body)


def _failed(connection: Any) -> list[str]:
    return [test["title"] for test in connection["setup_tests"] if test["status"] == "FAILED"]


def test_missing_credential_fails_and_leaves_the_connection_incomplete(account: Account):
    connection = _create(account, "bamboohr", {"subdomain": "x"})
    assert connection["status"]["setup_state"] == "incomplete"
    assert connection["setup_tests"] == [
        {"title": "Validate Configuration", "status": "FAILED", "message": "No value for api_key"}
    ]


@pytest.mark.parametrize("config", [{"api_key": "canary"}, {"access_token": "canary"}])
def test_service_connects_with_any_one_of_several_credentials(account: Account, config: dict[str, Any]):
    assert _create(account, "stripe", config)["status"]["setup_state"] == "connected"
    assert _create(account, "stripe", {"api_key": ""})["status"]["setup_state"] == "incomplete"


def test_needed_values_depend_on_the_config(account: Account):
    sftp = {"table_group_name": "g", "host": "h", "user": "u"}
    assert _failed(_create(account, "sftp", sftp))
    assert not _failed(_create(account, "sftp", {**sftp, "is_keypair": True}))
    sheet = {"table": "t", "sheet_id": "i", "named_range": "r"}
    assert _failed(_create(account, "google_sheets", sheet)) == ["Authorization"]
    assert not _failed(_create(account, "google_sheets", {**sheet, "auth_type": "ServiceAccount"}))


def test_service_that_a_person_must_authorise_stays_incomplete_until_then(account: Account):
    connection = _create(account, "google_ads", {})
    assert (connection["status"]["setup_state"], _failed(connection)) == ("incomplete", ["Authorization"])
    account.admin("PATCH", f"/connections/{connection['id']}", {"consented": True})
    assert _test(account, connection["id"])["status"]["setup_state"] == "connected"


def test_setup_tests_need_an_authorisation(account: Account):
    account.options(consent_test="none")
    connection = _create(account, "google_ads", {})
    assert (connection["status"]["setup_state"], connection["setup_tests"]) == ("incomplete", [])


def test_auth_stands_in_for_a_persons_authorisation(account: Account):
    connection = _create(account, "google_ads", {}, auth={"refresh_token": "canary"})
    assert connection["status"]["setup_state"] == "connected"


def test_connected_connection_that_breaks_is_reported_with_what_to_do(account: Account):
    connection = _create(account, "stripe", {"api_key": "canary"})["id"]
    broken = account.data("PATCH", f"/v1/connections/{connection}", {"config": {"api_key": None}})
    assert broken["status"]["setup_state"] == "broken"
    assert broken["status"]["tasks"] == [{"code": "reconnect", "message": "Reconnect"}]
    mended = account.data("PATCH", f"/v1/connections/{connection}", {"config": {"api_key": "canary"}})
    assert (mended["status"]["setup_state"], mended["status"]["tasks"]) == ("connected", [])


def test_changed_secret_takes_effect_only_when_tests_pass(account: Account):
    connection = _create(account, "stripe", {"api_key": "canary-1"})["id"]
    account.admin("POST", "/setup-tests", {"target": "s", "runs": None, "accepts": {"api_key": "canary-3"}})
    path = f"/v1/connections/{connection}"

    account.data("PATCH", path, {"config": {"api_key": "canary-2"}, "run_setup_tests": False})
    assert account.snapshot(connection)["config"]["api_key"] == "canary-2"
    assert account.snapshot(connection)["effective"]["config"]["api_key"] == "canary-1"

    assert _failed(_test(account, connection)) == ["Validate Login"]
    assert account.snapshot(connection)["effective"]["config"]["api_key"] == "canary-1"

    account.data("PATCH", path, {"config": {"api_key": "canary-3"}})
    assert account.snapshot(connection)["effective"]["config"]["api_key"] == "canary-3"


def test_config_takes_effect_with_the_first_test(account: Account):
    connection = _create(account, "stripe", {"api_key": "canary"}, run_setup_tests=False)["id"]
    assert account.snapshot(connection)["effective"] is None


@pytest.mark.parametrize(
    ("status", "state"),
    [("FAILED", "incomplete"), ("JOB_FAILED", "incomplete"), ("WARNING", "connected"), ("SKIPPED", "connected")],
)
def test_scripted_results_are_given_as_they_are_and_count_down(account: Account, status: str, state: str):
    result = {"title": "Host", "status": status, "message": "m", "details": ["any", {"type": "at all"}]}
    account.admin("POST", "/setup-tests", {"target": "s", "runs": 2, "results": [result]})
    connection = _create(account, "stripe", {"api_key": "canary"})
    for tested in (connection, _test(account, connection["id"])):
        assert tested["setup_tests"] == [result]
        assert tested["status"]["setup_state"] == state
    assert _test(account, connection["id"])["setup_tests"] != [result]
    assert account.admin("GET", "/setup-tests") == []


def test_script_can_be_meant_for_an_id_and_for_a_destination(account: Account):
    group = account.group()
    account.destination(group)
    result = {"title": "Permissions", "status": "FAILED", "message": "no"}
    account.admin("POST", "/setup-tests", {"target": group, "results": [result]})
    assert account.data("POST", f"/v1/destinations/{group}/test", {})["setup_status"] == "broken"
    assert account.data("POST", f"/v1/destinations/{group}/test", {})["setup_status"] == "connected"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("auth.client_access.client_id", "canary"),
        ("accounts.1", "canary"),
        ("reports.0.table", "canary"),
        ("reports.1.table", None),
        ("customer_id.deeper", None),
    ],
)
def test_vendor_can_take_one_nested_value_only(account: Account, path: str, value: str | None):
    config = {"accounts": ["a", "canary"], "reports": [{"table": "canary"}], "customer_id": "x"}
    auth = {"refresh_token": "r", "client_access": {"client_id": "canary"}}
    account.admin("POST", "/setup-tests", {"target": "s", "accepts": {path: value}})
    assert not _failed(_create(account, "google_ads", config, auth=auth))
    account.admin("POST", "/setup-tests", {"target": "s", "accepts": {path: "other"}})
    assert account.admin("GET", "/setup-tests")[0]["accepts"] == [path]
    assert _failed(_create(account, "google_ads", config, auth=auth)) == ["Validate Login"]


def test_test_endpoint_needs_a_body_that_may_be_empty(account: Account):
    path = f"/v1/connections/{_create(account, 'stripe', {'api_key': 'canary'})['id']}/test"
    assert account.http.post(path, headers={"Content-Type": "application/json"}).status_code == 400
    assert account.http.post(path, json={}).status_code == 200
    assert account.http.post(path, json={"surprise": True}).status_code == 400


def test_trust_flags_reach_the_tests(account: Account):
    connection = _create(account, "stripe", {"api_key": "canary"}, trust_certificates=True)["id"]
    assert account.snapshot(connection)["last_test_flags"] == {"trust_certificates": True}
    _test(account, connection, {"trust_fingerprints": True})
    assert account.snapshot(connection)["last_test_flags"] == {"trust_fingerprints": True}


def test_connection_exists_while_its_first_tests_last(account: Account):
    account.admin("POST", "/setup-tests", {"target": "s", "seconds": 0.4})
    body = {"group_id": account.group(), "service": "stripe", "config": {"schema": "s", "api_key": "canary"}}
    answers: list[httpx.Response] = []
    creating = threading.Thread(target=lambda: answers.append(account.http.post("/v1/connections", json=body)))
    creating.start()
    while not (items := account.data("GET", "/v1/connections")["items"]):
        assert creating.is_alive()
    assert items[0]["status"]["setup_state"] == "incomplete"
    assert not answers
    creating.join()
    assert answers[0].json()["data"]["status"]["setup_state"] == "connected"


def test_setup_tests_of_a_connection_deleted_meanwhile_end_in_404(account: Account):
    connection = _create(account, "stripe", {"api_key": "canary"})["id"]
    account.admin("POST", "/setup-tests", {"target": connection, "seconds": 0.4})
    answers: list[httpx.Response] = []
    path = f"/v1/connections/{connection}/test"
    testing = threading.Thread(target=lambda: answers.append(account.http.post(path, json={})))
    testing.start()
    while account.admin("GET", "/setup-tests"):  # taken by the run that has begun
        assert testing.is_alive()
    account.http.delete(f"/v1/connections/{connection}")
    testing.join()
    assert answers[0].status_code == 404
