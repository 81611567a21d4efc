"""Creating connections in the local Fivetran."""

import re

import pytest

from .fivetran_account import SECRET, SYSTEM, Account


def test_connection_looks_as_the_api_shows_a_new_one(account: Account):
    group = account.group()
    connection = account.stripe(group, run_setup_tests=False)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", connection["id"])
    assert connection == {
        "id": connection["id"],
        "group_id": group,
        "service": "stripe",
        "service_version": 1,
        "schema": "stripe",
        "paused": False,
        "pause_after_trial": False,
        "connected_by": "user_some-key",
        "created_at": "2026-01-31T12:00:00.000000Z",
        "succeeded_at": None,
        "failed_at": None,
        "sync_frequency": 360,
        "schedule_type": "auto",
        "data_delay_sensitivity": "NORMAL",
        "data_delay_threshold": 0,
        "networking_method": "Directly",
        "private_link_id": None,
        "proxy_agent_id": None,
        "hybrid_deployment_agent_id": None,
        "external_secrets_manager_id": None,
        "destination_schema_names": "FIVETRAN_NAMING",
        "source_sync_details": {},
        "config": {"api_key": "******", "historical_sync_time_frame": "ALL_TIME"},
        "setup_tests": [],
        "status": {
            "setup_state": "incomplete",
            "sync_state": "scheduled",
            "update_state": "on_schedule",
            "is_historical_sync": True,
            "tasks": [],
            "warnings": [],
        },
    }


def test_optional_fields_without_a_value_can_be_absent_instead_of_null(account: Account):
    account.options(empty_fields="absent", empty_config="null")
    connection = account.stripe(account.group())
    assert "private_link_id" not in connection
    assert connection["config"]["access_token"] is None


def test_setup_tests_run_unless_the_request_leaves_them_out(account: Account):
    group = account.group()
    assert account.stripe(group, "one")["status"]["setup_state"] == "connected"
    assert account.stripe(group, "two", run_setup_tests=False)["status"]["setup_state"] == "incomplete"


@pytest.mark.parametrize("field", ["group_id", "service"])
def test_group_and_service_are_required(account: Account, field: str):
    body = {"group_id": account.group(), "service": "stripe", "config": {"schema": "s"}}
    del body[field]
    answer = account.http.post("/v1/connections", json=body)
    assert answer.json() == {"code": "InvalidInput", "message": f"Field '{field}' is required"}


@pytest.mark.parametrize(
    ("service", "config", "missing"),
    [
        ("stripe", {}, "schema"),
        ("stripe", {"schema": ""}, "schema"),
        ("google_sheets", {"schema": "s"}, "table"),
        ("postgres", {"schema": "s"}, "schema_prefix"),
        ("s3", {"schema": "s"}, "table_group_name"),
    ],
)
def test_destination_schema_is_required(account: Account, service: str, config: object, missing: str):
    body = {"group_id": account.group(), "service": service, "config": config}
    answer = account.http.post("/v1/connections", json=body)
    assert answer.json() == {"code": "InvalidInput", "message": f"Field '{missing}' is required"}


@pytest.mark.parametrize(
    ("service", "naming", "name"),
    [
        ("stripe", {"schema": "s"}, "s"),
        ("google_sheets", {"schema": "s", "table": "t"}, "s.t"),
        ("postgres", {"schema_prefix": "p"}, "p"),
        ("s3", {"schema": "s", "table_group_name": "g"}, "s.g"),
        ("s3", {"schema": "s", "table": "t"}, "s.t"),
    ],
)
def test_name_is_made_of_the_destination_schema(account: Account, service: str, naming: dict[str, str], name: str):
    body = {"group_id": account.group(), "service": service, "config": naming, "run_setup_tests": False}
    connection = account.data("POST", "/v1/connections", body)
    assert connection["schema"] == name
    assert connection["config"].keys().isdisjoint(naming)
    account.options(schema_in_config=True)
    shown = account.data("GET", f"/v1/connections/{connection['id']}")
    assert shown["config"].items() >= naming.items()


def test_unknown_service_is_unsupported(account: Account):
    body = {"group_id": account.group(), "service": "papyrus", "config": {"schema": "s"}}
    answer = account.http.post("/v1/connections", json=body)
    assert answer.json() == {"code": "InvalidInput", "message": "Unsupported service 'papyrus'"}


def test_unknown_group_is_404(account: Account):
    body = {"group_id": "no_group", "service": "stripe", "config": {"schema": "s"}}
    answer = account.http.post("/v1/connections", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound_Group")


@pytest.mark.parametrize(("option", "status"), [("conflict", 409), ("invalid", 400), ("allowed", 201)])
def test_name_that_is_taken_in_the_group(account: Account, option: str, status: int):
    account.options(duplicate_schema=option)
    group = account.group()
    account.stripe(group)
    body = {"group_id": group, "service": "github", "config": {"schema": "stripe"}}
    assert account.http.post("/v1/connections", json=body).status_code == status
    assert len(account.data("GET", "/v1/connections")["items"]) == (2 if option == "allowed" else 1)


def test_name_is_free_in_another_group_and_after_a_delete(account: Account):
    one, two = account.group(), account.group()
    first = account.stripe(one)["id"]
    account.stripe(two)
    account.http.delete(f"/v1/connections/{first}")
    assert account.stripe(one)["id"] != first


@pytest.mark.parametrize(
    "config",
    [
        {"api_kee": "x"},
        {"api_key": 5},
        {"historical_sync_time_frame": "all_time"},
        {"support_connected_accounts_sync": "yes"},
        {"schema": 5},
        {"schema_prefix": "p"},
    ],
)
def test_config_that_does_not_fit_the_service_is_rejected_without_saying_where(account: Account, config: object):
    body = {"group_id": account.group(), "service": "stripe", "config": {"schema": "s", **config}}  # type: ignore[dict-item]
    answer = account.http.post("/v1/connections", json=body)
    assert answer.json() == {"code": "InvalidInput", "message": "Invalid 'config' object"}


@pytest.mark.parametrize(("option", "kept"), [("ignore", False), ("store", True)])
def test_unknown_config_keys_can_be_passed_over_or_kept(account: Account, option: str, kept: bool):
    account.options(unknown_config_key=option)
    connection = account.stripe(account.group(), config={"novelty": 1})
    assert ("novelty" in connection["config"]) is kept


@pytest.mark.parametrize(
    "field",
    [
        {"sync_frequency": 7},
        {"sync_frequency": "61"},
        {"sync_frequency": "60.0"},
        {"sync_frequency": True},
        {"schedule_type": "sometimes"},
        {"daily_sync_time": "14:30", "sync_frequency": 1440},
        {"daily_sync_time": "24:00", "sync_frequency": 1440},
        {"daily_sync_time": "14:00", "sync_frequency": 360},
        {"daily_sync_time": "14:00"},
        {"data_delay_sensitivity": "EXTREME"},
        {"data_delay_threshold": -1},
        {"networking_method": "Pigeon"},
        {"destination_schema_names": "MY_NAMING"},
        {"paused": "no"},
        {"trust_certificates": 1},
        {"config": "schema"},
        {"surprise": 1},
    ],
)
def test_field_outside_its_range_is_400_and_creates_nothing(account: Account, field: dict[str, object]):
    body = {"group_id": account.group(), "service": "stripe", "config": {"schema": "s"}, **field}
    answer = account.http.post("/v1/connections", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")
    assert account.data("GET", "/v1/connections")["items"] == []


@pytest.mark.parametrize(
    ("field", "sent", "stored"),
    [
        ("sync_frequency", "360", 360),
        ("data_delay_threshold", "15", 15),
        ("paused", "true", True),
        ("paused", "False", False),
        ("pause_after_trial", "true", True),
    ],
)
def test_number_or_boolean_may_be_text_and_is_answered_with_its_type(
    account: Account, field: str, sent: str, stored: object
):
    connection = account.stripe(account.group(), **{field: sent, "run_setup_tests": "false"})
    assert connection[field] == stored
    assert type(connection[field]) is type(stored)
    assert connection["setup_tests"] == []
    path = f"/v1/connections/{connection['id']}"
    assert account.data("PATCH", path, {field: sent, "run_setup_tests": "false"})[field] == stored


def test_daily_sync_time_is_shown_when_it_is_set(account: Account):
    group = account.group()
    daily = account.stripe(group, "one", sync_frequency=1440, daily_sync_time="14:00")
    assert daily["daily_sync_time"] == "14:00"
    assert "daily_sync_time" not in account.stripe(group, "two", sync_frequency=1440)


def test_destination_configuration_is_kept(account: Account):
    wanted = {"virtual_warehouse": "w"}
    connection = account.stripe(account.group(), destination_configuration=wanted)
    assert account.data("GET", f"/v1/connections/{connection['id']}")["destination_configuration"] == wanted


def test_paused_connection_has_paused_in_two_fields(account: Account):
    connection = account.stripe(account.group(), paused=True)
    assert (connection["paused"], connection["status"]["sync_state"]) == (True, "paused")


def test_system_key_connects_without_a_user(account: Account):
    body = {"group_id": account.group(), "service": "stripe", "config": {"schema": "s"}}
    answer = account.http.post("/v1/connections", json=body, auth=(SYSTEM, SECRET))
    assert answer.json()["data"]["connected_by"] is None


def test_destination_schema_names_can_be_made_required(account: Account):
    account.options(destination_schema_names="required")
    body = {"group_id": account.group(), "service": "stripe", "config": {"schema": "s"}}
    answer = account.http.post("/v1/connections", json=body)
    assert answer.json()["message"] == "Field 'destination_schema_names' is required"
    body["destination_schema_names"] = "SOURCE_NAMING"
    assert account.data("POST", "/v1/connections", body)["destination_schema_names"] == "SOURCE_NAMING"
