"""Schema configs of the local Fivetran that are sent ahead of the first capture, or made by hand."""

from typing import Any

import pytest

from .fivetran_account import Account
from .fivetran_shop import create_shop, reload

AUDIT_OFF = {"schemas": {"audit": {"enabled": False}}}


def _ahead(tables: dict[str, Any]) -> dict[str, Any]:
    return {"schema_change_handling": "BLOCK_ALL", "schemas": {"public": {"enabled": True, "tables": tables}}}


def test_config_sent_ahead_is_echoed_and_shown(account: Account, shop: str):
    path = f"/v1/connections/{shop}/schemas"
    body = _ahead({"Users": {"enabled": True, "columns": {"email": {"enabled": True, "hashed": True}}}})
    assert account.data("POST", path, body) == body
    config = account.data("GET", path)
    assert config["schema_change_handling"] == "BLOCK_ALL"
    assert config["schemas"].keys() == {"public"}
    assert config["schemas"]["public"]["tables"]["Users"]["columns"]["email"]["hashed"] is True
    account.data("PATCH", f"{path}/unseen", {"enabled": False})
    assert "unseen" in account.data("GET", path)["schemas"]


@pytest.mark.parametrize(("option", "rest"), [("enabled", True), ("handling", False)])
def test_config_sent_ahead_is_applied_by_the_first_sync_as_far_as_it_can_be(
    account: Account, shop: str, option: str, rest: bool
):
    account.options(unnamed_in_early_schema=option)
    columns = {"email": {"enabled": True, "hashed": True}, "id": {"enabled": False}, "nowhere": {"enabled": False}}
    tables = {
        "Users": {"enabled": True, "columns": columns, "sync_mode": "LIVE"},
        "heartbeat": {"enabled": False},
        "blobs": {"enabled": False, "columns": {"data": {"enabled": False}}},
        "nowhere": {"enabled": True},
    }
    account.data("POST", f"/v1/connections/{shop}/schemas", _ahead(tables))
    account.data("PATCH", f"/v1/connections/{shop}", {"paused": False, "run_setup_tests": False})
    written = account.snapshot(shop)["first_sync"]["written"]
    assert written["public"]["Users"] == {"id": "plain", "email": "hashed", "createdAt": "plain", "_synced": "plain"}
    assert (set(written["public"]) >= {"heartbeat"}, "blobs" in written["public"]) == (True, False)
    assert ("audit" in written) is rest
    kept = account.data("GET", f"/v1/connections/{shop}/schemas")["schemas"]["public"]["tables"]
    assert (kept["Users"]["sync_mode"], "nowhere" in kept) == ("SOFT_DELETE", False)


def test_second_config_is_not_sent_ahead(account: Account, shop: str):
    path = f"/v1/connections/{shop}/schemas"
    account.data("POST", path, AUDIT_OFF)
    for option, status in (("conflict", 409), ("invalid", 400), ("replace", 200)):
        account.options(second_early_schema=option)
        assert account.http.post(path, json={"schemas": {"public": {"enabled": False}}}).status_code == status
    assert account.data("GET", path)["schemas"].keys() == {"public"}


@pytest.mark.parametrize(("option", "status"), [("conflict", 409), ("invalid", 400), ("replace", 409)])
def test_schema_config_cannot_be_created_after_the_first_capture(account: Account, shop: str, option: str, status: int):
    account.options(second_early_schema=option)
    reload(account, shop)
    assert account.http.post(f"/v1/connections/{shop}/schemas", json=AUDIT_OFF).status_code == status


def test_config_sent_ahead_has_schemas(account: Account, shop: str):
    account.options(enabled_in_schema_change="required")
    path = f"/v1/connections/{shop}/schemas"
    answer = account.http.post(path, json={"schema_change_handling": "BLOCK_ALL"})
    assert answer.json()["message"] == "Field 'schemas' is required"
    assert account.http.post(path, json={"schemas": {"public": {}}}).status_code == 400


def test_config_is_sent_ahead_before_anything_is_connected(account: Account):
    connection = account.stripe(account.group(), run_setup_tests=False)["id"]
    tables = {"charge": {"enabled": False}}
    body = {"schemas": {"stripe": {"enabled": True, "tables": tables}}}
    account.data("POST", f"/v1/connections/{connection}/schemas", body)
    account.data("POST", f"/v1/connections/{connection}/test", {})
    assert "charge" not in account.snapshot(connection)["first_sync"]["written"]["stripe"]


def test_admin_route_selects_tables_by_hand(account: Account, shop: str):
    reload(account, shop)
    change = {"Users": {"columns": {"email": {"hashed": True}}}}
    account.admin("PATCH", f"/connections/{shop}/schemas", {"schemas": {"public": {"tables": change}}})
    shown = account.data("GET", f"/v1/connections/{shop}/schemas")["schemas"]["public"]["tables"]
    assert shown["Users"]["columns"]["email"]["hashed"] is True
    for wrong in ({"schemas": {"nowhere": {"enabled": True}}}, {"novelty": 1}):
        assert account.http.patch(f"/_admin/connections/{shop}/schemas", json=wrong).status_code == 400


def test_selecting_by_hand_captures_first(account: Account):
    connection = create_shop(account)
    account.admin("PATCH", f"/connections/{connection}/schemas", AUDIT_OFF)
    schemas = account.data("GET", f"/v1/connections/{connection}/schemas")["schemas"]
    assert {name: schema["enabled"] for name, schema in schemas.items()} == {"public": True, "audit": False}
