"""Groups of the local Fivetran."""

import re

import pytest

from .fivetran_account import Account


def test_group_has_a_two_word_id_and_its_name(account: Account):
    group = account.data("POST", "/v1/groups", {"name": "Fivetran_Dev"})
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", group["id"])
    assert group["name"] == "Fivetran_Dev"
    assert account.data("GET", f"/v1/groups/{group['id']}") == group
    assert account.data("GET", "/v1/groups")["items"] == [group]


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": ""}])
def test_group_needs_a_name(account: Account, body: object):
    answer = account.http.post("/v1/groups", json=body)
    assert (answer.status_code, answer.json()["message"]) == (400, "Field 'name' is required")


def test_group_is_renamed_in_place(account: Account):
    group = account.group("Old")
    assert account.data("PATCH", f"/v1/groups/{group}", {"name": "New"})["id"] == group
    assert account.data("GET", f"/v1/groups/{group}")["name"] == "New"


def test_two_groups_may_have_one_name_unless_the_options_say_otherwise(account: Account):
    assert account.group("Dev") != account.group("Dev")
    account.options(duplicate_group_name="conflict")
    assert account.http.post("/v1/groups", json={"name": "Dev"}).status_code == 409
    other = account.group("Other")
    assert account.http.patch(f"/v1/groups/{other}", json={"name": "Dev"}).status_code == 409
    assert account.http.patch(f"/v1/groups/{other}", json={"name": "Other"}).status_code == 200


@pytest.mark.parametrize("path", ["", "/connections", "/service-account", "/public-key"])
def test_unknown_group_is_404(account: Account, path: str):
    answer = account.http.get(f"/v1/groups/no_group{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound_Group")


def test_group_in_use_is_not_deleted_unless_the_options_say_otherwise(account: Account):
    group = account.group()
    account.destination(group)
    assert account.http.delete(f"/v1/groups/{group}").status_code == 409
    account.options(delete_used_group="cascade")
    assert account.http.delete(f"/v1/groups/{group}").status_code == 200
    assert account.admin("GET", "/snapshot") == {"groups": [], "destinations": [], "connections": []}


def test_service_account_is_the_group_id_with_dashes(account: Account):
    group = account.group()
    account.options(service_account_project="some-project")
    email = account.data("GET", f"/v1/groups/{group}/service-account")["service_account"]
    assert email == f"g-{group.replace('_', '-')}@some-project.iam.gserviceaccount.com"


def test_each_group_has_a_public_key_that_stays(account: Account):
    one, two = account.group(), account.group()
    keys = [account.data("GET", f"/v1/groups/{group}/public-key")["public_key"] for group in (one, two, one)]
    assert re.fullmatch(r"ssh-rsa [A-Za-z0-9+/]+=* fivetran user key", keys[0])
    assert keys[0] == keys[2] != keys[1]


def test_groups_connections_are_found_by_exact_schema(account: Account):
    one, two = account.group(), account.group()
    wanted = account.stripe(one, "stripe")["id"]
    account.stripe(one, "stripe_v2")
    account.stripe(two, "stripe")
    found = account.data("GET", f"/v1/groups/{one}/connections?schema=stripe")["items"]
    assert [item["id"] for item in found] == [wanted]
    assert len(account.data("GET", f"/v1/groups/{one}/connections")["items"]) == 2
