"""Users of the local Fivetran."""

from .fivetran_account import Account


def test_the_user_who_made_a_connection_can_be_asked_for(account: Account):
    made_by = account.stripe(account.group())["connected_by"]
    user = account.data("GET", f"/v1/users/{made_by}")
    assert (user["id"], user["active"]) == (made_by, True)
    assert user["email"].endswith("@example.com")
    assert account.data("GET", "/v1/account/info")["user_id"] == made_by


def test_all_users_are_listed_once_each_or_those_who_may_log_in(account: Account):
    listed = account.data("GET", "/v1/users")["items"]
    mine = account.data("GET", "/v1/account/info")["user_id"]
    assert [user["id"] for user in listed].count(mine) == 1
    assert all(account.data("GET", f"/v1/users/{user['id']}")["id"] == user["id"] for user in listed)
    assert account.data("GET", "/v1/users?active=true")["items"] == listed
    assert account.data("GET", "/v1/users?active=false")["items"] == []


def test_an_unknown_user_is_404(account: Account):
    answer = account.http.get("/v1/users/nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")


def test_roles_are_listed_and_nobody_has_one_by_a_team_or_on_a_group(account: Account):
    roles = account.data("GET", "/v1/roles?limit=3")
    assert len(roles["items"]) == 3
    more = account.data("GET", f"/v1/roles?cursor={roles['next_cursor']}")["items"]
    names = [role["name"] for role in (*roles["items"], *more)]
    mine = account.data("GET", "/v1/account/info")["user_id"]
    assert account.data("GET", f"/v1/users/{mine}")["role"] in names
    assert account.data("GET", "/v1/teams")["items"] == []
    assert account.data("GET", f"/v1/groups/{account.group()}/users")["items"] == []
