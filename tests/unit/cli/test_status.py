"""`reconciler status`."""

import json
import os
import pty
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from reconciler.health.unit_status import UnitStatus

from . import workspace as workspaces
from .workspace import Workspace, days_ago

DONE = {**workspaces.DONE, "schedule_type": "manual"}


def unit_status(workspace: Workspace, *arguments: str) -> dict[str, Any]:
    """Return the only unit from the JSON output."""
    return json.loads(workspace.run("status", "--format", "json", *arguments).out)[0]


def test_status_prints_a_row_per_unit_with_details_below(workspace: Workspace):
    workspace.unit("stripe", schedule={"by": "airflow", "task_id": "fivetran_stripe"})
    workspace.unit("later", schedule={"by": "fivetran", "daily_at": "04:00"})
    task = {"code": "resync_table_warning", "message": "Re-enter the key"}
    succeeded_at = days_ago(3)
    stripe = workspace.connection("stripe", {"schema": "stripe"}, **{**DONE, "succeeded_at": succeeded_at})
    later = workspace.connection("stripe", {"schema": "later"}, setup_state="broken", tasks=[task])
    ran = workspace.run("status")
    lines = ran.out.splitlines()
    assert lines[0].split("  ")[0] == "UNIT"
    last = f"{succeeded_at[:16].replace('T', ' ')} (3 days ago)"
    step = "next: do what Fivetran asks for, then run `pulumi up --stack dev --refresh`, which tests it again"
    assert [line.split() for line in lines[1:]] == [
        ["later", later, "broken", "scheduled", "daily", "at", "04:00", "-"],
        ["!", "its", "setup", "state", "is", "broken"],
        ["Fivetran:", "resync_table_warning:", "Re-enter", "the", "key"],
        step.split(),
        ["stripe", stripe, "connected", "scheduled", "by", "Airflow:", "fivetran_stripe", *last.split()],
        ["the", "DAG", "can", "be", "enabled", "with", "fivetran_stripe_connector_id", "=", stripe],
    ]
    assert len({line.index(word) for line, word in zip(lines, ("SETUP", "broken"), strict=False)}) == 1
    assert [line[:4] for line in lines if line.startswith(" ")] == ["    "] * 4
    assert ran.err == "dev: 1 fine, 1 needs attention\n"
    assert ran.code == 1


def test_status_exits_with_0_when_every_connection_is_fine(workspace: Workspace):
    workspace.unit("stripe")
    workspace.connection("stripe", {"schema": "stripe"}, **DONE)
    ran = workspace.run("status")
    assert (ran.code, ran.err) == (0, "dev: 1 fine\n")
    assert "every 6h" in ran.out


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({**DONE, "is_historical_sync": True}, "its historical sync is not done"),
        ({**DONE, "is_historical_sync": None}, "its historical sync is not done"),
        ({**DONE, "paused": True}, "it is paused"),
        ({**DONE, "setup_state": "broken"}, "its setup state is broken"),
        (
            {"setup_state": "incomplete", "paused": True},
            "its setup state is incomplete, it is paused, its historical sync is not done",
        ),
    ],
)
def test_status_gives_every_reason_against_enabling_a_dag(workspace: Workspace, live: dict[str, Any], words: str):
    workspace.unit("stripe", schedule={"by": "airflow", "task_id": "fivetran_stripe"})
    workspace.admin("PATCH", "/options", {"sync_seconds": 600})
    stripe = workspace.connection("stripe", {"schema": "stripe"}, **live)
    assert unit_status(workspace)["airflow"] == {
        "variable": "fivetran_stripe_connector_id",
        "connection": stripe,
        "safe": False,
        "words": f"do not enable the DAG yet: {words}",
    }


def test_status_advises_against_the_dag_when_the_file_pauses_it(workspace: Workspace):
    workspace.unit("stripe", schedule={"by": "airflow", "task_id": "fivetran_stripe"}, paused="INC-1")
    workspace.connection("stripe", {"schema": "stripe"}, **DONE, paused=False)
    found = unit_status(workspace)
    assert found["airflow"]["safe"] is False
    assert found["airflow"]["words"] == "do not enable the DAG yet: its file pauses it (INC-1)"


def test_status_reports_fivetrans_schedule_when_the_file_says_airflow(workspace: Workspace):
    workspace.unit("stripe", schedule={"by": "airflow", "task_id": "fivetran_stripe"})
    workspace.connection("stripe", {"schema": "stripe"}, **{**DONE, "schedule_type": "auto"})
    (finding,) = unit_status(workspace)["findings"]
    assert finding.startswith("Fivetran starts its syncs, but its file leaves that to Airflow")


def test_status_expects_no_schedule_before_a_users_consent(workspace: Workspace):
    unit = {"description": "Ads.", "owners": ["owner@example.com"], "dataset": {}}
    schedule = {"by": "airflow", "task_id": "fivetran_ads"}
    connector = {"service": "pinterest_ads", "destination": {"schema": "ads"}, "schedule": schedule}
    workspace.write("ads", {**unit, "connector": connector})
    workspace.connection("pinterest_ads", {"schema": "ads"}, setup_state="incomplete", schedule_type="auto")
    found = unit_status(workspace)
    assert found["findings"] == []
    assert found["awaiting"].startswith("a user's consent")


def test_status_reports_a_connection_that_does_not_exist(workspace: Workspace):
    workspace.unit("stripe", schedule={"by": "airflow", "task_id": "t"})
    found = unit_status(workspace)
    assert found["connection"] is None
    assert found["findings"] == ["Fivetran has no such connection: `pulumi up --stack dev` creates it"]
    assert found["airflow"]["words"] == "do not enable the DAG yet: Fivetran has no such connection"
    assert workspace.run("status").code == 1


@pytest.mark.parametrize(
    ("connector", "live", "finding"),
    [
        ({}, {"paused": True}, "it is paused, and not by its file"),
        ({"paused": "INC-1"}, {}, "it is running, but its file pauses it (INC-1)"),
        ({}, {"failed_at": "2099-11-24T11:00:00Z"}, "its last sync failed at 2099-11-24 11:00"),
        ({}, {"setup_state": "incomplete"}, "its setup state is incomplete"),
        ({"service": "jira"}, {}, "its service is stripe, but its file says jira"),
    ],
)
def test_status_reports_what_needs_attention(
    workspace: Workspace, connector: dict[str, Any], live: dict[str, Any], finding: str
):
    workspace.unit("stripe", **connector)
    workspace.connection("stripe", {"schema": "stripe"}, **{**DONE, **live})
    assert [found[: len(finding)] for found in unit_status(workspace)["findings"]] == [finding]


DAILY = {"schedule": {"by": "fivetran", "daily_at": "04:00"}}
AIRFLOW = {"schedule": {"by": "airflow", "task_id": "t"}}


@pytest.mark.parametrize(
    ("connector", "live", "finding"),
    [
        (
            {},
            {"succeeded_at": days_ago(1)},
            "it is late: its last successful sync was at {}, 24 hours ago, and it syncs every 6h",
        ),
        (DAILY, {"succeeded_at": days_ago(1)}, None),
        (
            DAILY,
            {"succeeded_at": days_ago(3)},
            "it is late: its last successful sync was at {}, 3 days ago, and it syncs daily at 04:00",
        ),
        (
            {},
            {"succeeded_at": None, "created_at": days_ago(9)},
            "it is late: it has had no successful sync in 9 days, and it syncs every 6h",
        ),
        ({}, {"succeeded_at": None, "created_at": days_ago(9), "is_historical_sync": True}, None),
        ({"paused": "INC-1"}, {"succeeded_at": days_ago(9), "paused": True}, None),
        (
            {},
            {"update_state": "delayed"},
            "Fivetran reports its data as delayed: its last successful sync was at {}, 0 hours ago",
        ),
        (AIRFLOW, {"succeeded_at": days_ago(90)}, None),
        (
            AIRFLOW,
            {"update_state": "delayed"},
            "Fivetran reports its data as delayed: its last successful sync was at {}, 0 hours ago",
        ),
    ],
)
def test_status_reports_a_connection_that_is_later_than_its_schedule_allows(
    workspace: Workspace, connector: dict[str, Any], live: dict[str, Any], finding: str | None
):
    workspace.unit("stripe", **connector)
    workspace.admin("PATCH", "/options", {"sync_seconds": 600})
    schedule = "manual" if connector == AIRFLOW else "auto"
    workspace.connection("stripe", {"schema": "stripe"}, **{**DONE, "schedule_type": schedule, **live})
    (found,) = json.loads(workspace.run("status", "--format", "json").out)
    last = (found["succeeded_at"] or "")[:16].replace("T", " ")
    assert found["findings"] == ([finding.format(last)] if finding else [])


def test_status_shows_the_last_success_of_a_connection_that_airflow_starts(workspace: Workspace):
    workspace.unit("stripe", **AIRFLOW)
    workspace.connection("stripe", {"schema": "stripe"}, **{**DONE, "succeeded_at": days_ago(9)})
    found = unit_status(workspace)
    last = found["succeeded_at"][:16].replace("T", " ")
    known = (
        f"its last successful sync was at {last}, 9 days ago; Airflow's task t starts it, and no file says how often"
    )
    assert found["no_recent_success"] == known
    ran = workspace.run("status")
    assert (ran.code, known in ran.out) == (0, True)


def test_status_accepts_a_declared_pause_and_a_failure_before_a_success(workspace: Workspace):
    workspace.unit("stripe", paused="INC-1")
    workspace.connection(
        "stripe", {"schema": "stripe"}, **{**DONE, "paused": True, "failed_at": "2026-11-23T10:00:00Z"}
    )
    assert unit_status(workspace)["findings"] == []


def test_status_reports_a_pending_action_as_overdue_after_its_last_day(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    workspace.unit("stripe", awaiting={"what": "the vendor installs our key", "until": "2026-12-15"})
    workspace.connection("stripe", {"schema": "stripe"}, setup_state="incomplete", paused=True)
    monkeypatch.setenv("RECONCILER_TODAY", "2026-12-15")
    ran = workspace.run("status")
    assert (
        "    pending: the vendor installs our key, until 2026-12-15\n"
        "    next: run `reconciler authorise -e dev stripe` to see what is needed" in ran.out
    )
    assert (ran.code, ran.err) == (0, "dev: 1 pending\n")
    monkeypatch.setenv("RECONCILER_TODAY", "2026-12-16")
    assert unit_status(workspace)["findings"] == [
        "overdue since 2026-12-15: the vendor installs our key",
        "its setup state is incomplete",
    ]
    assert unit_status(workspace)["next_step"] == (
        "do what is overdue, or write a later date in connectors/dev/stripe.yaml; "
        "then run `pulumi up --stack dev --refresh`"
    )


def test_status_names_the_command_when_consent_is_pending(workspace: Workspace):
    workspace.unit("ads", service="google_ads")
    workspace.connection("google_ads", {"schema": "ads"}, setup_state="incomplete", paused=True)
    assert (
        unit_status(workspace)["awaiting"] == "a user's consent: `reconciler authorise -e dev ads` prints a link for it"
    )
    assert (
        unit_status(workspace)["next_step"]
        == "when the user has consented, run `pulumi up --stack dev --refresh`, which starts it"
    )
    assert unit_status(workspace)["findings"] == []


@pytest.mark.parametrize(
    ("ending", "words"),
    [({"expires": "2026-11-01"}, "it expired on 2026-11-01"), ({"retire": {"ticket": "T-1"}}, "it is retired (T-1)")],
)
def test_status_accepts_a_pause_when_a_unit_is_expired_or_retired(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, ending: dict[str, Any], words: str
):
    monkeypatch.setenv("RECONCILER_TODAY", "2026-11-02")
    file = workspace.unit("stripe", schedule={"by": "airflow", "task_id": "t"})
    file.write_text(file.read_text() + json.dumps(ending)[1:-1] + "\n")
    workspace.connection("stripe", {"schema": "stripe"}, **DONE, paused=True)
    found = unit_status(workspace)
    assert found["findings"] == []
    assert found["airflow"]["words"] == f"do not enable the DAG yet: {words}, it is paused"


def test_status_reports_no_pending_action_for_an_expired_unit(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RECONCILER_TODAY", "2026-11-02")
    file = workspace.unit("ads", service="google_ads")
    file.write_text(file.read_text() + '"expires": "2026-11-01"\n')
    workspace.connection("google_ads", {"schema": "ads"}, setup_state="incomplete", paused=True)
    found = unit_status(workspace)
    assert (found["ended"], found["awaiting"], found["findings"]) == ("it expired on 2026-11-01", None, [])


FAILED = ["Validate Login: FAILED: Invalid API key", "Permissions: FAILED: None\u001b"]


@pytest.mark.parametrize(
    ("last", "live", "findings", "step"),
    [
        (
            {"outcome": "failed", "messages": FAILED},
            "incomplete",
            [
                "its setup state is incomplete",
                "setup test Validate Login: FAILED: Invalid API key",
                "setup test Permissions: FAILED: None\\x1b",
            ],
            "correct connectors/dev/stripe.yaml or what the test names, then run `pulumi up --stack dev`",
        ),
        (
            {"outcome": "failed", "messages": FAILED[:1]},
            "connected",
            ["setup test Validate Login: FAILED: Invalid API key"],
            "correct connectors/dev/stripe.yaml",
        ),
        (
            {"outcome": "testing", "messages": []},
            "incomplete",
            ["its setup state is incomplete", "its setup tests were still running when the last run ended"],
            "run `pulumi up --stack dev`, which reads the results of the tests",
        ),
        (
            {"outcome": "testing"},
            "connected",
            ["its setup tests were still running when the last run ended"],
            "run `pulumi up --stack dev`, which reads the results of the tests",
        ),
        (
            {"outcome": "refused", "messages": ["no table Chrage"]},
            "connected",
            ["the last run rejected it: no table Chrage"],
            "correct connectors/dev/stripe.yaml, then run `pulumi up --stack dev`",
        ),
        (
            {"outcome": "connected", "messages": []},
            "broken",
            ["its setup state is broken"],
            "do what Fivetran asks for",
        ),
        ({"outcome": "connected"}, "connected", [], None),
        (
            {},
            "incomplete",
            ["its setup state is incomplete"],
            "run `pulumi up --stack dev --refresh`, which tests it and shows what fails",
        ),
    ],
)
def test_status_names_failed_setup_tests_and_the_next_step(
    workspace: Workspace, last: dict[str, Any], live: str, findings: list[str], step: str | None
):
    workspace.unit("stripe")
    workspace.connection("stripe", {"schema": "stripe"}, **DONE, setup_state=live)
    outputs = workspace.specs.parent / "outputs.json"
    outputs.write_text(json.dumps({"units": {"stripe": {"connection_id": "x", **last}, "only_a_dataset": {}}}))
    found = unit_status(workspace, "--from-outputs", str(outputs))
    assert found["findings"] == findings
    assert (found["next_step"] or "").startswith(step or "")
    assert (found["next_step"] is None) == (step is None)


def test_status_reads_the_outputs_of_several_stacks(workspace: Workspace):
    options = []
    for name in ("one", "two"):
        workspace.unit(name)
        workspace.connection("stripe", {"schema": name}, **DONE, setup_state="incomplete")
        outputs = workspace.specs.parent / f"{name}.json"
        outputs.write_text(json.dumps({"units": {name: {"outcome": "failed", "messages": [f"test of {name}"]}}}))
        options += ["--from-outputs", str(outputs)]
    found = json.loads(workspace.run("status", "--format", "json", *options).out)
    assert [each["findings"][-1] for each in found] == ["setup test test of one", "setup test test of two"]


def test_status_rejects_a_file_without_stack_outputs(workspace: Workspace):
    outputs = workspace.specs.parent / "outputs.json"
    outputs.write_text("{}")
    ran = workspace.run("status", "--from-outputs", str(outputs))
    assert (ran.code, ran.out) == (2, "")
    assert "outputs.json: no output 'units': expected what `pulumi stack output --json` prints" in ran.err


def test_status_selects_units_by_name_or_file(workspace: Workspace):
    for name in ("a", "b", "c"):
        workspace.unit(name)
    ran = workspace.run("status", "--format", "json", "c", "connectors/dev/a.yaml", "c")
    assert [each["unit"] for each in json.loads(ran.out)] == ["c", "a"]
    ran = workspace.run("status", "d")
    assert (ran.code, "no unit 'd' in dev" in ran.err) == (2, True)
    workspace.write("alone", {"description": "x", "owners": ["a@example.com"], "dataset": {}})
    assert workspace.run("status", "alone").code == 2


def test_status_makes_two_requests_for_any_number_of_units(workspace: Workspace):
    for number in range(5):
        workspace.unit(f"s{number}")
        workspace.connection("stripe", {"schema": f"s{number}"})
    workspace.run("status")
    assert workspace.requests() == {"GET /v1/groups": 1, "GET /v1/connections": 1}


def test_status_prints_a_table_on_a_terminal(workspace: Workspace, program: list[str]):
    workspace.unit("stripe")
    workspace.connection("stripe", {"schema": "stripe"}, **DONE)
    controller, terminal = pty.openpty()
    command = [*program, "status", "--specs", str(workspace.specs)]
    done = subprocess.run(
        command,
        stdout=terminal,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "200", "TERM": "xterm"},
        check=False,
    )
    os.close(terminal)
    shown = os.read(controller, 65536).decode()
    os.close(controller)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\x1b\[1mUNIT +CONNECTION +SETUP", shown)
    assert re.search(r"^stripe +\w+ +", shown, re.MULTILINE)


def test_status_exits_with_0_when_there_are_no_connectors(workspace: Workspace):
    ran = workspace.run("status")
    assert (ran.code, ran.out, ran.err) == (0, "", "dev: no connectors\n")


def test_status_strips_control_characters_from_fivetrans_tasks(workspace: Workspace):
    workspace.unit("stripe")
    task = {"code": "x", "message": "red \u001b[31m and\nforged"}
    workspace.connection("stripe", {"schema": "stripe"}, **DONE, tasks=[task])
    assert unit_status(workspace)["tasks"] == ["x: red [31m and forged"]


def test_status_prints_the_keys_that_the_reference_page_documents():
    page = (Path(__file__).parents[3] / "docs/reference/status.md").read_text(encoding="utf-8")
    first_cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    documented = re.findall(r"`([a-z_.]+)`", " ".join(first_cells))
    assert [key for key in documented if "." not in key] == [field.name for field in fields(UnitStatus)]
