"""Units that end by their date, day by day: the date of today is the one thing that changes."""

from __future__ import annotations

from typing import Any

from admin import Admin
from workspace import ENVIRONMENT, Workspace, stripe

POLICY = {"expiry": {"required": True, "longest": "400d", "warn": "14d", "grace": "7d"}}
#: Of the last good day 2026-12-31, with 7 days of grace: 2027-01-08T00:00:00Z.
MOMENT = "1799366400000"

SHEETS = {"description": "Sheets.", "owners": ["owner@example.com"], "dataset": {}}


def sheet(name: str, expires: str) -> dict[str, Any]:
    """A connector that writes a table of a dataset that another file declares."""
    config = {
        "sheet_id": "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms",
        "named_range": name,
        "auth_type": "ServiceAccount",
    }
    connector = {"service": "google_sheets", "destination": {"schema": "sheets", "table": name}, "config": config}
    return {**SHEETS, "connector": connector, "dataset": "sheets", "expires": expires}


def on(day: str) -> dict[str, str]:
    return {"RECONCILER_TODAY": day}


def paused(admin: Admin) -> set[str]:
    return {name for name, connection in admin.connections().items() if connection["paused"]}


def datasets(admin: Admin) -> set[str]:
    return set(admin.gcp("GET", "/state")["projects"].get("dev-project", {"datasets": {}})["datasets"])


def test_each_stage_comes_on_its_day_and_the_ordinary_run_removes_what_is_over(workspace: Workspace, admin: Admin):
    workspace.write("environment", {**ENVIRONMENT, "policy": POLICY})
    airflow = {"by": "airflow", "task_id": "fivetran_stripe"}
    workspace.write("stripe", {**stripe(schedule=airflow), "expires": "2026-12-31"})
    workspace.write("alone", {**SHEETS, "expires": "2026-12-31"})
    workspace.write("sheets", SHEETS)
    workspace.write("early", sheet("early", "2026-12-28"))
    workspace.write("late", sheet("late", "2026-12-31"))
    workspace.write("kept", {**stripe("kept"), "expires": {"never": "feeds a tier-1 DAG"}})
    workspace.up(**on("2026-11-01")).ok()
    for name in ("stripe", "alone", "sheets"):
        assert admin.dataset("dev-project", name)["labels"] == {"expires_on": MOMENT}
        admin.gcp("PUT", f"/datasets/dev-project/{name}/tables/data", {"rows": 10})
    assert admin.dataset("dev-project", "kept")["labels"] == {}

    warned = workspace.preview("--expect-no-changes", **on("2026-12-28")).ok().out
    assert (
        "stripe.yaml expires on 2026-12-31, in 3 days: its connection is paused after that, and it is removed" in warned
    )
    assert "kept.yaml" not in warned

    workspace.up("--refresh", **on("2027-01-07")).ok()
    assert paused(admin) == {"stripe", "sheets.late"}
    assert set(admin.connections()) == {"stripe", "sheets.late", "kept"}  # `early` is gone, and its dataset is not
    assert datasets(admin) == {"stripe", "alone", "sheets", "kept"}
    assert workspace.outputs()["airflow_variables"] == {}

    admin.edit("stripe", paused=False)  # Airflow, which has not heard of it yet
    workspace.up("--refresh", **on("2027-01-07")).ok()
    assert paused(admin) == {"stripe", "sheets.late"}

    # Extending undoes all of it.
    workspace.write("stripe", {**stripe(schedule=airflow), "expires": "2027-01-07"})
    workspace.up(**on("2027-01-07")).ok()
    assert paused(admin) == {"sheets.late"}
    assert list(workspace.outputs()["airflow_variables"]) == ["fivetran_stripe_connector_id"]
    assert admin.dataset("dev-project", "stripe")["labels"] != {"expires_on": MOMENT}

    admin.forget_requests()
    workspace.up("--refresh", **on("2027-01-08")).ok()
    assert set(admin.connections()) == {"stripe", "kept"}
    assert datasets(admin) == {"stripe", "kept"}
    workspace.preview("--expect-no-changes", "--refresh", **on("2027-01-08")).ok()
    workspace.remove("alone")
    workspace.remove("early")
    workspace.preview("--expect-no-changes", **on("2027-01-08")).ok()


def test_a_date_that_no_run_has_announced_removes_nothing_by_itself(workspace: Workspace, admin: Admin):
    workspace.write("environment", {**ENVIRONMENT, "policy": POLICY})
    workspace.write("stripe", {**stripe(), "expires": "2027-12-31"})
    workspace.up(**on("2027-06-01")).ok()
    workspace.write("stripe", {**stripe(), "expires": "2026-12-31"})  # a slip
    for refused in (workspace.preview(**on("2027-06-01")), workspace.up(**on("2027-06-01"))):
        assert refused.code != 0
        assert "stripe.yaml expired on 2026-12-31: this run would delete the connection stripe." in refused.out
    assert set(admin.connections()) == {"stripe"}


def test_a_killed_runs_deletion_of_a_dataset_with_contents_is_left_to_a_run_that_may(
    workspace: Workspace, admin: Admin
):
    workspace.write("environment", {**ENVIRONMENT, "policy": POLICY})
    workspace.write("alone", {**SHEETS, "expires": "2026-12-31"})
    workspace.up(**on("2026-11-01")).ok()
    admin.gcp("PUT", "/datasets/dev-project/alone/tables/data", {"rows": 10})
    workspace.remove("alone")
    admin.gcp("POST", "/faults", {"method": "Delete", "error": "the network is down"})
    assert workspace.up(RECONCILER_REMOVALS="allow", **on("2026-11-02")).code != 0
    refused = workspace.up(**on("2026-11-02"))
    assert refused.code != 0
    assert "this run would delete the dataset alone with its contents; to do that on purpose" in refused.out
    assert "RECONCILER_REMOVALS=allow" in refused.out
    assert datasets(admin) == {"alone"}
    # What no file declares any more cannot be destroyed without the program either.
    destroyed = workspace.pulumi("destroy", "--yes", "--skip-preview", RECONCILER_REMOVALS="allow")
    assert "You must run with the `--run-program` flag" in destroyed.out
    assert datasets(admin) == {"alone"}
    workspace.up(RECONCILER_REMOVALS="allow", **on("2026-11-02")).ok()
    assert datasets(admin) == set()
