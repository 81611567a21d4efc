"""Schema configs of the local Fivetran: when there is one, what it shows, how a look at the source changes it."""

from typing import Any

import pytest

from .fivetran_account import READ_ONLY, SECRET, V2, Account
from .fivetran_shop import change, reload


def test_schema_config_is_missing_before_a_sync_or_reload(account: Account, shop: str):
    path = f"/v1/connections/{shop}/schemas"
    message = f"Connection with id '{shop}' doesn't have schema config"
    for method, route, body in (
        ("GET", "", None),
        ("PATCH", "", {"schema_change_handling": "BLOCK_ALL"}),
        ("PATCH", "/public", {"enabled": True}),
        ("GET", "/public/tables/Users/columns", None),
    ):
        answer = account.http.request(method, path + route, json=body)
        assert (answer.status_code, answer.json()) == (404, {"code": "NotFound_SchemaConfig", "message": message})
    reload(account, shop)
    assert account.http.get(path).status_code == 200


def test_opening_the_schema_tab_makes_a_schema_config(account: Account, shop: str):
    account.admin("POST", f"/connections/{shop}/schemas/load")
    assert account.http.get(f"/v1/connections/{shop}/schemas").status_code == 200
    assert account.snapshot(shop)["syncs"] == 0


def test_schema_config_has_the_documented_shape(account: Account, shop: str):
    config = reload(account, shop)
    assert config == account.data("GET", f"/v1/connections/{shop}/schemas")
    assert (config["schema_change_handling"], config["enable_new_by_default"]) == ("ALLOW_ALL", True)
    assert config["schemas"].keys() == {"public", "audit"}
    public = config["schemas"]["public"]
    assert (public["name_in_destination"], public["enabled"]) == ("shop_public", True)
    assert public["tables"]["Users"] == {
        "name_in_destination": "users",
        "enabled": True,
        "enabled_patch_settings": {"allowed": True},
        "supports_columns_config": True,
        "supports_history_mode": True,
        "columns": {},
        "sync_mode": "SOFT_DELETE",
    }
    assert public["tables"]["blobs"]["supports_columns_config"] is False
    locked = {name: public["tables"][name]["enabled_patch_settings"] for name in ("heartbeat", "internal")}
    assert locked == {
        "heartbeat": {"allowed": False, "reason_code": "SYSTEM_TABLE"},
        "internal": {"allowed": False, "reason_code": "OTHER", "reason": "No primary key"},
    }
    assert (public["tables"]["heartbeat"]["enabled"], public["tables"]["internal"]["enabled"]) == (True, False)


def test_names_in_the_destination_are_the_sources_where_that_is_chosen(account: Account):
    account.admin("PUT", "/sources/money", {"tables": {"Big Table": ["aColumn"], "_system": ["_id", "x-y"]}})
    names = {}
    for naming in ("SOURCE_NAMING", "FIVETRAN_NAMING"):
        connection = account.stripe(account.group(), "money", destination_schema_names=naming)["id"]
        (schema,) = account.data("GET", f"/v1/connections/{connection}/schemas")["schemas"].values()
        names[naming] = {table["name_in_destination"] for table in schema["tables"].values()}
    assert names == {"SOURCE_NAMING": {"Big Table", "_system"}, "FIVETRAN_NAMING": {"big_table", "_system"}}


def test_reload_needs_a_connected_connection(account: Account):
    connection = account.stripe(account.group(), run_setup_tests=False)["id"]
    answer = account.http.post(f"/v1/connections/{connection}/schemas/reload", json={})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")
    assert answer.json()["message"].startswith(
        "We expected the connector's setup state ('status.setup_state') to be 'connected', but it was 'incomplete'"
    )


def test_columns_are_asked_of_the_source_of_a_connected_connection_only(account: Account):
    connection = account.stripe(account.group())["id"]
    path = f"/v1/connections/{connection}/schemas/stripe/tables/customer/columns"
    assert account.http.get(path).status_code == 200
    account.admin("PATCH", f"/connections/{connection}", {"setup_state": "broken"})
    assert account.http.get(path).status_code == 400


def test_columns_of_a_table_are_those_of_the_source_with_what_is_set(account: Account, shop: str):
    reload(account, shop)
    path = f"/v1/connections/{shop}/schemas/public/tables/Users"
    account.data("PATCH", f"{path}/columns/email", {"enabled": True, "hashed": True})
    columns = account.data("GET", f"{path}/columns")["columns"]
    assert columns["email"] == {
        "name_in_destination": "email",
        "enabled": True,
        "hashed": True,
        "is_primary_key": False,
        "enabled_patch_settings": {"allowed": True},
    }
    assert columns["createdAt"]["name_in_destination"] == "created_at"
    assert columns["_synced"]["enabled_patch_settings"] == {"allowed": False, "reason_code": "SYSTEM_COLUMN"}
    assert (columns["id"]["is_primary_key"], columns["id"]["enabled_patch_settings"]["allowed"]) == (True, False)
    account.admin("PATCH", "/sources/shop", {"schemas": {"public": {"Users": {"columns": {"late": {}}}}}})
    assert "late" in account.data("GET", f"{path}/columns")["columns"]


@pytest.mark.parametrize(
    ("route", "status"),
    [
        ("shop_public/tables/Users", 200),
        ("public/tables/users", 404),
        ("Public/tables/Users", 404),
        ("public/tables/blobs", 400),
    ],
)
def test_columns_are_found_by_exact_names(account: Account, shop: str, route: str, status: int):
    reload(account, shop)
    assert account.http.get(f"/v1/connections/{shop}/schemas/{route}/columns").status_code == status


def test_name_may_hold_what_urls_quote(account: Account, shop: str):
    account.admin("PUT", "/sources/shop", {"schemas": {"a b": {"t/u": ["id key", "e%mail ü"]}}})
    reload(account, shop)
    path = f"/v1/connections/{shop}/schemas/a%20b/tables/t%2Fu/columns"
    account.data("PATCH", f"{path}/e%25mail%20%C3%BC", {"enabled": False})
    assert account.data("GET", path)["columns"]["e%mail ü"]["enabled"] is False


def test_schema_config_lists_only_columns_that_were_set(account: Account, shop: str):
    reload(account, shop)
    columns = {"email": {"enabled": True}}
    body = {"schemas": {"public": {"enabled": True, "tables": {"Users": {"enabled": True, "columns": columns}}}}}
    change(account, shop, body)
    tables = account.data("GET", f"/v1/connections/{shop}/schemas")["schemas"]["public"]["tables"]
    assert tables["Users"]["columns"].keys() == {"email"}
    assert "is_primary_key" in tables["Users"]["columns"]["email"]


def test_application_has_one_schema_named_like_its_connection(account: Account):
    group = account.group()
    names: dict[str, Any] = {}
    for service, config in (("stripe", {"api_key": "canary"}), ("salesforce", {}), ("netsuite_suiteanalytics", {})):
        body = {"group_id": group, "service": service, "config": {"schema": f"my_{service}", **config}}
        connection = account.data("POST", "/v1/connections", {**body, "run_setup_tests": False})["id"]
        account.admin("PATCH", f"/connections/{connection}", {"setup_state": "connected", "paused": True})
        schemas = reload(account, connection)["schemas"]
        names |= {service: {name: schema["name_in_destination"] for name, schema in schemas.items()}}
    assert names == {
        "stripe": {"my_stripe": "my_stripe"},
        "salesforce": {"salesforce": "my_salesforce"},
        "netsuite_suiteanalytics": {"netsuite": "my_netsuite_suiteanalytics"},
    }


def test_only_tables_that_can_switch_show_a_sync_mode(account: Account):
    connection = account.stripe(account.group())["id"]
    (schema,) = account.data("GET", f"/v1/connections/{connection}/schemas")["schemas"].values()
    assert all(
        "sync_mode" not in table and table["supports_history_mode"] is False for table in schema["tables"].values()
    )


def test_reloads_and_columns_use_the_quota_of_the_source(account: Account, shop: str):
    account.options(source_interactions_per_minute=3)
    reload(account, shop)
    answer = account.http.post(f"/v1/connections/{shop}/schemas/reload", json={"exclude_mode": 1})
    assert answer.status_code == 400
    path = f"/v1/connections/{shop}/schemas/public/tables/Users/columns"
    account.data("GET", path)
    answer = account.http.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    answer = account.http.post(f"/v1/connections/{shop}/test", json={})
    assert answer.status_code == 429
    assert account.http.get(f"/v1/connections/{shop}/schemas").status_code == 200
    account.clock.seconds = 60
    account.data("GET", path)


def test_hour_of_source_interactions_can_be_used_up(account: Account, shop: str):
    account.options(source_interactions_per_hour=2)
    reload(account, shop)
    account.clock.seconds = 3000
    answer = account.http.post(f"/v1/connections/{shop}/schemas/reload", json={})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "600")


def test_schema_routes_are_not_versioned_and_need_a_key_that_may_write(account: Account, shop: str):
    path = f"/v1/connections/{shop}/schemas"
    reload(account, shop)
    assert account.http.get(path, headers={"Accept": V2}).status_code == 406
    assert account.http.get(path, auth=(READ_ONLY, SECRET)).status_code == 200
    assert account.http.post(f"{path}/reload", json={}, auth=(READ_ONLY, SECRET)).status_code == 403


@pytest.mark.parametrize("route", ["", "/reload", "/s", "/s/tables/t", "/s/tables/t/columns", "/tables/resync"])
def test_schemas_of_an_unknown_connection_are_404(account: Account, route: str):
    method = {"/reload": "POST", "/tables/resync": "POST", "": "GET", "/s/tables/t/columns": "GET"}.get(route, "PATCH")
    body = None if method == "GET" else {"enabled": True} if method == "PATCH" else {}
    answer = account.http.request(method, f"/v1/connections/no_one/schemas{route}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound_Connection")
