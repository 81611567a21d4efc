"""Who has which role in a group of the local Fivetran."""

from typing import Any

import pytest

from .fivetran_account import Account

ANN = "ann@example.com"


@pytest.fixture
def group(account: Account) -> str:
    account.options(creator_in_group=False, account_users_in_groups="absent")
    return account.group()


def _member(account: Account, kind: str) -> str:
    ann: str = account.admin("POST", "/users", {"email": ANN})["id"]
    if kind == "users":
        return ann
    team: str = account.data("POST", "/v1/teams", {"name": "Data"})["id"]
    return team


def _roles(account: Account, group: str) -> Any:
    return account.admin("GET", "/access")["groups"][group]


@pytest.mark.parametrize("kind", ["users", "teams"])
def test_member_gets_another_role_and_loses_it(account: Account, group: str, kind: str):
    path = f"/v1/{kind}/{_member(account, kind)}/groups"
    created = account.http.post(path, json={"id": group, "role": "Edit Destination"})
    assert (created.status_code, created.json()["data"]["role"]) == (201, "Edit Destination")
    assert account.data("GET", path)["items"] == [created.json()["data"]]
    changed = account.http.patch(f"{path}/{group}", json={"role": "View Destination"})
    assert changed.status_code == 200
    assert ("data" in changed.json()) is (kind == "teams")
    assert account.data("GET", f"{path}/{group}")["role"] == "View Destination"
    assert account.http.delete(f"{path}/{group}").status_code == 200
    assert account.http.delete(f"{path}/{group}").status_code == 404
    assert account.http.get(f"{path}/{group}").status_code == 404


def test_user_joins_a_group_by_address_and_leaves_it(account: Account, group: str):
    user, path = _member(account, "users"), f"/v1/groups/{group}/users"
    added = account.http.post(path, json={"email": ANN.upper(), "role": "Create Connection"})
    assert (added.status_code, "data" in added.json()) == (200, False)
    [listed] = account.data("GET", path)["items"]
    assert (listed["id"], listed["email"], listed["role"]) == (user, ANN, "Create Connection")
    assert account.http.delete(f"{path}/{user}").status_code == 200
    assert account.data("GET", path)["items"] == []


def test_group_is_not_joined_by_an_unknown_address_or_with_an_unknown_role(account: Account, group: str):
    _member(account, "users")
    path = f"/v1/groups/{group}/users"
    assert account.http.post(path, json={"email": "bob@example.com", "role": "View Destination"}).status_code == 404
    for role in ("Account Administrator", "view destination", None):
        assert account.http.post(path, json={"email": ANN, "role": role}).status_code == 400
    account.admin("PUT", "/roles/Watcher", {"scope": "DESTINATION"})
    assert account.http.post(path, json={"email": ANN, "role": "Watcher"}).status_code == 200


@pytest.mark.parametrize(("option", "stored"), [("replace", "View Destination"), ("keep", "Destination Reviewer")])
def test_former_role_is_stored_as_the_option_says(account: Account, group: str, option: str, stored: str):
    _member(account, "users")
    account.options(former_roles=option)
    account.http.post(f"/v1/groups/{group}/users", json={"email": ANN, "role": "Destination Reviewer"})
    assert _roles(account, group) == {f"user:{ANN}": stored}


@pytest.mark.parametrize(("option", "status", "role"), [("conflict", 409, "Edit"), ("replace", 200, "View")])
def test_second_membership_is_as_the_option_says(account: Account, group: str, option: str, status: int, role: str):
    _member(account, "users")
    account.options(duplicate_membership=option)
    path = f"/v1/groups/{group}/users"
    assert account.http.post(path, json={"email": ANN, "role": "Edit Destination"}).status_code == 200
    assert account.http.post(path, json={"email": ANN, "role": "View Destination"}).status_code == status
    assert _roles(account, group) == {f"user:{ANN}": f"{role} Destination"}


def test_new_group_lists_its_creator_and_those_who_see_it_by_the_account(account: Account):
    account.admin("POST", "/users", {"email": ANN, "role": "Account Reviewer"})
    account.admin("POST", "/users", {"email": "bob@example.com", "role": "Account Billing"})
    listed = account.data("GET", f"/v1/groups/{account.group()}/users?limit=1000")["items"]
    roles = {user["email"].partition("@")[0]: user["role"] for user in listed}
    assert roles == {
        "some-key": "Manage Destination",
        "read-only-key": "Account Reviewer",
        "ann": "Account Reviewer",
    }


def test_group_with_many_users_is_paged(account: Account, group: str):
    for number in range(5):
        account.admin("POST", "/users", {"email": f"user{number}@example.com"})
        account.admin("PATCH", "/groups/Dev/access", {f"user:user{number}@example.com": "View Destination"})
    page = account.data("GET", f"/v1/groups/{group}/users?limit=3")
    rest = account.data("GET", f"/v1/groups/{group}/users?limit=3&cursor={page['next_cursor']}")
    assert [user["email"][4] for user in (*page["items"], *rest["items"])] == ["0", "1", "2", "3", "4"]
    assert "next_cursor" not in rest


def test_users_of_a_team_are_added_changed_and_removed(account: Account):
    user, team = _member(account, "users"), account.data("POST", "/v1/teams", {"name": "Data"})["id"]
    path = f"/v1/teams/{team}/users"
    account.data("POST", path, {"user_id": user, "role": "Team Member"})
    account.data("PATCH", f"{path}/{user}", {"role": "Team Manager"})
    assert [each["role"] for each in account.data("GET", path)["items"]] == ["Team Manager"]
    assert account.http.delete(f"{path}/{user}").status_code == 200
    assert account.data("GET", path)["items"] == []
    assert account.http.get("/v1/teams/nowhere/users").json()["code"] == "NotFound_Team"


def test_roles_are_changed_by_hand_and_end_with_member_or_group(account: Account, group: str):
    _member(account, "teams")
    account.admin("PATCH", "/groups/Dev/access", {f"user:{ANN}": "View Destination", "team:Data": "Edit Destination"})
    assert _roles(account, group) == {f"user:{ANN}": "View Destination", "team:Data": "Edit Destination"}
    account.admin("DELETE", f"/users/{ANN}")
    assert _roles(account, group) == {"team:Data": "Edit Destination"}
    account.admin("PATCH", "/groups/Dev/access", {"team:Data": None})
    assert _roles(account, group) == {}
    assert account.http.patch("/_admin/groups/Dev/access", json={"team:Other": "x"}).status_code == 400
