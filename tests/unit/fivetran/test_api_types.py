from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran.api import (
    Alert,
    Approval,
    Connection,
    Destination,
    FivetranClient,
    FivetranError,
    Group,
    SetupTest,
)
from reconciler.fivetran.api.types import ConnectorType

from .support import Server, ok
from .test_api_json_reader import ANYTHING

FULL = {
    "id": "speak_inexpensive",
    "group_id": "projected_sickle",
    "service": "stripe",
    "service_version": 1,
    "schema": "stripe",
    "paused": False,
    "schedule_type": "auto",
    "sync_frequency": 360,
    "daily_sync_time": None,
    "succeeded_at": "2026-01-01T00:00:00.123456Z",
    "failed_at": None,
    "created_at": "2025-12-31T00:00:00.000000Z",
    "connected_by": "concave_speculate",
    "status": {
        "setup_state": "connected",
        "sync_state": "scheduled",
        "update_state": "on_schedule",
        "is_historical_sync": False,
        "tasks": [{"code": "reconnect", "message": "Reconnect", "details": "x"}],
        "warnings": [{"code": "resync_table_warning", "message": "Resync", "details": None}],
    },
    "setup_tests": [{"title": "Login", "status": "FAILED", "message": "no", "details": ["any"]}],
    "config": {"api_key": "******", "canary": "canary-config-value"},
}


def test_connection_is_read_in_full() -> None:
    connection = Connection.parse(FULL)
    assert connection == Connection(
        id="speak_inexpensive",
        group_id="projected_sickle",
        service="stripe",
        schema="stripe",
        paused=False,
        schedule_type="auto",
        sync_frequency=360,
        daily_sync_time=None,
        setup_state="connected",
        sync_state="scheduled",
        update_state="on_schedule",
        is_historical_sync=False,
        succeeded_at="2026-01-01T00:00:00.123456Z",
        failed_at=None,
        created_at="2025-12-31T00:00:00.000000Z",
        connected_by="concave_speculate",
        tasks=(Alert("reconnect", "Reconnect"),),
        warnings=(Alert("resync_table_warning", "Resync"),),
        setup_tests=(SetupTest("Login", "FAILED", "no"),),
        config={"api_key": "******", "canary": "canary-config-value"},
    )


def test_details_of_a_setup_test_are_objects_whatever_form_they_come_in() -> None:
    assert SetupTest.parse({"details": [{"hash": "a"}, 1]}).details == ({"hash": "a"},)
    assert SetupTest.parse({"details": {"hash": "a"}}).details == ({"hash": "a"},)
    assert SetupTest.parse({"details": "401"}).details == ({"message": "401"},)
    assert SetupTest.parse({"details": None}).details == ()


def test_id_of_an_approval_is_its_hash_in_base64url() -> None:
    assert Approval.parse({"hash": "connector certificate hash"}).id == "Y29ubmVjdG9yIGNlcnRpZmljYXRlIGhhc2g"
    assert Approval.parse({"id": "x", "hash": "h"}).id == "x"


def test_config_never_shows_in_a_repr() -> None:
    kinds = (Connection, Destination, ConnectorType)
    data = {**FULL, "auth": FULL["config"]}
    assert not any("canary" in repr(kind.parse(data)) for kind in kinds)


def test_only_the_id_of_a_connection_is_needed() -> None:
    connection = Connection.parse({"id": "a_b"})
    assert (connection.paused, connection.sync_frequency, connection.setup_state) == (None, None, None)
    assert (connection.config, connection.setup_tests, connection.schema) == ({}, (), "")


def test_states_are_lower_case_and_test_results_upper_case() -> None:
    status = {"setup_state": "CONNECTED", "sync_state": "Paused", "update_state": "brand_new"}
    tests = [{"title": "a", "status": "passed"}, {"status": "job_failed"}]
    connection = Connection.parse({"id": "a_b", "status": status, "setup_tests": tests})
    assert (connection.setup_state, connection.sync_state, connection.update_state) == (
        "connected",
        "paused",
        "brand_new",
    )
    assert [test.status for test in connection.setup_tests] == ["PASSED", "JOB_FAILED"]
    assert Destination.parse({"id": "g", "setup_status": "INCOMPLETE"}).setup_status == "incomplete"


@pytest.mark.parametrize(
    ("status", "failed"),
    [("PASSED", False), ("SKIPPED", False), ("WARNING", False), ("FAILED", True), ("JOB_FAILED", True), ("NEW", True)],
)
def test_setup_test_has_failed_unless_its_result_is_known_to_be_good(status: str, failed: bool) -> None:
    assert SetupTest("t", status, "").failed is failed


def test_numbers_that_come_as_strings_are_numbers() -> None:
    connection = Connection.parse({"id": 12, "sync_frequency": "1440", "paused": "true"})
    assert (connection.id, connection.sync_frequency, connection.paused) == ("12", 1440, True)


def test_group_s_id_stands_for_a_destination_s() -> None:
    assert Destination.parse({"group_id": "g"}).id == "g"
    assert Destination.parse({"id": "g"}).group_id == "g"


def test_group_and_a_service_are_read() -> None:
    group = Group.parse({"id": "g", "name": "Fivetran_Dev", "created_at": "2025-01-01T00:00:00Z"})
    assert group == Group("g", "Fivetran_Dev", "2025-01-01T00:00:00Z")
    features = [{"id": "API_CONFIGURABLE", "notes": "x"}, {"notes": "y"}, 7]
    service = ConnectorType.parse(
        {"id": "stripe", "name": "Stripe", "supported_features": features, "service_status": "BETA"}
    )
    assert (service.supported_features, service.service_status) == (("API_CONFIGURABLE",), "beta")


STATUS = ["setup_state", "sync_state", "update_state", "is_historical_sync", "tasks", "warnings"]
SELECTION = ["schemas", "tables", "columns", "enabled", "enabled_patch_settings", "schema_change_handling"]
ELSEWHERE = ["title", "name", "items", "next_cursor", "supported_features", "code"]
FIELDS = sorted({*FULL, *STATUS, *SELECTION, *ELSEWHERE})
DATA = st.recursive(
    ANYTHING,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8),
    max_leaves=12,
)
READS: list[Callable[[FivetranClient], Any]] = [
    lambda client: client.account_info(),
    lambda client: client.get_group("g"),
    lambda client: client.group_service_account("g"),
    lambda client: client.get_destination("g"),
    lambda client: client.get_connection("a_b"),
    lambda client: client.get_connector_type("stripe"),
    lambda client: list(client.list_groups()),
    lambda client: list(client.list_connections("g", "stripe")),
    lambda client: list(client.list_connector_types()),
    lambda client: client.delete_connection("a_b"),
    lambda client: client.sync_connection("a_b"),
    lambda client: client.get_schema_config("a_b"),
    lambda client: client.reload_schema_config("a_b"),
    lambda client: client.get_source_columns("a_b", "public", "users"),
]


@given(read=st.sampled_from(READS), data=DATA)
def test_any_data_is_a_result_or_an_error_of_ours(read: Callable[[FivetranClient], Any], data: object) -> None:
    with Server(ok(data)).client() as client:
        try:
            read(client)
        except FivetranError as error:
            str(error).encode()


def test_text_that_is_not_a_time_is_read_as_none() -> None:
    group = {"id": "g", "name": "Fivetran_Dev"}
    assert Group.parse({**group, "created_at": "no sk_live_0aZ9"}).created_at is None
    assert Group.parse({**group, "created_at": "2025-01-01T00:00:00.123+00:00"}).created_at is not None
