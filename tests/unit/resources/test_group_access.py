"""Roles in the Fivetran group: adopted, granted, changed, revoked, and never taken from who has to keep one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.resources.group_access.resource import GroupAccessProvider
from reconciler.resources.run.run import run
from reconciler.secrets import values_to_mask

from .account import CANARY, Fivetran, with_each_fault

KEY = "simulator-key"
OWN = f"user:{KEY}@example.com"
ADMIN, ANN, BOB, TEAM = (
    "user:admin@example.com",
    "user:ann@example.com",
    "user:bob@example.com",
    "team:Data Engineering",
)
MANAGE, EDIT, VIEW = "Manage Destination", "Edit Destination", "View Destination"
FILE = "connectors/dev/environment.yaml"


@pytest.fixture
def group(fivetran: Fivetran, new_run) -> Iterator[Fivetran]:
    """A group with an administrator, and an account with two more users and a team."""
    for member in (ADMIN, ANN, BOB):
        fivetran.make_user(member.partition(":")[2])
    fivetran.make_team("Data Engineering", "ann@example.com")
    fivetran.set_access(fivetran.group, **{ADMIN: MANAGE})
    fivetran.forget_requests()
    yield fivetran
    fivetran.permit(KEY)


def _props(group: Fivetran, members: dict[str, str], **changes: Any) -> dict[str, Any]:
    props = {"file": FILE, "group": "Group_Dev", "group_id": group.group, "undeclared_access": "reported"}
    return {**props, "members": members, **changes}


def _create(group: Fivetran, members: dict[str, str], **changes: Any) -> dict[str, Any]:
    made = GroupAccessProvider().create(_props(group, members, **changes))
    assert made.id == group.group
    return dict(made.outs or {})


def _update(group: Fivetran, olds: dict[str, Any], members: dict[str, str], **changes: Any) -> dict[str, Any]:
    return dict(GroupAccessProvider().update(group.group, olds, _props(group, members, **changes)).outs or {})


def _refresh(group: Fivetran, olds: dict[str, Any]) -> dict[str, Any]:
    return dict(GroupAccessProvider().read(group.group, olds).outs or {})


def _failures() -> str:
    return "\n".join(run.outcomes.failures().values())


def test_members_with_their_roles_are_adopted_without_a_write(group: Fivetran):
    group.set_access(group.group, **{TEAM: EDIT})
    _create(group, {"user:Admin@Example.com": "Destination Administrator", TEAM: EDIT})
    assert group.writes() == []
    assert not run.outcomes.failures()


def test_missing_role_is_granted_and_a_different_one_changed(group: Fivetran, caplog):
    group.set_access(group.group, **{BOB: EDIT})
    olds = _create(group, {ADMIN: MANAGE, ANN: VIEW, BOB: VIEW, TEAM: EDIT})
    assert group.access(group.group) == {ADMIN: MANAGE, ANN: VIEW, BOB: VIEW, TEAM: EDIT}
    assert f"grants {VIEW} in the Fivetran group Group_Dev to {ANN}" in caplog.text
    assert f"changes the role of {BOB} in the Fivetran group Group_Dev from {EDIT} to {VIEW}" in caplog.text
    group.forget_requests()
    _update(group, olds, olds["members"])
    assert group.writes() == []


def test_removed_line_revokes_that_membership_and_no_other(group: Fivetran):
    group.set_access(group.group, **{BOB: EDIT})
    olds = _create(group, {ADMIN: MANAGE, ANN: VIEW, TEAM: VIEW})
    _update(group, olds, {ADMIN: MANAGE})
    assert group.access(group.group) == {ADMIN: MANAGE, BOB: EDIT}


def test_undeclared_members_lose_their_role_when_the_policy_revokes_it(group: Fivetran):
    group.set_access(group.group, **{BOB: EDIT, TEAM: VIEW, OWN: MANAGE})
    _create(group, {ADMIN: MANAGE}, undeclared_access="revoked")
    assert group.access(group.group) == {ADMIN: MANAGE, OWN: MANAGE}
    assert not run.outcomes.failures()


@pytest.mark.parametrize("members", [{ANN: VIEW}, {ANN: VIEW, ADMIN: VIEW}])
def test_last_administrator_keeps_the_role(group: Fivetran, members: dict[str, str]):
    olds = _create(group, {ADMIN: MANAGE, ANN: VIEW})
    group.make_user("invited@example.com", verified=False)
    group.make_team("Empty")
    group.set_access(group.group, **{"user:invited@example.com": MANAGE, "team:Empty": MANAGE})
    outs = _update(group, olds, members)
    assert group.access(group.group)[ADMIN] == MANAGE
    assert f"{ADMIN} keeps" in _failures() or f"keeps {MANAGE}" in _failures()
    assert "is the last administrator of the group" in _failures()
    assert ADMIN in outs["failed"]
    assert GroupAccessProvider().diff(group.group, outs, _props(group, members)).changes


def test_administrator_is_revoked_when_the_same_run_grants_another(group: Fivetran):
    olds = _create(group, {ADMIN: MANAGE})
    _update(group, olds, {ANN: MANAGE})
    assert group.access(group.group) == {ANN: MANAGE}
    assert not run.outcomes.failures()


def test_administrator_stays_until_the_next_one_accepts_the_invitation(group: Fivetran):
    group.make_user("new@example.com", verified=False)
    olds = _create(group, {ADMIN: MANAGE})
    _update(group, olds, {"user:new@example.com": MANAGE})
    assert group.access(group.group) == {ADMIN: MANAGE, "user:new@example.com": MANAGE}
    assert "last administrator" in _failures()


@pytest.mark.parametrize("members", [{ADMIN: MANAGE}, {ADMIN: MANAGE, OWN: VIEW}])
def test_user_of_the_api_key_keeps_the_role(group: Fivetran, members: dict[str, str]):
    olds = _create(group, {ADMIN: MANAGE, OWN: MANAGE})
    _update(group, olds, members)
    assert group.access(group.group)[OWN] == MANAGE
    assert "is the user of the API key" in _failures()


def test_team_of_the_api_keys_user_keeps_the_role(group: Fivetran):
    group.make_team("Automation", f"{KEY}@example.com")
    olds = _create(group, {ADMIN: MANAGE, "team:Automation": EDIT})
    _update(group, olds, {ADMIN: MANAGE})
    assert group.access(group.group)["team:Automation"] == EDIT
    assert "has the user of the API key" in _failures()


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("user:nobody@example.com", "the Fivetran account has no user with this address"),
        ("team:Nowhere", "Fivetran has no team of this name"),
    ],
)
def test_unknown_member_fails_alone(group: Fivetran, member: str, message: str):
    outs = _create(group, {member: VIEW, ANN: VIEW, ADMIN: MANAGE})
    assert group.access(group.group) == {ADMIN: MANAGE, ANN: VIEW}
    assert message in _failures()
    assert list(outs["failed"]) == [member]


def test_unknown_role_fails_alone(group: Fivetran):
    outs = _create(group, {BOB: "Watcher", ANN: VIEW, ADMIN: MANAGE})
    assert group.access(group.group) == {ADMIN: MANAGE, ANN: VIEW}
    assert list(outs["failed"]) == [BOB]


@with_each_fault
def test_fault_in_any_write_leaves_the_declared_roles(group: Fivetran, new_run, fault: dict[str, Any]):
    group.set_access(group.group, **{BOB: EDIT})
    olds = _create(group, {ADMIN: MANAGE, BOB: EDIT})
    for method in ("POST", "PATCH", "DELETE"):
        group.fault(method=method, path=".*", **fault)
    wanted = {ADMIN: MANAGE, ANN: VIEW, TEAM: VIEW}
    first = _update(group, olds, wanted)
    group.forget_faults()
    new_run()
    _update(group, first, wanted)
    assert group.access(group.group) == wanted
    assert not run.outcomes.failures()


def test_refresh_finds_what_was_changed_by_hand(group: Fivetran):
    olds = _create(group, {ADMIN: MANAGE, ANN: VIEW, TEAM: EDIT})
    assert _refresh(group, olds)["members"] == olds["members"]
    group.set_access(group.group, **{ANN: EDIT, TEAM: None, BOB: VIEW, OWN: MANAGE})
    found = _refresh(group, olds)
    assert found["members"] == {ADMIN: MANAGE, ANN: EDIT}
    assert "undeclared" not in found
    revoking = {**olds, "undeclared_access": "revoked"}
    assert _refresh(group, revoking)["undeclared"] == {BOB: VIEW}
    news = _props(group, olds["members"], undeclared_access="revoked")
    assert GroupAccessProvider().diff(group.group, _refresh(group, revoking), news).changes


def test_another_last_day_is_a_change_that_writes_nothing(group: Fivetran):
    until = {ADMIN: "2027-01-01"}
    olds = _create(group, {ADMIN: MANAGE}, until=until)
    news = _props(group, {ADMIN: MANAGE}, until={ADMIN: "2027-02-01"})
    assert not GroupAccessProvider().diff(group.group, olds, _props(group, {ADMIN: MANAGE}, until=until)).changes
    assert GroupAccessProvider().diff(group.group, olds, news).changes
    GroupAccessProvider().update(group.group, olds, news)
    assert group.writes() == []


def test_account_roles_are_not_roles_in_the_group(group: Fivetran):
    group.make_user("boss@example.com", role="Account Administrator")
    olds = _create(group, {ADMIN: MANAGE}, undeclared_access="revoked")
    assert group.writes() == []
    assert "undeclared" not in _refresh(group, {**olds, "undeclared_access": "revoked"})


def test_key_that_may_not_read_the_group_fails_the_access_alone(group: Fivetran, caplog):
    olds = _create(group, {ADMIN: MANAGE})
    group.permit(KEY, CONNECTOR="MANAGE")
    assert _refresh(group, olds) == olds
    assert "does not check who has a role in the Fivetran group Group_Dev" in caplog.text
    outs = _update(group, olds, {ADMIN: MANAGE, ANN: VIEW})
    assert "Give the API key the role Manage Destination in the group" in _failures()
    assert list(outs["failed"]) == [""]


@pytest.mark.parametrize("path", ["/users$", "/teams$", "/account/info$"])
@pytest.mark.parametrize("status", [401, 403, 503])
def test_first_preview_goes_on_when_fivetran_does_not_answer(group: Fivetran, path: str, status: int):
    run.declare(is_preview=True)
    group.fault(kind="status", status=status, path=path, count=None)
    news = _props(group, {ADMIN: MANAGE}, undeclared_access="revoked")
    assert GroupAccessProvider().check({}, dict(news)).failures == []


def test_first_preview_shows_what_the_run_changes(group: Fivetran, caplog):
    run.declare(is_preview=True)
    group.set_access(group.group, **{BOB: EDIT, OWN: MANAGE})
    lines = {ANN: ["fivetran.access[0].members[0]", " until 2027-01-01 (DENG-1)"]}
    news = _props(group, {ADMIN: MANAGE, ANN: VIEW}, undeclared_access="revoked", lines=lines)
    assert "lines" not in GroupAccessProvider().check({}, news).inputs
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        f"grants {VIEW} in the Fivetran group Group_Dev to {ANN} until 2027-01-01 (DENG-1)",
        f"revokes {EDIT} in the Fivetran group Group_Dev from {BOB}",
    ]
    assert group.writes() == []


def test_preview_names_whom_a_policy_begins_to_revoke(group: Fivetran, caplog):
    olds = _create(group, {ADMIN: MANAGE, ANN: VIEW})
    group.set_access(group.group, **{BOB: EDIT})
    run.declare(is_preview=True)
    caplog.clear()
    news = _props(group, {ADMIN: MANAGE}, undeclared_access="revoked")
    inputs = GroupAccessProvider().check(olds, news).inputs
    GroupAccessProvider().diff(group.group, olds, inputs)
    assert sorted(record.message.partition(": ")[2] for record in caplog.records) == [
        f"revokes {EDIT} in the Fivetran group Group_Dev from {BOB}",
        f"revokes {VIEW} in the Fivetran group Group_Dev from {ANN}",
    ]


def test_key_that_may_not_read_teams_grants_roles_to_users(group: Fivetran):
    group.permit(KEY, DESTINATION="MANAGE")
    outs = _create(group, {ADMIN: MANAGE, ANN: VIEW, TEAM: EDIT})
    assert group.access(group.group) == {ADMIN: MANAGE, ANN: VIEW}
    assert "the API key may not read teams" in _failures()
    assert list(outs["failed"]) == [TEAM]


def test_key_that_may_not_read_teams_says_which_role_it_cannot_revoke(group: Fivetran):
    olds = _create(group, {ADMIN: MANAGE, TEAM: EDIT})
    group.permit(KEY, DESTINATION="MANAGE")
    outs = _update(group, olds, {ADMIN: MANAGE})
    assert f"cannot revoke the role of {TEAM}: the API key may not read teams" in _failures()
    assert list(outs["failed"]) == [TEAM]


@pytest.mark.parametrize("member", [ANN, TEAM])
def test_grant_whose_reply_is_lost_is_not_a_failure(group: Fivetran, member: str):
    group.fault(kind="drop_reply", method="POST", path=".*")
    outs = _create(group, {ADMIN: MANAGE, member: VIEW})
    assert group.access(group.group) == {ADMIN: MANAGE, member: VIEW}
    assert not run.outcomes.failures()
    assert "failed" not in outs


def test_name_with_a_secret_in_it_is_masked_in_state_and_logs(group: Fivetran, caplog):
    values_to_mask.remember_declared([{"config": {"api_key": {"env": "STRIPE_KEY"}}}])
    group.make_team(f"Team {CANARY}")
    group.set_access(group.group, **{f"team:Team {CANARY}": VIEW})
    olds = _create(group, {ADMIN: MANAGE})
    found = _refresh(group, {**olds, "undeclared_access": "revoked"})
    assert list(found["undeclared"]) == ["team:Team ******"]
    _update(group, olds, {ADMIN: MANAGE}, undeclared_access="revoked")
    assert group.access(group.group) == {ADMIN: MANAGE}
    assert CANARY not in str(found) + caplog.text


def test_roles_stay_when_no_file_declares_them_any_more(group: Fivetran, caplog):
    olds = _create(group, {ADMIN: MANAGE, ANN: VIEW})
    GroupAccessProvider().delete(group.group, olds)
    assert group.access(group.group) == {ADMIN: MANAGE, ANN: VIEW}
    assert f"{ADMIN}, {ANN} keep theirs" in caplog.text
