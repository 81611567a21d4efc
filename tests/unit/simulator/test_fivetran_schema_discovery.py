"""What a look at the source does to a schema config of the local Fivetran."""

from typing import Any

import pytest

from .fivetran_account import Account
from .fivetran_shop import change, reload


def _enabled(config: Any) -> dict[str, bool]:
    """Every schema and table and whether it is enabled."""
    result = {}
    for name, schema in config["schemas"].items():
        result[name] = schema["enabled"]
        result |= {f"{name}.{table}": node["enabled"] for table, node in schema["tables"].items()}
    return result


@pytest.mark.parametrize(("mode", "enabled"), [("EXCLUDE", False), ("INCLUDE", True)])
def test_reload_can_set_all_schemas_and_tables_but_locked_ones(account: Account, shop: str, mode: str, enabled: bool):
    reload(account, shop)
    change(account, shop, {"schemas": {"audit": {"enabled": False, "tables": {"log": {"enabled": False}}}}})
    config = reload(account, shop, mode)
    assert _enabled(config) == {
        "public": enabled,
        "public.Users": enabled,
        "public.blobs": enabled,
        "public.heartbeat": True,
        "public.internal": False,
        "audit": enabled,
        "audit.log": enabled,
    }
    answer = account.http.post(f"/v1/connections/{shop}/schemas/reload", json={"exclude_mode": "SOME"})
    assert answer.status_code == 400


def test_reload_preserves_what_was_set(account: Account, shop: str):
    reload(account, shop)
    columns = {"email": {"enabled": False}, "createdAt": {"enabled": True, "hashed": True}}
    tables = {"Users": {"enabled": True, "columns": columns, "sync_mode": "HISTORY"}, "blobs": {"enabled": False}}
    change(account, shop, {"schemas": {"public": {"enabled": True, "tables": tables}}})
    before = account.data("GET", f"/v1/connections/{shop}/schemas")
    for mode in (None, "PRESERVE"):
        assert reload(account, shop, mode) == before
    assert before["schemas"]["public"]["tables"]["Users"]["sync_mode"] == "HISTORY"


@pytest.mark.parametrize("discovery", ["reload", "sync"])
@pytest.mark.parametrize(
    ("handling", "new"),
    [("ALLOW_ALL", (True, True)), ("ALLOW_COLUMNS", (False, True)), ("BLOCK_ALL", (False, False))],
)
def test_new_source_tables_are_added_by_the_change_handling(
    account: Account, shop: str, discovery: str, handling: str, new: tuple[bool, bool]
):
    new_table, new_column = new
    reload(account, shop)
    change(account, shop, {"schema_change_handling": handling})
    account.data("PATCH", f"/v1/connections/{shop}", {"paused": False, "run_setup_tests": False})
    novelty = {"public": {"Users": {"columns": {"late": {}}}, "late": ["id key", "x"]}, "later": {"t": ["id key"]}}
    account.admin("PATCH", "/sources/shop", {"schemas": novelty})
    if discovery == "reload":
        reload(account, shop)
    else:
        account.http.post(f"/v1/connections/{shop}/sync", json={})
    config = account.data("GET", f"/v1/connections/{shop}/schemas")
    enabled = _enabled(config)
    assert {enabled[name] for name in ("public.late", "later", "later.t")} == {new_table}
    assert enabled["public.Users"] is True
    listed = config["schemas"]["public"]["tables"]["Users"]["columns"]
    assert listed.keys() == (set() if new_column else {"late"})
    path = f"/v1/connections/{shop}/schemas/public/tables/Users/columns"
    assert account.data("GET", path)["columns"]["late"]["enabled"] is new_column
    if discovery == "sync":
        datasets = account.snapshot(shop)["written_datasets"]
        assert ("shop_later" in datasets) is new_table


def test_new_primary_key_syncs_whatever_is_blocked(account: Account, shop: str):
    reload(account, shop)
    change(account, shop, {"schema_change_handling": "BLOCK_ALL"})
    account.admin(
        "PATCH", "/sources/shop", {"schemas": {"public": {"Users": {"columns": {"k": {"primary_key": True}}}}}}
    )
    tables = reload(account, shop)["schemas"]["public"]["tables"]
    assert tables["Users"]["columns"] == {}


def test_table_removed_from_the_source_stays_listed_and_locked(account: Account, shop: str):
    reload(account, shop)
    account.data("PATCH", f"/v1/connections/{shop}/schemas/public/tables/Users/columns/email", {"enabled": False})
    account.admin(
        "PATCH", "/sources/shop", {"schemas": {"audit": None, "public": {"Users": {"columns": {"email": None}}}}}
    )
    config = reload(account, shop)
    gone = {"allowed": False, "reason_code": "DELETED"}
    assert config["schemas"]["audit"]["tables"]["log"]["enabled_patch_settings"] == gone
    assert config["schemas"]["public"]["tables"]["Users"]["columns"]["email"]["enabled_patch_settings"] == gone
    path = f"/v1/connections/{shop}/schemas/audit/tables/log"
    assert account.http.patch(path, json={"enabled": False}).status_code == 400
