"""Units that end by their date: every kind in every stage, in one environment, day by day."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, date, datetime
from typing import Any

from admin import Admin
from workspace import ENVIRONMENT, ROOT, Workspace, stripe

POLICY = {"expiry": {"required": True, "longest": "400d", "warn": "14d", "grace": "7d"}}
NEVER = {"never": "feeds a tier-1 DAG"}

#: The day on which each is in its stage, and the last days that make it so. What is extended is over by then.
TODAY = "2027-01-08"
LAST_DAYS: dict[str, Any] = {
    "before": "2027-06-30",
    "warned": "2027-01-10",
    "paused": "2027-01-01",
    "over": "2026-12-31",
    "never": NEVER,
    "extended": "2027-01-01",
}
EXTENDED = "2027-07-31"

#: The first day on which a dataset of each stage is no more.
REMOVED_ON = {"before": "2027-07-08", "warned": "2027-01-18", "paused": "2027-01-09", "extended": "2027-08-08"}

#: The message of each stage; the others have none.
WORDS = {
    "warned": "expires on 2027-01-10, in 2 days:",
    "paused": "expired on 2027-01-01:",
    "over": "expired on 2026-12-31, and a run removes it with its data; delete the file with `reconciler sweep -e dev`",
}
#: Of a connector whose dataset another file declares: that may stay.
OVER_ELSEWHERE = "expired on 2026-12-31, and a run removes it; delete the file with `reconciler sweep -e dev`"
EMPTIED = "BigQuery deletes the connector's tables after this time"

ALONE = {"description": "Sheets.", "owners": ["owner@example.com"], "dataset": {}}


def on(day: str) -> dict[str, str]:
    return {"RECONCILER_TODAY": day}


def by_airflow(unit: str) -> dict[str, str]:
    return {"by": "airflow", "task_id": f"fivetran_{unit}"}


def sheet(unit: str, dataset: str, expires: Any) -> dict[str, Any]:
    """A connector that writes a table of a dataset that another file declares."""
    connector = {
        "service": "google_sheets",
        "destination": {"schema": dataset, "table": unit},
        "config": {"sheet_id": "1BxiMVs0XRA5nFMdKvBdBZjg", "named_range": unit, "auth_type": "ServiceAccount"},
        "schedule": by_airflow(unit),
    }
    return {**ALONE, "connector": connector, "dataset": dataset, "expires": expires}


def write_units(workspace: Workspace, stage: str, expires: Any) -> None:
    """A connector with its dataset, a dataset alone, and one that two connectors share, the first of which is over."""
    own, alone, shared = f"own_{stage}", f"alone_{stage}", f"shared_{stage}"
    workspace.write(own, {**stripe(own, schedule=by_airflow(own)), "expires": expires})
    workspace.write(alone, {**ALONE, "expires": expires})
    workspace.write(shared, ALONE)
    workspace.write(f"first_{stage}", sheet(f"first_{stage}", shared, LAST_DAYS["over"]))
    workspace.write(f"last_{stage}", sheet(f"last_{stage}", shared, expires))


def datasets(admin: Admin) -> dict[str, Any]:
    return dict(admin.gcp("GET", "/state")["projects"].get("dev-project", {"datasets": {}})["datasets"])


def connectors(admin: Admin) -> dict[str, bool]:
    """The unit of each connection, and whether it is paused."""
    return {name.rpartition(".")[2]: live["paused"] for name, live in admin.connections().items()}


def milliseconds(day: str) -> str:
    return str(int(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()) * 1000)


def reconciler(workspace: Workspace, *arguments: str, state: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run one of the project's own commands, on `TODAY`."""
    return subprocess.run(
        ["reconciler", *arguments],  # noqa: S607 (of the tools)
        cwd=ROOT / "infra",
        env={**workspace.env, **on(TODAY)},
        input=state,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_reported(text: str, named: dict[str, str]) -> None:
    """Of each unit exactly what its stage has to say, at the place of its date."""
    for unit, message in named.items():
        other = ("Airflow variable", " grants ", " revokes ")
        lines = [
            line for line in text.splitlines() if f"{unit}.yaml:" in line and not any(words in line for words in other)
        ]
        assert bool(lines) == bool(message), (unit, lines)
        assert all(message in line for line in lines), (unit, lines)


def assert_a_slip_removes_nothing(workspace: Workspace) -> None:
    """A date that no run has seen removes nothing by itself."""
    slipped = {**stripe("own_before", schedule=by_airflow("own_before")), "expires": LAST_DAYS["over"]}
    file = workspace.specs / "dev" / "own_before.yaml"
    before = file.read_text()
    workspace.write("own_before", slipped)
    rejected = workspace.preview(**on(TODAY))
    assert rejected.code != 0
    gone = r"expired on 2026-12-31: this run would delete the connection"
    assert re.search(rf"own_before\.yaml(:\d+:\d+:)? {gone} own_before \(\w+\)", rejected.out)
    assert not re.search(rf"over\.yaml(:\d+:\d+:)? {gone}", rejected.out)
    file.write_text(before)


def assert_everything_is_reported(workspace: Workspace) -> None:
    """In words, in `validate` and in the preview: nothing of it is a fault."""
    messages = {
        f"{kind}_{stage}": WORDS.get(stage, "") for kind in ("own", "alone", "shared", "last") for stage in LAST_DAYS
    }
    messages |= {f"{kind}_extended": WORDS["paused"] for kind in ("own", "alone", "shared", "last")}
    messages |= {f"first_{stage}": OVER_ELSEWHERE for stage in LAST_DAYS} | {"last_over": OVER_ELSEWHERE}
    messages["own_before"] = EMPTIED
    validated = reconciler(workspace, "validate")
    assert validated.returncode == 0, validated.stdout
    assert_reported(validated.stdout, messages)
    previewed = workspace.preview("--diff", **on(TODAY)).ok()
    assert_reported(previewed.out, messages)
    datasets_over = ("own_over", "shared_over", "alone_over")
    gone = {f"delete {kind} {name}" for kind in ("Dataset", "DatasetAccess") for name in datasets_over}
    assert gone == {step for step in previewed.steps() if "delete Dataset" in step}


def test_every_kind_of_unit_goes_through_its_stages_and_an_extension_undoes_them(workspace: Workspace, admin: Admin):
    workspace.write("environment", {**ENVIRONMENT, "policy": POLICY})
    for stage, expires in LAST_DAYS.items():
        write_units(workspace, stage, expires)
    # With tables that go with their time, of which the preview warns as `validate` does.
    emptied = {**stripe("own_before", schedule=by_airflow("own_before")), "expires": LAST_DAYS["before"]}
    workspace.write("own_before", {**emptied, "dataset": {"default_table_expiration_ms": 3_600_000}})
    announced = workspace.up(**on("2026-11-01")).ok()
    assert_reported(announced.out, {f"own_{stage}": EMPTIED if stage == "before" else "" for stage in LAST_DAYS})
    all_variables = set(workspace.outputs()["airflow_variables"])
    assert workspace.outputs()["airflow_deletions"] == []
    live = datasets(admin)
    assert live["own_over"]["labels"] == live["shared_over"]["labels"] == {"expires_on": milliseconds(TODAY)}
    for name in live:
        admin.gcp("PUT", f"/datasets/dev-project/{name}/tables/data", {"rows": 10})

    assert_a_slip_removes_nothing(workspace)
    assert_everything_is_reported(workspace)

    # No file is swept whose unit the stack still holds.
    state = json.dumps({"deployment": workspace.state()["checkpoint"]["latest"]})
    waits = reconciler(workspace, "sweep", "--state", "-", "--dry-run", state=state)
    assert (waits.returncode, waits.stdout) == (0, "")

    workspace.up("--refresh", **on(TODAY)).ok()
    stages = [stage for stage in LAST_DAYS if stage != "over"]
    ended = {"paused", "extended"}
    running = {f"{kind}_{stage}": stage in ended for kind in ("own", "last") for stage in stages}
    assert connectors(admin) == running, "each first connector is gone, and no dataset that another one writes"
    live = datasets(admin)
    assert set(live) == {f"{kind}_{stage}" for kind in ("own", "alone", "shared") for stage in stages}
    assert all(live[name]["tables"] == {"data": 10} for name in live)
    variables = {f"fivetran_{unit}_connector_id" for unit, is_paused in running.items() if not is_paused}
    assert set(workspace.outputs()["airflow_variables"]) == variables
    assert set(workspace.outputs()["airflow_deletions"]) == all_variables - variables

    # Airflow, which has not heard of it yet, starts two of them; a later date in one of the files undoes it all.
    for target in ("own_paused", "own_extended"):
        admin.edit(target, paused=False)
    write_units(workspace, "extended", EXTENDED)
    swept = reconciler(
        workspace, "sweep", "--state", "-", state=json.dumps({"deployment": workspace.state()["checkpoint"]["latest"]})
    )
    removed = ["alone_over", *(f"first_{stage}" for stage in sorted(LAST_DAYS)), "last_over", "own_over", "shared_over"]
    assert [line.rpartition("/")[2] for line in swept.stdout.splitlines()] == [
        f"{name}.yaml: expired on 2026-12-31" for name in removed
    ]
    workspace.up("--refresh", **on(TODAY)).ok()
    running |= {"own_extended": False, "last_extended": False}
    assert connectors(admin) == running
    variables |= {f"fivetran_{kind}_extended_connector_id" for kind in ("own", "last")}
    assert set(workspace.outputs()["airflow_variables"]) == variables
    assert set(workspace.outputs()["airflow_deletions"]) == all_variables - variables
    live = datasets(admin)
    for kind in ("own", "alone", "shared"):
        labels = {stage: live[f"{kind}_{stage}"]["labels"].get("expires_on") for stage in stages}
        assert labels == {**{stage: milliseconds(day) for stage, day in REMOVED_ON.items()}, "never": None}
    assert reconciler(workspace, "validate").returncode == 0
    workspace.preview("--expect-no-changes", "--refresh", **on(TODAY)).ok()


def test_deletion_that_a_killed_run_left_is_rejected_unless_removals_are_allowed(workspace: Workspace, admin: Admin):
    workspace.write("environment", {**ENVIRONMENT, "policy": POLICY})
    workspace.write("alone", {**ALONE, "expires": "2026-12-31"})
    workspace.up(**on("2026-11-01")).ok()
    admin.gcp("PUT", "/datasets/dev-project/alone/tables/data", {"rows": 10})
    workspace.remove("alone")
    admin.gcp("POST", "/faults", {"method": "Delete", "error": "the network is down"})
    assert workspace.up(RECONCILER_REMOVALS="allow", **on("2026-11-02")).code != 0
    rejected = workspace.up(**on("2026-11-02"))
    assert rejected.code != 0
    assert "this run would delete the dataset alone with its tables" in rejected.out
    assert "Run with RECONCILER_REMOVALS=allow to delete it." in rejected.out
    assert set(datasets(admin)) == {"alone"}
    # What no file declares any more cannot be destroyed without the program either.
    destroyed = workspace.pulumi("destroy", "--yes", "--skip-preview", RECONCILER_REMOVALS="allow")
    assert "You must run with the `--run-program` flag" in destroyed.out
    assert set(datasets(admin)) == {"alone"}
    workspace.up(RECONCILER_REMOVALS="allow", **on("2026-11-02")).ok()
    assert datasets(admin) == {}
