"""Who has a role in the Fivetran group without a line, and keys that expire: `doctor`, `unmanaged` and `report`."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.placeholder_values import PlaceholderValues
from reconciler.config import load
from reconciler.fivetran.api import Role
from reconciler.fivetran.group_roles import GroupMember, LiveRoles
from reconciler.health.fivetran_access import check_access

from .workspace import ENVIRONMENT, Workspace

KEY = "simulator-key"
OWN = f"user:{KEY}@example.com"
ANN, BOB, TEAM = "user:ann@example.com", "user:bob@example.com", "team:Data Engineering"
MANAGE, EDIT, VIEW = "Manage Destination", "Edit Destination", "View Destination"


@pytest.fixture
def members(workspace: Workspace) -> Iterator[Workspace]:
    """Declare Ann and Bob; Bob, a team and the key's user have a role."""
    for email in ("ann@example.com", "bob@example.com"):
        workspace.admin("POST", "/users", {"email": email})
    workspace.admin("POST", "/teams", {"name": "Data Engineering"})
    workspace.admin("PATCH", "/groups/Dev/access", {BOB: EDIT, TEAM: EDIT, OWN: MANAGE})
    declare(workspace, {ANN: VIEW, BOB: VIEW})
    yield workspace
    workspace.admin("PATCH", f"/credentials/{KEY}", {"permissions": None})
    for name in ("nightly", "yearly"):
        workspace.admin("DELETE", f"/credentials/{name}")


def declare(workspace: Workspace, roles: dict[str, str], **policy: Any) -> None:
    access = [{"role": role, "members": [member]} for member, role in roles.items()]
    fivetran = {**ENVIRONMENT["fivetran"], "access": access}
    workspace.write("environment", {**ENVIRONMENT, "fivetran": fivetran, "policy": policy})


def permit(workspace: Workspace, **permissions: str) -> None:
    workspace.admin("PATCH", f"/credentials/{KEY}", {"permissions": permissions})


def checks(workspace: Workspace) -> list[tuple[str, str]]:
    """What doctor says about access, as level and text."""
    found = json.loads(workspace.run("doctor", "--format", "json").out)
    return [(each["level"], each["text"]) for each in found if each["check"] in ("Fivetran access", "API keys")]


def test_unmanaged_lists_members_that_no_file_declares(members: Workspace):
    ran = members.run("unmanaged", "--only", "members")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        f"{TEAM} has {EDIT} in the Fivetran group Dev",
        f"{OWN} has {MANAGE} in the Fivetran group Dev (the user of this API key)",
    ]
    step = "Declare members under `fivetran.access` in connectors/dev/environment.yaml, or remove them in Fivetran"
    assert ran.err == f"dev: 2 unmanaged members. {step}\n"


def test_unmanaged_lists_no_member_where_no_access_is_declared(members: Workspace):
    members.write("environment", ENVIRONMENT)
    assert members.run("unmanaged").code == 0


def test_report_has_undeclared_members_ending_access_and_expiring_keys(members: Workspace):
    grant = {"role": VIEW, "members": [ANN], "until": "2027-01-05"}
    fivetran = {**ENVIRONMENT["fivetran"], "access": [grant]}
    members.write("environment", {**ENVIRONMENT, "fivetran": fivetran})
    expiry = {"key": "nightly", "secret": "x", "kind": "system", "expires_at": "2027-01-20T00:00:00Z"}
    members.admin("POST", "/credentials", expiry)
    found = json.loads(members.run("report", "--today", "2027-01-03", "--format", "json").out)
    assert any(TEAM in each["text"] for each in found["undeclared"])
    assert [each["text"] for each in found["access"]] == [
        f"access ends on 2027-01-05, in 2 days: {VIEW} for {ANN}; write a later date in `until` to prevent that"
    ]
    assert [each["text"] for each in found["to_see_to"]] == [
        "the Fivetran system key nightly (system_nightly) expires on 2027-01-20, in 17 days"
    ]


def test_page_and_daily_issue_have_undeclared_members_and_expiring_keys(members: Workspace, tmp_path: Path):
    expiry = {"key": "nightly", "secret": "x", "kind": "system", "expires_at": "2027-01-20T00:00:00Z"}
    members.admin("POST", "/credentials", expiry)
    members.run("report", "-e", "dev", "--today", "2027-01-03", "--html", str(tmp_path / "page.html"))
    page = html.unescape((tmp_path / "page.html").read_text())
    # The daily issue and the page have the sections of `report` alike.
    text = members.run("report", "-e", "dev", "--today", "2027-01-03").out
    for shown in (page, text):
        assert f"{TEAM} has {EDIT} in the Fivetran group Dev" in shown
        assert "the Fivetran system key nightly (system_nightly) expires on 2027-01-20, in 17 days" in shown


NO_USER = "the Fivetran account has no user with this address"


def test_doctor_leaves_out_roles_that_members_have_in_other_groups(members: Workspace):
    members.admin("POST", "/groups", {"name": "Other"})
    members.admin("PATCH", "/groups/Other/access", {ANN: MANAGE, BOB: MANAGE})
    declare(members, {BOB: EDIT, TEAM: EDIT, OWN: MANAGE})
    assert checks(members)[1:] == [("ok", "3 members have a role in the group Dev, as the file declares")]


def test_doctor_accepts_a_former_name_of_a_role(members: Workspace):
    live = LiveRoles({"user:bob@example.com": GroupMember(BOB, "1", EDIT)})
    declare(members, {BOB: "Destination Analyst"})
    environment = load(members.specs, members.specs.parent).fleets["dev"].environment
    known = [Role(EDIT, frozenset({"DESTINATION"}), None)]
    [found] = check_access(live, environment, datetime.now(UTC).date(), None, known)
    assert found.level == "ok"


def test_doctor_names_each_difference_between_file_and_group(members: Workspace):
    members.admin("POST", "/users", {"email": "new@example.com", "verified": False})
    members.admin("PATCH", "/groups/Dev/access", {"user:new@example.com": VIEW})
    unknown = {"user:gone@example.com": VIEW, "team:Missing": VIEW}
    declare(members, {ANN: VIEW, BOB: VIEW, "user:new@example.com": VIEW, OWN: "Watcher", **unknown})
    assert checks(members) == [
        ("ok", f"{KEY}@example.com: may change every connector as Account Administrator"),
        ("failed", "the account has no role Watcher for a destination"),
        ("warning", f"team:Missing does not have the declared role {VIEW}: Fivetran has no team of this name"),
        ("warning", f"{ANN} does not have the declared role {VIEW}"),
        ("warning", f"{BOB} has {EDIT}, not the declared role {VIEW}"),
        ("warning", f"user:gone@example.com does not have the declared role {VIEW}: {NO_USER}"),
        ("warning", f"user:new@example.com has {VIEW} (invited, has not accepted)"),
        ("warning", f"{OWN} has {MANAGE}, not the declared role Watcher"),
        ("warning", f"{TEAM} has {EDIT} in the Fivetran group Dev, but no file declares it"),
    ]


def test_doctor_is_ok_when_the_group_is_as_declared(members: Workspace):
    declare(members, {BOB: "Destination Analyst", TEAM: EDIT, OWN: MANAGE})
    assert checks(members)[1:] == [("ok", "3 members have a role in the group Dev, as the file declares")]


def test_doctor_names_what_an_api_key_without_permission_cannot_read(members: Workspace):
    declare(members, {BOB: EDIT, TEAM: EDIT, OWN: MANAGE})
    permit(members, DESTINATION="MANAGE", CONNECTOR="MANAGE")
    assert checks(members) == [("warning", "this API key may not read teams")]
    ran = members.run("unmanaged", "--only", "members")
    teams = "cannot read which teams have a role in the Fivetran group Dev: this API key may not read teams"
    assert (ran.code, ran.out, ran.err) == (3, "", f"dev: {teams}\n")
    report = json.loads(members.run("report", "--format", "json").out)
    assert [each["text"] for each in report["to_see_to"]] == [teams]


def test_doctor_warns_before_a_system_key_expires(members: Workspace):
    members.write("environment", ENVIRONMENT)
    soon, later = (datetime.now(UTC) + timedelta(days=days, hours=1) for days in (5, 90))
    for name, moment in (("nightly", soon), ("yearly", later)):
        body = {"key": name, "secret": "x", "kind": "system", "expires_at": moment.isoformat()}
        members.admin("POST", "/credentials", body)
    text = f"the Fivetran system key nightly (system_nightly) expires on {soon.date()}, in 5 days"
    assert checks(members) == [("warning", text)]


def test_simulate_fills_the_account_with_the_members_and_custom_roles_of_files(members: Workspace):
    declare(members, {"user:New@example.com": "Watcher", "team:Fresh": VIEW, ANN: VIEW})
    loaded = load(members.specs, members.specs.parent)
    placeholders = PlaceholderValues.of(list(loaded.fleets.values()), {})
    for _ in range(2):
        placeholders.create_members(members.admin_url)
    account = members.admin("GET", "/access")
    assert [user["email"] for user in account["users"]].count("new@example.com") == 1
    assert [team["name"] for team in account["teams"]] == ["Data Engineering", "Fresh"]
    members.admin("PATCH", "/groups/Dev/access", {"user:new@example.com": "Watcher"})
    assert ("failed", "the account has no role Watcher for a destination") not in checks(members)
