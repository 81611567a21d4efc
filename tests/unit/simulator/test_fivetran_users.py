"""Users of the local Fivetran."""

from .fivetran_account import READ_ONLY, SECRET, SYSTEM, Account


def test_user_who_made_a_connection_can_be_asked_for(account: Account):
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


def test_unknown_user_is_404(account: Account):
    answer = account.http.get("/v1/users/nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")


def test_roles_are_listed_with_the_names_that_replaced_former_ones(account: Account):
    first = account.data("GET", "/v1/roles?limit=3")
    assert len(first["items"]) == 3
    more = account.data("GET", f"/v1/roles?cursor={first['next_cursor']}")["items"]
    roles = {role["name"]: role for role in (*first["items"], *more)}
    mine = account.data("GET", "/v1/account/info")["user_id"]
    assert account.data("GET", f"/v1/users/{mine}")["role"] in roles
    former = roles["Destination Administrator"]
    assert (former["is_deprecated"], former["replacement_role_name"]) == (True, "Manage Destination")


def test_invited_user_is_unverified_and_can_be_read(account: Account):
    sent = {"email": "ann@example.com", "given_name": "Ann", "family_name": "Lee", "role": "Account Reviewer"}
    answer = account.http.post("/v1/users", json=sent)
    invited = answer.json()["data"]
    assert answer.status_code == 201
    assert (invited["invited"], invited["verified"], invited["logged_in_at"]) == (True, False, None)
    assert account.data("GET", f"/v1/users/{invited['id']}") == invited
    assert account.http.post("/v1/users", json=sent).status_code == 409
    for missing in sent.keys() - {"role"}:
        without = {key: value for key, value in sent.items() if key != missing}
        assert account.http.post("/v1/users", json={**without, "email": without.get("email", "")}).status_code == 400


def test_last_account_administrator_stays(account: Account):
    mine = account.data("GET", "/v1/account/info")["user_id"]
    assert account.http.delete(f"/v1/users/{mine}/role").status_code == 409
    assert account.http.patch(f"/v1/users/{mine}", json={"role": "Account Reviewer"}).status_code == 409
    account.admin("POST", "/users", {"email": "ann@example.com", "role": "Account Administrator"})
    assert account.http.delete(f"/v1/users/{mine}/role").status_code == 200


def test_system_keys_are_read_by_administrators_with_keys_of_their_own(account: Account):
    account.admin("PATCH", f"/credentials/{SYSTEM}", {"expires_at": "2026-03-01T00:00:00.000000Z"})
    [listed] = account.data("GET", "/v1/system-keys")["items"]
    assert listed["expired_at"] == "2026-03-01T00:00:00.000000Z"
    assert account.data("GET", f"/v1/system-keys/{listed['id']}") == listed
    for key in (SYSTEM, READ_ONLY):
        assert account.http.get("/v1/system-keys", auth=(key, SECRET)).status_code == 403


def test_key_lacks_what_its_permissions_leave_out(account: Account):
    group = account.group()
    account.admin("PATCH", f"/credentials/{SYSTEM}", {"permissions": {"DESTINATION": "MANAGE", "TEAM": "READ"}})
    auth = (SYSTEM, SECRET)
    allowed = {path: account.http.get(path, auth=auth).status_code for path in ("/v1/users", "/v1/teams", "/v1/roles")}
    assert allowed == {"/v1/users": 403, "/v1/teams": 200, "/v1/roles": 403}
    assert account.http.post("/v1/teams", json={"name": "T"}, auth=auth).status_code == 403
    assert account.http.get(f"/v1/groups/{group}/users", auth=auth).status_code == 200
