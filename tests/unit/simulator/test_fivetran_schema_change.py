"""Changing a schema config of the local Fivetran: what one request may change, and two at once."""

import threading
from typing import Any

import httpx
import pytest

from .fivetran_account import Account
from .fivetran_shop import SOURCE, reload


@pytest.fixture
def path(account: Account, shop: str) -> str:
    """The schemas of the shop, which have been looked at."""
    reload(account, shop)
    return f"/v1/connections/{shop}/schemas"


def _users(account: Account, path: str) -> Any:
    return account.data("GET", path)["schemas"]["public"]["tables"]["Users"]


def _tree(table: str, **change: Any) -> dict[str, Any]:
    return {"schemas": {"public": {"enabled": True, "tables": {table: {"enabled": True} | change}}}}


def test_change_sets_what_it_names_and_leaves_the_rest(account: Account, path: str):
    before = account.data("GET", path)
    columns = {"email": {"enabled": True, "hashed": True}}
    body = _tree("Users", sync_mode="HISTORY", columns=columns) | {"schema_change_handling": "ALLOW_COLUMNS"}
    account.data("PATCH", path, body)
    after = account.data("GET", path)
    assert (after["schema_change_handling"], after["enable_new_by_default"]) == ("ALLOW_COLUMNS", False)
    users = after["schemas"]["public"]["tables"].pop("Users")
    assert (users["sync_mode"], users["columns"]["email"]["hashed"]) == ("HISTORY", True)
    before["schemas"]["public"]["tables"].pop("Users")
    assert after["schemas"] == before["schemas"]


def test_each_level_has_a_route_of_its_own(account: Account, path: str):
    for route, message in (
        ("/public", "Database schema configuration has been modified"),
        ("/public/tables/Users", "Table configuration has been modified"),
        ("/public/tables/Users/columns/email", "Column configuration has been modified"),
    ):
        answer = account.http.patch(path + route, json={"enabled": False})
        assert (answer.status_code, answer.json()["message"]) == (200, message)
    public = account.data("GET", path)["schemas"]["public"]
    users = public["tables"]["Users"]
    assert (public["enabled"], users["enabled"], users["columns"]["email"]["enabled"]) == (False, False, False)
    assert public["tables"]["blobs"]["enabled"] is True


def test_hashing_is_kept_when_only_enabled_is_set(account: Account, path: str):
    column = f"{path}/public/tables/Users/columns/email"
    account.data("PATCH", column, {"enabled": True, "hashed": True})
    account.data("PATCH", column, {"enabled": False})
    email = _users(account, path)["columns"]["email"]
    assert (email["enabled"], email["hashed"]) == (False, True)


@pytest.mark.parametrize(("option", "schemas"), [("applied", {"public"}), ("whole", {"public", "audit"})])
def test_answer_has_the_named_schemas_or_all_by_option(account: Account, path: str, option: str, schemas: set[str]):
    account.options(schema_change_answer=option)
    answer = account.data("PATCH", path, _tree("Users", columns={"email": {"enabled": False}}))
    assert answer["schemas"].keys() == schemas
    tables = answer["schemas"]["public"]["tables"]
    assert tables.keys() == ({"Users"} if option == "applied" else set(SOURCE["schemas"]["public"]))
    assert tables["Users"]["columns"]["email"]["enabled"] is False
    assert (account.data("PATCH", path, {"schema_change_handling": "BLOCK_ALL"})["schemas"] == {}) is (
        option == "applied"
    )


@pytest.mark.parametrize(
    "body",
    [
        {"schemas": {"public": {}}},
        {"schemas": {"public": {"tables": {}}}},
        {"schemas": {"public": {"tables": {"Users": {"columns": {"email": {"hashed": True}}}}}}},
    ],
)
def test_node_without_enabled_keeps_what_it_has_or_is_rejected_by_option(account: Account, path: str, body: Any):
    account.data("PATCH", f"{path}/public/tables/Users", {"enabled": False})
    assert account.http.patch(path, json=body).status_code == 200
    public = account.data("GET", path)["schemas"]["public"]
    assert (public["enabled"], public["tables"]["Users"]["enabled"]) == (True, False)
    account.options(enabled_in_schema_change="required")
    answer = account.http.patch(path, json=body)
    assert answer.json() == {"code": "InvalidInput", "message": "Field 'enabled' is required"}


def test_boolean_of_a_schema_change_may_be_text(account: Account, path: str):
    columns = {"email": {"enabled": "true", "hashed": "true"}}
    account.data("PATCH", path, {"schemas": {"public": {"tables": {"Users": {"columns": columns}}}}})
    account.data("PATCH", f"{path}/public/tables/Users", {"enabled": "false"})
    users = _users(account, path)
    assert (users["enabled"], users["columns"]["email"]["hashed"]) == (False, True)


@pytest.mark.parametrize(
    "body",
    [
        {"schema_change_handling": "ALLOW_SOME"},
        {"is_type_locked": "yes"},
        {"novelty": 1},
        {"schemas": []},
        {"schemas": {"public": True}},
        {"schemas": {"public": {"enabled": "yes"}}},
        {"schemas": {"public": {"enabled": True, "columns": {}}}},
        _tree("Users", sync_mode="SOMETIMES"),
        _tree("Users", tables={}),
        _tree("Users", columns={"email": {"enabled": True, "masked": True}}),
        _tree("Users", columns={"email": {"enabled": True, "hashed": 1}}),
    ],
)
def test_body_of_another_shape_is_400_and_changes_nothing(account: Account, path: str, body: Any):
    before = account.data("GET", path)
    answer = account.http.patch(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")
    assert account.data("GET", path) == before


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("", {"schemas": {"Public": {"enabled": True}}}),
        ("", _tree("users")),
        ("", _tree("Users", columns={"Email": {"enabled": False}})),
        ("/Public", {"enabled": False}),
        ("/public/tables/users", {"enabled": False}),
        ("/public/tables/Users/columns/Email", {"enabled": False}),
    ],
)
def test_name_that_is_not_there_is_404_as_documented_or_passed_over(account: Account, path: str, route: str, body: Any):
    before = account.data("GET", path)
    answer = account.http.patch(path + route, json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")
    account.options(unknown_schema_item="ignore")
    assert account.http.patch(path + route, json=body).status_code == 200
    assert account.data("GET", path) == before
    account.options(unknown_schema_item="store")
    assert account.http.patch(path + route, json=body).status_code == 200
    assert account.data("GET", path) != before


def test_change_with_an_unknown_name_changes_nothing(account: Account, path: str):
    body = _tree("Users", columns={"email": {"enabled": False}, "Email": {"enabled": False}})
    assert account.http.patch(path, json=body).status_code == 404
    assert _users(account, path)["columns"] == {}


@pytest.mark.parametrize(
    ("route", "enabled"),
    [
        ("/public/tables/heartbeat", False),
        ("/public/tables/internal", True),
        ("/public/tables/Users/columns/_synced", False),
        ("/public/tables/Users/columns/id", False),
    ],
)
def test_locked_node_does_not_change(account: Account, path: str, route: str, enabled: bool):
    answer = account.http.patch(path + route, json={"enabled": enabled})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")
    assert account.http.patch(path + route, json={"enabled": not enabled}).status_code == 200
    account.options(locked_schema_item="ignore")
    assert account.http.patch(path + route, json={"enabled": enabled}).status_code == 200
    tables = account.data("GET", path)["schemas"]["public"]["tables"]
    assert (tables["heartbeat"]["enabled"], tables["internal"]["enabled"]) == (True, False)
    columns = account.data("GET", f"{path}/public/tables/Users/columns")["columns"]
    assert (columns["_synced"]["enabled"], columns["id"]["enabled"]) == (True, True)


def test_primary_key_is_not_hashed(account: Account, path: str):
    answer = account.http.patch(f"{path}/public/tables/Users/columns/id", json={"enabled": True, "hashed": True})
    assert answer.status_code == 400
    assert "primary key" in answer.json()["message"]
    body = {"enabled": True, "hashed": True, "is_primary_key": True}
    assert account.http.patch(f"{path}/public/tables/Users/columns/email", json=body).status_code == 400


def test_columns_of_a_table_without_columns_config_are_400_in_the_apis_words(account: Account, path: str):
    answer = account.http.patch(path, json=_tree("blobs", columns={"data": {"enabled": False}}))
    message = "Table `blobs` of schema `public` doesn't supports columns configuration"
    assert answer.json() == {"code": "InvalidInput", "message": message}
    assert account.http.patch(path, json=_tree("blobs", columns={})).status_code == 200


def test_sync_mode_that_a_table_does_not_have_is_400(account: Account, path: str):
    answer = account.http.patch(f"{path}/public/tables/Users", json={"enabled": True, "sync_mode": "LIVE"})
    assert answer.status_code == 400
    connection = account.stripe(account.group())["id"]
    body = {"enabled": True, "sync_mode": "HISTORY"}
    answer = account.http.patch(f"/v1/connections/{connection}/schemas/stripe/tables/charge", json=body)
    assert answer.status_code == 400


def test_type_lock_is_kept(account: Account, path: str):
    account.data("PATCH", path, {"is_type_locked": True})
    assert account.snapshot(path.split("/")[3])["schema_config"]["is_type_locked"] is True


def _both(account: Account, one: tuple[str, str, Any], two: tuple[str, str, Any]) -> list[int]:
    """The statuses of two requests under way at the same time."""
    answers: dict[int, httpx.Response] = {}

    def ask(number: int, request: tuple[str, str, Any]) -> None:
        method, path, body = request
        answers[number] = httpx.request(method, account.url + path, json=body, auth=account.http.auth, timeout=10)

    threads = [threading.Thread(target=ask, args=(number, request)) for number, request in enumerate((one, two))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answer.status_code for answer in answers.values())


@pytest.mark.parametrize("other", ["change", "reload"])
def test_later_of_two_concurrent_changes_is_answered_with_409(account: Account, path: str, other: str):
    account.options(schema_change_seconds=0.3, reload_seconds=0.5)
    one = ("PATCH", f"{path}/public/tables/Users", {"enabled": False})
    two = ("PATCH", f"{path}/audit", {"enabled": False}) if other == "change" else ("POST", f"{path}/reload", {})
    assert _both(account, one, two) == [200, 409]
    account.options(schema_change_seconds=0, reload_seconds=0)
    assert account.http.request(two[0], two[1], json=two[2]).status_code == 200


def test_changes_to_two_connections_do_not_conflict(account: Account, path: str):
    account.options(schema_change_seconds=0.2)
    other = f"/v1/connections/{account.stripe(account.group())['id']}/schemas"
    one = ("PATCH", f"{path}/audit", {"enabled": False})
    assert _both(account, one, ("PATCH", f"{other}/stripe", {"enabled": False})) == [200, 200]
