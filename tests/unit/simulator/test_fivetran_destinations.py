"""Destinations of the local Fivetran."""

import pytest

from .fivetran_account import Account

BODY = {"service": "big_query", "time_zone_offset": "0", "config": {"project_id": "p", "data_set_location": "US"}}
SNOWFLAKE = {"host": "h", "database": "d", "user": "u", "password": "canary", "port": 8443}


def test_destination_has_its_groups_id(account: Account):
    group = account.group()
    destination = account.destination(group)
    assert destination["id"] == destination["group_id"] == group
    assert account.data("GET", f"/v1/destinations/{group}") == destination


@pytest.mark.parametrize("field", ["group_id", "service", "time_zone_offset"])
def test_destination_needs_group_service_and_time_zone(account: Account, field: str):
    body = {"group_id": account.group(), **BODY}
    del body[field]
    answer = account.http.post("/v1/destinations", json=body)
    assert answer.json() == {"code": "InvalidInput", "message": f"Field '{field}' is required"}


def test_unknown_group_is_a_destination_not_found(account: Account):
    answer = account.http.post("/v1/destinations", json={"group_id": "no_group", **BODY})
    assert answer.status_code == 404
    assert answer.json() == {"code": "NotFound", "message": "Destination with id no_group not found"}


def test_second_destination_in_a_group_is_409(account: Account):
    group = account.group()
    account.destination(group)
    assert account.http.post("/v1/destinations", json={"group_id": group, **BODY}).status_code == 409


@pytest.mark.parametrize(
    "change",
    [{"service": "papyrus"}, {"time_zone_offset": "3"}, {"region": "MARS_1"}, {"config": []}, {"surprise": 1}],
)
def test_invalid_values_are_400(account: Account, change: dict[str, object]):
    answer = account.http.post("/v1/destinations", json={"group_id": account.group(), **BODY, **change})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")


def test_region_has_a_default(account: Account):
    assert account.destination(account.group())["region"] == "GCP_US_EAST4"
    assert account.destination(account.group(), region="AWS_EU_WEST_1")["region"] == "AWS_EU_WEST_1"


def test_setup_status_is_lower_case_and_tests_run_by_default(account: Account):
    destination = account.destination(account.group())
    assert destination["setup_status"] == "connected"
    assert {test["status"] for test in destination["setup_tests"]} == {"PASSED"}
    untested = account.destination(account.group(), run_setup_tests=False)
    assert (untested["setup_status"], untested["setup_tests"]) == ("incomplete", [])


def test_failed_setup_tests_do_not_fail_the_request(account: Account):
    group = account.group()
    destination = account.destination(group, config={"data_set_location": "US"})
    assert destination["setup_status"] == "incomplete"
    assert destination["setup_tests"][0]["status"] == "FAILED"
    changed = account.data("PATCH", f"/v1/destinations/{group}", {"config": {"project_id": "p"}})
    assert changed["setup_status"] == "connected"


def test_numbers_come_back_as_texts_and_some_enums_in_upper_snake(account: Account):
    config = {**SNOWFLAKE, "connection_type": "PrivateLink"}
    shown = account.destination(account.group(), service="snowflake", config=config)["config"]
    assert (shown["port"], shown["connection_type"], shown["password"]) == ("8443", "PRIVATE_LINK", "******")
    assert shown["auth"] == "PASSWORD"


def test_list_has_neither_config_nor_setup_tests(account: Account):
    account.destination(account.group())
    (item,) = account.data("GET", "/v1/destinations")["items"]
    assert item.keys().isdisjoint({"config", "setup_tests"})
    account.options(config_in_lists=True)
    (item,) = account.data("GET", "/v1/destinations")["items"]
    assert item.keys() >= {"config", "setup_tests"}


def test_patch_merges_config_and_keeps_the_rest(account: Account):
    group = account.group()
    account.destination(group)
    changed = account.data("PATCH", f"/v1/destinations/{group}", {"time_zone_offset": "+3", "config": {"bucket": "b"}})
    assert changed["time_zone_offset"] == "+3"
    assert changed["config"] == {"project_id": "p", "data_set_location": "US", "bucket": "b"}


@pytest.mark.parametrize("body", [{}, {"run_setup_tests": False}, {"trust_certificates": True}])
def test_patch_without_anything_that_stays_is_400(account: Account, body: object):
    group = account.group()
    account.destination(group)
    assert account.http.patch(f"/v1/destinations/{group}", json=body).status_code == 400


@pytest.mark.parametrize("body", [{"service": "snowflake"}, {"config": {"data_set_location": "EU"}}])
def test_fixed_fields_are_rejected_or_ignored(account: Account, body: dict[str, object]):
    group = account.group()
    before = account.destination(group)
    answer = account.http.patch(f"/v1/destinations/{group}", json={"time_zone_offset": "+1", **body})
    assert answer.status_code == 400
    assert account.data("GET", f"/v1/destinations/{group}") == before
    account.options(immutable_change="ignore")
    after = account.data("PATCH", f"/v1/destinations/{group}", {"time_zone_offset": "+1", **body})
    assert after == {**before, "time_zone_offset": "+1"}


def test_new_destination_brings_fivetrans_own_connection(account: Account):
    group = account.group()
    account.destination(group)
    (own,) = account.data("GET", f"/v1/groups/{group}/connections")["items"]
    assert (own["service"], own["schema"], own["sync_frequency"]) == ("fivetran_log", "fivetran_metadata", 1440)
    assert (own["status"]["setup_state"], own["connected_by"]) == ("connected", None)
    account.options(metadata_connection=False)
    other = account.group()
    account.destination(other)
    assert account.data("GET", f"/v1/groups/{other}/connections")["items"] == []


def test_destination_is_not_deleted_while_connections_are_linked_to_it(account: Account):
    group = account.group()
    account.destination(group)
    answer = account.http.delete(f"/v1/destinations/{group}")
    assert (answer.status_code, answer.json()["code"]) == (409, "Conflict")
    (own,) = account.data("GET", f"/v1/groups/{group}/connections")["items"]
    account.http.delete(f"/v1/connections/{own['id']}")
    assert account.http.delete(f"/v1/destinations/{group}").status_code == 200
    assert account.http.delete(f"/v1/destinations/{group}").json()["code"] == "NotFound_Destination"


def test_test_endpoint_runs_the_tests_again(account: Account):
    group = account.group()
    account.destination(group, run_setup_tests=False)
    assert account.data("POST", f"/v1/destinations/{group}/test", {})["setup_status"] == "connected"
    assert account.http.post("/v1/destinations/no_group/test", json={}).status_code == 404
