"""Who can change connectors: the roles in the Fivetran group, through the real engine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from admin import Admin
from workspace import ENVIRONMENT, Workspace, kill

OWN = "user:simulator-key@example.com"
ADMIN, ANN, BOB, TEAM = (
    "user:admin@example.com",
    "user:ann@example.com",
    "user:bob@example.com",
    "team:Data Engineering",
)
MANAGE, EDIT, VIEW = "Manage Destination", "Edit Destination", "View Destination"


@pytest.fixture
def group(admin: Admin) -> str:
    """A group whose administrator is a person, and an account with a team."""
    for member in (ADMIN, ANN, BOB):
        admin.make_user(member.partition(":")[2])
    admin.make_team("Data Engineering", "ann@example.com")
    group = admin.make_group_with_destination("Group_Dev")
    admin.set_access(group, **{ADMIN: MANAGE, BOB: EDIT})
    return group


def declare(workspace: Workspace, *grants: tuple[str, str], **policy: Any) -> None:
    """Write who has which role; `until` is the last day of Ann's."""
    until = policy.pop("until", None)
    access = [
        {"role": role, "members": [member], **({"until": until} if until and member == ANN else {})}
        for member, role in grants
    ]
    fivetran = {**ENVIRONMENT["fivetran"], "access": access}
    workspace.write("environment", {**ENVIRONMENT, "fivetran": fivetran, "policy": policy})


def review(workspace: Workspace, *arguments: str, today: str = "2026-12-01") -> list[tuple[str, str]]:
    """Return class and text of each consequence about access to Fivetran."""
    command = ["reconciler", "review", "-e", "dev", "--format", "json", *arguments]
    env, root = {**workspace.env, "RECONCILER_TODAY": today}, Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=180, check=False)
    found = json.loads(done.stdout)["consequences"]
    return [(each["class"], each["text"]) for each in found if each["kind"].startswith("fivetran_access")]


def memberships(admin: Admin) -> list[str]:
    """The requests of a run that change who has a role."""
    return [each for each in admin.writes() if "/users" in each or "/teams" in each]


def test_roles_are_adopted_granted_changed_and_revoked_line_by_line(workspace: Workspace, admin: Admin, group: str):
    declare(workspace, (ADMIN, "Destination Administrator"), (BOB, EDIT))
    admin.forget_requests()
    workspace.up().ok()
    assert memberships(admin) == []

    declare(workspace, (ADMIN, MANAGE), (BOB, VIEW), (TEAM, EDIT), (ANN, VIEW), until="2026-12-31")
    granted = workspace.up(RECONCILER_TODAY="2026-12-31").ok()
    assert f"grants {EDIT} in the Fivetran group Group_Dev to {TEAM}" in granted.out
    assert admin.access(group) == {ADMIN: MANAGE, BOB: VIEW, TEAM: EDIT, ANN: VIEW}

    admin.set_access(group, **{BOB: MANAGE, TEAM: None, OWN: VIEW})
    workspace.up("--refresh", RECONCILER_TODAY="2027-01-01").ok()
    assert admin.access(group) == {ADMIN: MANAGE, BOB: VIEW, TEAM: EDIT, OWN: VIEW}

    declare(workspace, (ADMIN, MANAGE), undeclared_fivetran_access="revoked")
    workspace.up("--refresh").ok()
    assert admin.access(group) == {ADMIN: MANAGE, OWN: VIEW}
    workspace.assert_settled()


def test_last_administrator_and_the_keys_user_fail_the_run_and_keep_their_roles(
    workspace: Workspace, admin: Admin, group: str
):
    declare(workspace, (ADMIN, MANAGE), (OWN, EDIT), (BOB, EDIT))
    workspace.up().ok()
    declare(workspace, (BOB, VIEW))
    failed = workspace.up()
    assert failed.code != 0
    assert "is the last administrator of the group" in failed.out
    assert "is the user of the API key" in failed.out
    assert "the environment's access failed:" in failed.out
    assert admin.access(group) == {ADMIN: MANAGE, OWN: EDIT, BOB: VIEW}
    declare(workspace, (ADMIN, MANAGE), (OWN, EDIT), (BOB, VIEW))
    workspace.up().ok()


def test_review_names_who_gains_and_loses_access_to_change_connectors(workspace: Workspace, admin: Admin, group: str):
    declare(workspace, (ADMIN, MANAGE), (BOB, EDIT))
    at = "in the Fivetran group Group_Dev"
    first = ("stop", f"declares who can change connectors {at}: {MANAGE} to {ADMIN}; {EDIT} to {BOB}")
    assert review(workspace) == [first]
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    admin.set_access(group, **{TEAM: EDIT})
    declare(workspace, (ADMIN, MANAGE), (ANN, VIEW), until="2026-12-31", undeclared_fivetran_access="revoked")
    assert review(workspace) == [
        (
            "stop",
            f"revokes the roles {at} from all users and teams that no file declares: {TEAM} ({EDIT})",
        ),
        ("stop", f"grants {VIEW} {at} to {ANN} until 2026-12-31, who can then see connectors"),
        ("stop", f"revokes {EDIT} {at} from {BOB}, who can no longer change and delete connectors"),
    ]
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    admin.set_access(group, **{BOB: VIEW})
    assert review(workspace, "--refresh", today="2027-01-01") == [
        ("note", f"revokes {VIEW} {at} from {ANN}: its last day was 2026-12-31"),
        ("note", f"revokes {VIEW} {at} from {BOB}, whom no file declares"),
    ]


def test_review_stops_a_last_day_that_no_longer_ends_a_role(workspace: Workspace, admin: Admin, group: str):
    declare(workspace, (ADMIN, MANAGE), (ANN, VIEW), until="2026-12-31")
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    declare(workspace, (ADMIN, MANAGE), (ANN, VIEW), until="2026-11-30")
    [revoked] = review(workspace)
    text = "who can no longer see connectors. The file says that its last day was 2026-11-30"
    assert (revoked[0], revoked[1].rpartition(", ")[2]) == ("stop", text)
    workspace.write("environment", ENVIRONMENT)
    stops = [text for severity, text in review(workspace) if severity == "stop"]
    assert stops == [f"no longer revokes {VIEW} in the Fivetran group Group_Dev from {ANN} after 2026-12-31"]
    workspace.up("--refresh", RECONCILER_TODAY="2027-01-01").ok()
    assert admin.access(group) == {ADMIN: MANAGE, BOB: EDIT, ANN: VIEW}


def test_review_says_which_role_a_run_keeps_and_who_has_another(workspace: Workspace, admin: Admin, group: str):
    declare(workspace, (ADMIN, MANAGE), (ANN, VIEW), (TEAM, EDIT))
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    declare(workspace, (TEAM, EDIT))
    of_admin, of_ann = sorted(text for _, text in review(workspace))
    also = f". Members of {TEAM} ({EDIT}) have that role"
    assert of_ann.endswith(f"from {ANN}, who can no longer see connectors{also}")
    assert of_admin.endswith(f"{also}. Where no other administrator is left, the run keeps this role and fails")
    assert workspace.up().code != 0
    assert admin.access(group) == {ADMIN: MANAGE, BOB: EDIT, TEAM: EDIT}


def test_run_killed_between_two_roles_is_completed_by_the_next(workspace: Workspace, admin: Admin, group: str):
    declare(workspace, (ADMIN, MANAGE), (ANN, VIEW), (TEAM, EDIT))
    held = admin.fault(kind="hold", method="POST", path="^/v1/teams/[^/]+/groups$", when="after")
    process = workspace.start_up()
    admin.wait_until_held(held)
    kill(process, group=True)
    admin.release(held)
    admin.forget_faults()
    workspace.recover()
    workspace.up().ok()
    assert admin.access(group) == {ADMIN: MANAGE, BOB: EDIT, ANN: VIEW, TEAM: EDIT}
