"""`reconciler who-can-read`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.git.commits import git

from .workspace import ENVIRONMENT, Workspace

DAY = "2026-11-30"
VIEWER = "roles/bigquery.dataViewer"
WITH_DEFAULT = {**ENVIRONMENT, "default_access": [{"role": VIEWER, "members": ["group:all@example.com"]}]}


def unit(*members: str, **more: Any) -> dict[str, Any]:
    access = [{"role": VIEWER, "members": list(members), **more}] if members else []
    return {"description": "x", "owners": ["owner@example.com"], "dataset": {"access": access} if access else {}}


def answer(workspace: Workspace, *arguments: str, code: int = 0) -> dict[str, Any]:
    ran = workspace.run("who-can-read", "--today", DAY, "--format", "json", *arguments)
    assert ran.code == code, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def members(found: dict[str, Any]) -> dict[str, str]:
    return {each["member"]: each["source"] for each in found["grants"]}


def test_who_can_read_prints_a_row_for_each_member_with_its_line(workspace: Workspace):
    workspace.write("environment", WITH_DEFAULT)
    workspace.write("shop", unit("user:a@example.com", ticket="DENG-1", until="2026-12-05"))
    ran = workspace.run("who-can-read", "shop", "--offline", "--today", DAY)
    assert ran.code == 0
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[0][:4] == ["MEMBER", "ROLE", "UNTIL", "TICKET"]
    assert rows[1] == [
        *("user:a@example.com", VIEWER, "2026-12-05", "DENG-1"),
        *("its", "own", "list", "connectors/dev/shop.yaml:8:7"),
    ]
    assert "group:all@example.com" in ran.out
    notes = ran.err.splitlines()
    assert notes[0] == f"shop on {DAY}: 3 members"
    assert all(note.startswith("not known: ") for note in notes[1:])
    assert any("no file declares" in note for note in notes)


def test_who_can_read_answers_from_lists_and_policies_when_it_may_read_them(workspace: Workspace):
    workspace.write("shop", unit("user:a@example.com"))
    reader = {"role": "READER", "userByEmail": "hand@example.com"}
    workspace.dataset("shop", access=[{"role": "READER", "userByEmail": "a@example.com"}, reader])
    workspace.dataset("scratch", access=[reader])
    bindings = [{"role": VIEWER, "members": ["group:audit@example.com"]}]
    workspace.admin("PUT", "/gcp/hierarchy/projects/dev-project", {"bindings": bindings, "parent": "organizations/1"})
    workspace.admin("PUT", "/gcp/hierarchy/organizations/1", {"denied": ["get", "getIamPolicy"]})
    found = answer(workspace, "shop")
    assert members(found) == {
        "user:a@example.com": "file",
        "projectOwners": "owner",
        "user:hand@example.com": "by_hand",
        "group:audit@example.com": "project",
    }
    assert found["not_known"][0] == "the IAM policy of the organisation 1: Google answered 403"
    by_hand = answer(workspace, "user:hand@example.com")
    assert {each["dataset"] for each in by_hand["grants"]} == {"shop", "scratch"}
    assert by_hand["groups"] == ["group:audit@example.com"]
    assert members(answer(workspace, "dev-project.scratch")).keys() == {
        "user:hand@example.com",
        "group:audit@example.com",
    }


def test_who_can_read_is_incomplete_and_fails_when_a_list_cannot_be_read(workspace: Workspace):
    workspace.write("shop", unit("user:a@example.com"))
    workspace.dataset("shop")
    denied = {"method": "GET", "id": "*/datasets/shop", "code": "PERMISSION_DENIED", "times": 0}
    workspace.admin("POST", "/gcp/faults", {**denied, "error": "Access Denied"})
    found = answer(workspace, "shop", code=3)
    assert members(found)["user:a@example.com"] == "file"
    assert found["not_known"][0].startswith("the access list of shop: ")


def test_who_can_read_rejects_a_dataset_that_does_not_exist(workspace: Workspace):
    workspace.write("shop", unit())
    ran = workspace.run("who-can-read", "shpo", "--offline", "--today", DAY)
    assert ran.code == 2
    assert f"no dataset shpo in dev on {DAY}: did you mean shop?" in ran.err


def test_who_can_read_quotes_an_empty_dataset(workspace: Workspace):
    workspace.write("shop", unit())
    ran = workspace.run("who-can-read", "", "--offline", "--today", DAY)
    assert ran.code == 2
    assert f"no dataset '' in dev on {DAY}" in ran.err


def test_who_can_read_answers_a_member_without_access_with_the_groups_to_check(workspace: Workspace):
    workspace.write("shop", unit("group:team@example.com"))
    ran = workspace.run("who-can-read", "user:a@example.com", "--offline", "--today", DAY)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines()[:2] == [
        f"user:a@example.com on {DAY}: no dataset by name",
        "not known: whether user:a@example.com is in group:team@example.com, which can read datasets",
    ]


@pytest.fixture
def history(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Commit files on several days: on the 10th, the 12th, and a branch of the 11th that is merged on the 14th."""
    for name in ("FIVETRAN_APIKEY", "BIGQUERY_EMULATOR_HOST"):
        monkeypatch.delenv(name)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")

    def commit(day: str, *command: str) -> None:
        for who in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{who}_DATE", f"{day}T12:00:00Z")
        git(tmp_path, "add", "connectors")
        git(tmp_path, *(command or ("commit", "--quiet", "-m", day)))

    workspace.write("shop", unit("user:a@example.com", until="2026-11-13"))
    commit("2026-11-10")
    git(tmp_path, "checkout", "--quiet", "-b", "other")
    workspace.write("later", unit("user:c@example.com"))
    commit("2026-11-11")
    git(tmp_path, "checkout", "--quiet", "main")
    workspace.write("shop", unit("user:a@example.com", "user:b@example.com", until="2026-11-13"))
    commit("2026-11-12")
    commit("2026-11-14", "merge", "--quiet", "--no-ff", "-m", "x", "other")
    git(tmp_path, "checkout", "--quiet", "other")
    workspace.write("shop", unit("user:uncommitted@example.com"))
    return workspace


@pytest.mark.parametrize(
    ("on", "people"),
    [
        ("2026-11-10", {"user:a@example.com"}),
        ("2026-11-11", {"user:a@example.com"}),
        ("2026-11-12", {"user:a@example.com", "user:b@example.com"}),
        ("2026-11-13", {"user:a@example.com", "user:b@example.com"}),
        ("2026-11-14", set()),
    ],
)
def test_who_can_read_on_a_past_day_takes_that_days_files(history: Workspace, on: str, people: set[str]):
    found = answer(history, "shop", "--on", on)
    assert members(found).keys() - {"projectOwners"} == people
    assert found["day"] == on
    assert len(found["commit"]) == 40
    assert found["not_known"][0].startswith("roles on the project, its folders and the organisation on that day")


def test_who_can_read_on_a_past_day_sees_a_merge_on_the_day_of_the_merge(history: Workspace):
    for day in ("2026-11-11", "2026-11-13"):  # the merged commit is of the 11th
        before = history.run("who-can-read", "--today", DAY, "later", "--on", day)
        assert before.code == 2
        assert f"no dataset later in dev on {day} in the files of 2026-11-" in before.err
    ran = history.run("who-can-read", "--today", DAY, "later", "--on", "2026-11-14")
    assert "connectors/dev/later.yaml:8:7" in ran.out
    assert ran.err.startswith("answered from the files of 2026-11-14 12:00 UTC on main (")


def test_who_can_read_rejects_days_that_history_does_not_have(history: Workspace):
    early = history.run("who-can-read", "--today", DAY, "shop", "--on", "2026-11-09")
    assert early.code == 2
    assert "main has no commit by 2026-11-09" in early.err
    late = history.run("who-can-read", "--today", DAY, "shop", "--on", "2026-12-01")
    assert late.code == 2
    assert history.run("who-can-read", "--today", DAY, "shop", "--branch", "main").code == 2


@pytest.mark.parametrize("day", ["1970-01-01", "1973-03-01", "2001-01-01"])
def test_who_can_read_on_a_day_before_the_first_commit_answers_nothing(history: Workspace, day: str):
    ran = history.run("who-can-read", "shop", "--on", day, "--today", DAY)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"Error: main has no commit by {day}")


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "9001-01-01", "9999-12-31"])
@pytest.mark.parametrize("option", ["--on", "--today"])
def test_who_can_read_rejects_a_day_that_git_or_the_calendar_does_not_have(workspace: Workspace, option: str, day: str):
    ran = workspace.run("who-can-read", "shop", option, day)
    assert ran.code == 2
    assert f"{day}: expected a year between 1970 and 9000" in ran.err


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("usr:a@example.com", "did you mean user:a@example.com?"),
        ("User:a@example.com", "did you mean user:a@example.com?"),
        ("SERVICEACCOUNT:a@example.com", "did you mean serviceAccount:a@example.com?"),
        ("user:", "Write user:a@example.com, or an address"),
        ("user:a", "Write user:a@example.com, or an address"),
        (" a@example.com", "Write user:a@example.com, or an address"),
        ("@", "Write user:a@example.com, or an address"),
        (":", "Write user:a@example.com, or an address"),
        ("shop/x", "Write user:a@example.com, or an address"),
        ("workgroup:data", "none of these environments has `workgroups`"),
    ],
)
def test_who_can_read_rejects_a_text_that_cannot_be_a_member(workspace: Workspace, text: str, hint: str):
    workspace.write("shop", unit("user:a@example.com"))
    ran = workspace.run("who-can-read", text, "--offline", "--today", DAY)
    assert (ran.code, ran.out) == (2, "")
    assert hint in ran.err


@pytest.mark.parametrize("text", ["A@EXAMPLE.com", "user:A@Example.com", "allUsers", "domain:example.com"])
def test_who_can_read_accepts_members_in_any_case_of_their_address(workspace: Workspace, text: str):
    workspace.write("shop", unit("user:a@example.com"))
    found = answer(workspace, text, "--offline")
    assert ("user:a@example.com" in members(found)) == ("@" in text)


def test_who_can_read_on_a_past_day_answers_from_a_shallow_clone_as_far_as_it_goes(
    history: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    git(tmp_path, "checkout", "--quiet", "--force", "main")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", tmp_path.as_uri(), str(clone))
    monkeypatch.chdir(clone)
    history.specs = clone / "connectors"
    assert "user:c@example.com" in members(answer(history, "later", "--on", "2026-11-20"))
    ran = history.run("who-can-read", "later", "--today", DAY, "--on", "2026-11-13")
    assert ran.code == 2
    assert "has no commit by 2026-11-13\n    Name a later day, or fetch the whole history: `git fetch" in ran.err
