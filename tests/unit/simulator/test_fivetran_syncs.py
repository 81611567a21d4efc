"""When syncs of the local Fivetran start, and what they write."""

from typing import Any

import pytest

from .fivetran_account import Account


def _post(account: Account, service: str, config: dict[str, Any], **fields: Any) -> Any:
    body = {"group_id": account.group(), "service": service, "config": config}
    return account.data("POST", "/v1/connections", body | fields)


def _postgres(account: Account, prefix: str = "shop", **fields: Any) -> str:
    config = {"schema_prefix": prefix, "host": "h", "database": "d", "user": "u", "password": "canary"}
    connection_id: str = _post(account, "postgres", config, **fields)["id"]
    return connection_id


def _patch(account: Account, connection_id: str, **fields: Any) -> Any:
    return account.data("PATCH", f"/v1/connections/{connection_id}", {"run_setup_tests": False} | fields)


def _events(account: Account, connection_id: str) -> list[str]:
    return [event["event"] for event in account.snapshot(connection_id)["history"]]


def test_connection_starts_its_historical_sync_when_connected_and_not_paused(account: Account):
    status = account.stripe(account.group())["status"]
    assert (status["setup_state"], status["is_historical_sync"]) == ("connected", False)
    (connection,) = account.data("GET", "/v1/connections")["items"]
    assert connection["succeeded_at"] is not None


@pytest.mark.parametrize("fields", [{"paused": True}, {"run_setup_tests": False}, {"schedule_type": "manual"}])
def test_paused_broken_or_manual_connection_does_not_sync(account: Account, fields: dict[str, Any]):
    connection = account.stripe(account.group(), **fields)["id"]
    snapshot = account.snapshot(connection)
    assert (snapshot["syncs"], snapshot["first_sync"], snapshot["written_datasets"]) == (0, None, [])
    assert account.http.get(f"/v1/connections/{connection}/schemas").json() == {
        "code": "NotFound_SchemaConfig",
        "message": f"Connection with id '{connection}' doesn't have schema config",
    }


def test_historical_sync_starts_when_nothing_blocks_it_any_more(account: Account):
    paused = account.stripe(account.group(), paused=True)["id"]
    _patch(account, paused, paused=False)
    assert _events(account, paused) == [
        "created",
        "tested",
        "unpaused",
        "schema captured",
        "sync started",
        "sync succeeded",
    ]
    manual = account.stripe(account.group(), schedule_type="manual")["id"]
    _patch(account, manual, schedule_type="auto")
    assert account.snapshot(manual)["syncs"] == 1
    untested = account.stripe(account.group(), run_setup_tests=False)["id"]
    account.data("POST", f"/v1/connections/{untested}/test", {})
    assert account.snapshot(untested)["syncs"] == 1


def test_manual_connection_syncs_only_when_asked(account: Account):
    connection = account.stripe(account.group(), paused=True, schedule_type="manual")["id"]
    _patch(account, connection, paused=False)
    assert account.snapshot(connection)["syncs"] == 0
    account.http.post(f"/v1/connections/{connection}/sync", json={"force": False})
    snapshot = account.snapshot(connection)
    assert (snapshot["syncs"], snapshot["is_historical_sync"]) == (1, False)
    assert account.data("GET", f"/v1/connections/{connection}")["schedule_type"] == "manual"


def test_unpausing_starts_no_sync_after_the_historical_one(account: Account):
    connection = account.stripe(account.group())["id"]
    _patch(account, connection, paused=True)
    _patch(account, connection, paused=False)
    assert account.snapshot(connection)["syncs"] == 1


def test_first_sync_remembers_what_was_configured_and_what_it_wrote(account: Account):
    connection = account.stripe(account.group(), paused=True)["id"]
    path = f"/v1/connections/{connection}/schemas"
    account.data("POST", f"{path}/reload", {})
    columns = {"email": {"enabled": True, "hashed": True}, "phone": {"enabled": False}}
    account.data("PATCH", f"{path}/stripe/tables/customer", {"enabled": True, "columns": columns})
    account.data("PATCH", f"{path}/stripe/tables/charge", {"enabled": False})
    _patch(account, connection, paused=False)
    account.data("PATCH", f"{path}/stripe/tables/customer/columns/email", {"enabled": True, "hashed": False})
    account.http.post(f"/v1/connections/{connection}/sync", json={})
    first = account.snapshot(connection)["first_sync"]
    assert first["written"]["stripe"]["customer"]["email"] == "hashed"
    assert "phone" not in first["written"]["stripe"]["customer"]
    assert "charge" not in first["written"]["stripe"]
    assert first["schema_config"]["schemas"]["stripe"]["tables"]["customer"]["columns"]["email"]["hashed"] is True
    events = _events(account, connection)
    assert events.index("schema changed") < events.index("unpaused") < events.index("sync started")


def test_events_are_numbered_through_the_account(account: Account):
    group = account.group()
    numbers = [
        event["number"]
        for name in ("one", "two")
        for event in account.snapshot(account.stripe(group, name)["id"])["history"]
    ]
    assert numbers == list(range(1, len(numbers) + 1))


def test_database_writes_a_dataset_for_each_schema_that_syncs(account: Account):
    connection = _postgres(account)
    assert account.snapshot(connection)["written_datasets"] == ["shop_public", "shop_audit"]


def test_schema_that_was_excluded_before_the_first_sync_is_never_written(account: Account):
    connection = _postgres(account, paused=True)
    account.data("POST", f"/v1/connections/{connection}/schemas/reload", {})
    account.data("PATCH", f"/v1/connections/{connection}/schemas/audit", {"enabled": False})
    _patch(account, connection, paused=False)
    assert account.snapshot(connection)["written_datasets"] == ["shop_public"]
    account.data("PATCH", f"/v1/connections/{connection}/schemas/audit", {"enabled": True})
    account.http.post(f"/v1/connections/{connection}/sync", json={})
    assert account.snapshot(connection)["written_datasets"] == ["shop_public", "shop_audit"]


@pytest.mark.parametrize(
    ("service", "config", "datasets"),
    [
        ("stripe", {"schema": "money", "api_key": "canary"}, ["money"]),
        ("salesforce", {"schema": "sales"}, ["sales"]),
        ("google_sheets", {"schema": "s", "table": "t", "sheet_id": "i", "named_range": "r"}, ["s"]),
        ("gcs", {"schema": "files", "table_group_name": "g", "bucket": "b"}, ["files"]),
    ],
)
def test_any_other_service_writes_its_one_dataset(
    account: Account, service: str, config: dict[str, Any], datasets: list[str]
):
    connection = _post(account, service, config)["id"]
    account.admin("POST", f"/connections/{connection}/authorise")
    assert account.snapshot(connection)["written_datasets"] == datasets


def test_requested_historical_sync_replaces_a_running_sync(account: Account):
    account.options(sync_seconds=3600)
    connection = account.stripe(account.group(), schedule_type="manual")["id"]
    account.http.post(f"/v1/connections/{connection}/sync", json={})
    account.admin("POST", f"/connections/{connection}/finish-sync")
    status = _patch(account, connection, is_historical_sync=True)["status"]
    assert (status["sync_state"], status["is_historical_sync"]) == ("syncing", True)
    _patch(account, connection, is_historical_sync=True)
    assert account.snapshot(connection)["syncs"] == 3


def test_resync_syncs_the_history_again_and_waits_for_a_pause_to_end(account: Account):
    connection = account.stripe(account.group())["id"]
    path = f"/v1/connections/{connection}"
    answer = account.http.post(f"{path}/resync", json={})
    assert answer.json()["message"] == f"Sync has been successfully triggered for connection with id '{connection}'"
    _patch(account, connection, paused=True)
    account.http.post(f"{path}/resync", json={"scope": None})
    assert account.snapshot(connection)["syncs"] == 2
    assert account.data("GET", path)["status"]["is_historical_sync"] is True
    _patch(account, connection, paused=False)
    assert account.snapshot(connection)["syncs"] == 3


def test_tables_are_synced_again_by_name(account: Account):
    connection = _postgres(account, paused=True)
    path = f"/v1/connections/{connection}"
    assert account.http.post(f"{path}/schemas/tables/resync", json={"public": ["users"]}).status_code == 404
    account.data("POST", f"{path}/schemas/reload", {})
    _patch(account, connection, paused=False)
    for route, scope in (("schemas/tables/resync", {"public": ["users"]}), ("resync", {"scope": {"audit": ["log"]}})):
        assert account.http.post(f"{path}/{route}", json=scope).status_code == 200
    assert account.snapshot(connection)["syncs"] == 3
    wrong: list[tuple[Any, int]] = [
        ({}, 400),
        ({"public": []}, 400),
        ({"public": ["Users"]}, 404),
        ({"other": ["users"]}, 404),
    ]
    for body, status in wrong:
        assert account.http.post(f"{path}/schemas/tables/resync", json=body).status_code == status
    assert account.http.post(f"{path}/resync", json={"scope": {}}).status_code == 400


def test_tables_of_an_application_are_not_synced_again_by_scope(account: Account):
    connection = account.stripe(account.group())["id"]
    body = {"scope": {"stripe": ["customer"]}}
    assert account.http.post(f"/v1/connections/{connection}/resync", json=body).status_code == 400


def test_resync_is_409_while_a_sync_runs(account: Account):
    account.options(sync_seconds=3600)
    connection = account.stripe(account.group())["id"]
    assert account.http.post(f"/v1/connections/{connection}/resync", json={}).status_code == 409


def test_schema_blocked_on_capture_is_not_written_before_a_person_selects_it(account: Account):
    connection = account.stripe(account.group(), paused=True)["id"]
    _patch(account, connection, schema_status="blocked_on_capture")
    status = _patch(account, connection, paused=False)["status"]
    assert status["schema_status"] == "blocked_on_customer"
    assert account.snapshot(connection)["first_sync"] is None
    path = f"/v1/connections/{connection}/schemas"
    account.data("PATCH", path, {"schemas": {"stripe": {"enabled": True, "tables": {"charge": {"enabled": False}}}}})
    assert account.http.post(f"/v1/connections/{connection}/sync", json={}).status_code == 409
    _patch(account, connection, schema_status="ready")
    assert "charge" not in account.snapshot(connection)["first_sync"]["written"]["stripe"]


def test_consent_given_by_hand_runs_the_tests_and_the_first_sync_starts(account: Account):
    connection = _post(account, "google_ads", {"schema": "ads"})
    assert connection["status"]["setup_state"] == "incomplete"
    answer = account.admin("POST", "/connections/ads/authorise")
    assert answer["setup_state"] == "connected"
    status = account.data("GET", f"/v1/connections/{connection['id']}")["status"]
    assert (status["setup_state"], status["is_historical_sync"]) == ("connected", False)


def test_connection_made_by_hand_syncs_unless_it_has_a_last_success(account: Account):
    values = {"group_id": account.group(), "service": "stripe"}
    old = {**values, "config": {"schema": "old"}, "succeeded_at": "2025-01-02T03:04:05Z"}
    connection = account.admin("POST", "/connections", old)["id"]
    assert account.snapshot(connection)["syncs"] == 0
    assert account.data("GET", f"/v1/connections/{connection}")["status"]["is_historical_sync"] is False
    connection = account.admin("POST", "/connections", {**values, "config": {"schema": "new"}})["id"]
    assert account.snapshot(connection)["syncs"] == 1


def test_unpausing_by_hand_starts_the_historical_sync_too(account: Account):
    connection = account.stripe(account.group(), paused=True)["id"]
    account.admin("PATCH", f"/connections/{connection}", {"paused": False})
    assert account.snapshot(connection)["syncs"] == 1
    assert "unpaused" in _events(account, connection)


@pytest.mark.parametrize("field", ["history", "first_sync", "written_datasets", "schema_config"])
def test_admin_api_cannot_set_past_syncs(account: Account, field: str):
    connection = account.stripe(account.group())["id"]
    answer = account.http.patch(f"/_admin/connections/{connection}", json={field: None})
    assert answer.status_code == 400
