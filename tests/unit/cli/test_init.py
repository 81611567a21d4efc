"""`reconciler init`: the files of a new environment, from what exists."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.edits.environment import add_code_owners, shared_access

from .workspace import ENVIRONMENT, Workspace


def test_init_writes_an_environment_from_what_exists(workspace: Workspace):
    group = workspace.admin("POST", "/groups", {"name": "Prod"})["id"]
    reader = {"role": "READER", "groupByEmail": "data@example.com"}
    owner = {"role": "OWNER", "userByEmail": "reconciler@dev-project.iam.gserviceaccount.com"}
    workspace.dataset("one", access=[reader, owner])
    workspace.dataset("two", access=[owner, {"role": "READER", "userByEmail": "a@example.com"}])
    assert group
    Path("Pulumi.yaml").write_text("name: x\nruntime: python\n")
    arguments = ("--group", "Prod", "--project", "dev-project", "--location", "EU", "--purpose", "production", "--yes")
    ran = workspace.run("init", "live", *arguments)
    assert "written: " in ran.err
    file = workspace.specs / "live" / "environment.yaml"
    assert file.read_text().startswith("# yaml-language-server: $schema=")
    written = yaml.safe_load(file.read_text())
    assert written["fivetran"]["group"] == "Prod"
    assert written["automation"] == [
        {
            "role": "roles/bigquery.dataOwner",
            "members": ["serviceAccount:reconciler@dev-project.iam.gserviceaccount.com"],
        }
    ]
    assert written["policy"]["expiry"] == "forbidden"
    assert Path("Pulumi.live.yaml").read_text().startswith("# What Pulumi itself needs.")
    assert workspace.run("validate", "live").code == 0


def test_init_rejects_an_environment_that_exists_before_it_asks(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    assert "the file exists already\n    Name another environment" in workspace.run("init", "dev").err


def test_init_rejects_an_environment_that_exists(workspace: Workspace):
    arguments = ("--group", "Dev", "--project", "dev-project", "--location", "US", "--purpose", "trial", "--yes")
    assert "the file exists already" in workspace.run("init", "dev", *arguments).err


PROJECT = "staging-project"
RUNNER = "runner@staging-project.iam.gserviceaccount.com"
ANN, TEAM, OWN = "user:ann@example.com", "team:Data Engineering", "user:simulator-key@example.com"
MANAGE, EDIT = "Manage Destination", "Edit Destination"


@pytest.fixture
def account(workspace: Workspace) -> Iterator[Workspace]:
    """Have a group with a destination, roles in it, and a project with two datasets, which no file declares yet."""
    shutil.rmtree(workspace.specs)
    Path("Pulumi.yaml").write_text("name: x\nruntime: python\n")
    group = workspace.group_id = workspace.admin("POST", "/groups", {"name": "Staging"})["id"]
    config = {"project_id": PROJECT, "data_set_location": "EU"}
    destination = {"id": group, "service": "big_query", "region": "GCP_EUROPE_WEST3", "time_zone_offset": "+1"}
    workspace.admin("POST", "/destinations", {**destination, "config": config, "setup_status": "connected"})
    workspace.admin("POST", "/users", {"email": "ann@example.com"})
    workspace.admin("POST", "/teams", {"name": "Data Engineering"})
    workspace.admin("PATCH", "/groups/Staging/access", {ANN: MANAGE, TEAM: EDIT, OWN: MANAGE})
    lists = [{"role": "OWNER", "userByEmail": RUNNER}, {"role": "READER", "groupByEmail": "data@example.com"}]
    for name in ("ads", "shop"):
        workspace.admin("PUT", f"/gcp/datasets/{PROJECT}/{name}", {"location": "EU", "access": lists})
    fivetran = f"serviceAccount:g-{group.replace('_', '-')}@fivetran-production.iam.gserviceaccount.com"
    for role, member in (
        ("roles/bigquery.jobUser", "group:data@example.com"),
        ("roles/bigquery.user", fivetran),
        ("roles/bigquery.dataViewer", "user:boss@example.com"),
        ("roles/storage.admin", "user:boss@example.com"),
    ):
        workspace.admin("POST", f"/gcp/grants/{PROJECT}", {"role": role, "member": member})
    yield workspace
    workspace.admin("PATCH", "/credentials/simulator-key", {"permissions": None})


def read_environment(workspace: Workspace) -> dict[str, Any]:
    written: dict[str, Any] = yaml.safe_load((workspace.specs / "staging" / "environment.yaml").read_text())
    return written


def test_init_of_a_trial_declares_who_has_access_today_in_an_empty_checkout(account: Workspace):
    ran = account.run("init", "staging", "--group", "Staging", "--purpose", "trial", "--code-owner", "@a/b", "--yes")
    written = read_environment(account)
    assert written["gcp_project"] == PROJECT
    assert written["fivetran"] == {
        "group": "Staging",
        "destination": {
            "location": "EU",
            "region": "GCP_EUROPE_WEST3",
            "time_zone_offset": "+1",
            "daylight_saving_time_enabled": True,
        },
        "access": [{"role": EDIT, "members": [TEAM]}, {"role": MANAGE, "members": [ANN, OWN]}],
    }
    assert written["automation"] == [{"role": "roles/bigquery.dataOwner", "members": [f"serviceAccount:{RUNNER}"]}]
    assert written["default_access"] == [{"role": "roles/bigquery.dataViewer", "members": ["group:data@example.com"]}]
    assert written["project_access"] == [{"role": "roles/bigquery.jobUser", "members": ["group:data@example.com"]}]
    reader = "user:boss@example.com can read every dataset through roles/bigquery.dataViewer on the project"
    assert f"notice: {reader}\n" in ran.err
    assert Path(".github/CODEOWNERS").read_text() == "/connectors/staging/                @a/b\n"
    # doctor has nothing to add: the files say what there is.
    assert (ran.code, ran.err.splitlines()[-1]) == (0, "staging: 7 ok"), ran.out + ran.err


def test_init_of_production_declares_automation_and_names_the_people_left_out(account: Workspace):
    ran = account.run("init", "staging", "--group", "Staging", "--purpose", "production", "--yes")
    written = read_environment(account)
    assert written["fivetran"]["access"] == [{"role": MANAGE, "members": [OWN]}]
    assert written["policy"]["people"]["standing"] == [OWN]
    assert "default_access" not in written
    data = "group:data@example.com has roles/bigquery.dataViewer on every dataset"
    assert f"notice: {data}: grant it in the units' files, with a ticket and a last day\n" in ran.err
    assert f"notice: {ANN} has {MANAGE} in the Fivetran group: declare it" in ran.err
    assert account.run("validate", "staging").code == 0


def test_init_leaves_out_and_names_what_it_may_not_read(account: Workspace):
    forbidden = {"kind": "status", "status": 403, "body": {"code": "Forbidden"}, "count": None}
    account.admin("POST", "/faults", {"path": "^/v1/(destinations/|groups/[^/]+/)", **forbidden})
    account.admin("PUT", f"/gcp/hierarchy/projects/{PROJECT}", {"denied": ["getIamPolicy"]})
    denied = {"method": "GET", "id": "*/datasets/*", "code": "PERMISSION_DENIED", "error": "Denied", "times": 0}
    account.admin("POST", "/gcp/faults", denied)
    arguments = ("--group", "Staging", "--project", PROJECT, "--location", "EU", "--purpose", "trial", "--yes")
    ran = account.run("init", "staging", *arguments)
    assert set(read_environment(account)) == {"gcp_project", "fivetran", "policy"}
    for what in ("the group's destination", "Fivetran's service account", "who has a role in the group"):
        assert f"notice: cannot read {what}: " in ran.err
    assert f"notice: cannot read the roles on the project {PROJECT}: " in ran.err
    assert ran.code == 3, "doctor may not read it either"


def test_init_takes_the_location_from_the_datasets_of_the_project(account: Workspace):
    arguments = ("--group", "New", "--project", PROJECT, "--purpose", "trial", "--yes")
    ran = account.run("init", "staging", *arguments)
    assert ran.code != 2, ran.err
    assert read_environment(account)["fivetran"]["destination"]["location"] == "EU"
    text = (account.specs / "staging" / "environment.yaml").read_text()
    assert "  # The first run creates the destination with these values." in text


def test_init_names_every_option_that_it_cannot_ask_at_once(account: Workspace):
    ran = account.run("init", "staging")
    assert ran.code == 2
    assert "is the environment for trial or for production? Name it with --purpose: trial, production\n" in ran.err
    assert "which fivetran group? Name it with --group: Dev, Staging\n" in ran.err
    ran = account.run("init", "staging", "--purpose", "trial", "--group", "New")
    assert "which gcp project? Name it with --project\n    which bigquery location? Name it with --location" in ran.err


def test_init_offers_no_group_that_another_environment_has(account: Workspace):
    account.write("environment", ENVIRONMENT)
    ran = account.run("init", "staging", "--purpose", "trial", "--yes")
    assert read_environment(account)["fivetran"]["group"] == "Staging", ran.err


def test_init_rejects_a_group_that_it_cannot_tell_from_another(account: Workspace):
    account.admin("POST", "/groups", {"name": "Staging"})
    ran = account.run("init", "staging", "--purpose", "trial", "--group", "Staging", "--yes")
    assert (ran.code, "several groups named Staging: " in ran.err) == (2, True)


def test_init_rejects_a_destination_that_is_not_bigquery(account: Workspace):
    group = account.admin("POST", "/groups", {"name": "Snow"})["id"]
    account.admin("POST", "/destinations", {"id": group, "service": "snowflake", "config": {}})
    ran = account.run("init", "staging", "--purpose", "trial", "--group", "Snow", "--yes")
    assert (ran.code, "the destination of Snow is snowflake, and not BigQuery" in ran.err) == (2, True)


def test_init_keeps_a_stack_file_and_finds_code_owners_in_the_root(account: Workspace):
    Path("Pulumi.staging.yaml").write_text("encryptedkey: x\n")
    Path("CODEOWNERS").write_text("* @a/all\n")
    ran = account.run("init", "staging", "--group", "Staging", "--purpose", "trial", "--code-owner", "@a/b", "--yes")
    assert "notice: Pulumi.staging.yaml exists already, and stays as it is" in ran.err
    assert Path("Pulumi.staging.yaml").read_text() == "encryptedkey: x\n"
    assert Path("CODEOWNERS").read_text() == "* @a/all\n/connectors/staging/                @a/b\n"
    assert not Path(".github").exists()


@pytest.mark.parametrize("owner", ["a/b", "@", "@a/b @c/d", "someone"])
def test_init_rejects_a_text_that_github_does_not_accept_as_code_owner(account: Workspace, owner: str):
    ran = account.run("init", "staging", "--code-owner", owner)
    assert (ran.code, "is not a code owner: write @org/team" in ran.err) == (2, True)


ANSWERS = ("trial", "New", PROJECT, "EU", "@a/b", "y")


def answer(monkeypatch: pytest.MonkeyPatch, answers: tuple[str, ...]) -> list[str]:
    """Answer the questions on a terminal; after the last answer the user presses Ctrl-C. Return what was asked."""
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        if len(asked) > len(answers):
            raise KeyboardInterrupt
        return answers[len(asked) - 1]

    monkeypatch.setattr("reconciler.cli.init.is_terminal", lambda: True)
    monkeypatch.setattr("reconciler.cli.edit_files.is_terminal", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", ask)
    return asked


def test_init_asks_on_a_terminal_for_what_no_api_has(account: Workspace, monkeypatch: pytest.MonkeyPatch):
    account.admin("DELETE", f"/gcp/datasets/{PROJECT}/ads")
    account.admin("DELETE", f"/gcp/datasets/{PROJECT}/shop")
    account.admin("DELETE", f"/destinations/{account.group_id}")
    asked = answer(monkeypatch, ("trial", "Staging", PROJECT, "EU", "@a/b", "y"))
    ran = account.run("init", "staging")
    assert len(asked) == len(ANSWERS), ran.err
    assert read_environment(account)["fivetran"]["destination"]["location"] == "EU"


def test_init_asks_again_for_a_text_that_is_not_a_code_owner(account: Workspace, monkeypatch: pytest.MonkeyPatch):
    asked = answer(monkeypatch, ("trial", "platform", "@a/b", "n"))
    ran = account.run("init", "staging", "--group", "Staging")
    assert "platform is not a code owner: write @org/team" in ran.err
    assert len(asked) == 4
    assert "/connectors/staging/                @a/b" in ran.out


@pytest.mark.parametrize(
    ("location", "region"),
    [
        ("EU", "GCP_EUROPE_WEST3"),
        ("europe-west2", "GCP_EUROPE_WEST2"),
        ("australia-southeast1", "GCP_AUSTRALIA_SOUTHEAST1"),
        ("us-central1", "GCP_US_EAST4"),
    ],
)
def test_init_processes_data_where_it_is_stored(account: Workspace, location: str, region: str):
    arguments = ("--group", "New", "--project", PROJECT, "--location", location, "--purpose", "trial", "--yes")
    account.run("init", "staging", *arguments)
    assert read_environment(account)["fivetran"]["destination"] == {
        "location": location,
        "region": region,
        "time_zone_offset": "0",
    }


@pytest.mark.parametrize(("group", "project", "noted"), [("Staging", PROJECT, False), ("New", "dev-project", True)])
def test_init_names_automation_that_no_dataset_has(account: Workspace, group: str, project: str, noted: bool):
    arguments = ("--group", group, "--project", project, "--location", "EU", "--purpose", "trial", "--yes")
    ran = account.run("init", "staging", *arguments)
    assert ("notice: no service account has access to every dataset: name the one" in ran.err) is noted


def test_init_names_code_owners_that_stay(account: Workspace):
    Path("CODEOWNERS").write_text("/connectors/staging/ @other/team\n")
    ran = account.run("init", "staging", "--group", "Staging", "--purpose", "trial", "--code-owner", "@a/b", "--yes")
    assert "notice: CODEOWNERS has a line for /connectors/staging/ already, and stays as it is" in ran.err
    assert Path("CODEOWNERS").read_text() == "/connectors/staging/ @other/team\n"


def test_init_reports_a_group_that_does_not_exist(account: Workspace):
    arguments = ("--project", PROJECT, "--location", "EU", "--purpose", "trial", "--code-owner", "@a/b")
    ran = account.run("init", "staging", "--group", "Stagign", *arguments)
    assert "notice: Fivetran has no group Stagign: the first run creates it; did you mean Staging?" in ran.err


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_init_writes_nothing_when_a_question_is_interrupted(
    account: Workspace, monkeypatch: pytest.MonkeyPatch, number: int
):
    account.admin("DELETE", f"/gcp/datasets/{PROJECT}/ads")
    account.admin("DELETE", f"/gcp/datasets/{PROJECT}/shop")
    account.admin("DELETE", f"/destinations/{account.group_id}")
    asked = answer(monkeypatch, ("trial", "Staging", *ANSWERS[2:])[:number])
    ran = account.run("init", "staging")
    assert (ran.code, len(asked)) == (130, number + 1)
    assert ran.err.endswith("interrupted\n")
    assert sorted(path.name for path in Path().iterdir()) == ["Pulumi.yaml"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_code_owners_come_before_those_of_environment_files(end: str):
    text = end.join(["* @a/all", "", "# Access.", "/connectors/*/environment.yaml  @a/infra", ""])
    new = add_code_owners(text, "live", ["@a/team"])
    assert new == text.replace("# Access.", f"/connectors/live/                   @a/team{end}{end}# Access.")
    assert add_code_owners(new, "live", ["@a/team"]) == new


def test_shared_access_is_what_every_dataset_has():
    one = {"role": "READER", "groupByEmail": "g@example.com"}
    other = {"role": "WRITER", "userByEmail": "f@x.iam.gserviceaccount.com"}
    assert shared_access([[one, other], [one]], without=[]) == {"roles/bigquery.dataViewer": ("group:g@example.com",)}
    assert shared_access([[other], [other]], ["F@x.iam.gserviceaccount.com"]) == {}
