"""A step that Google rejects: the run names the line of the file, whichever resource it is, and goes on elsewhere."""

from __future__ import annotations

import re

from admin import Admin
from workspace import ENVIRONMENT, Workspace, stripe

JOBS = {"role": "roles/bigquery.jobUser", "members": ["user:gone@example.com", "group:here@example.com"]}


def test_each_step_that_google_rejects_names_its_line(workspace: Workspace, admin: Admin):
    environment = workspace.write("environment", {**ENVIRONMENT, "project_access": [JOBS]})
    files = {name: workspace.write(name, stripe(name)) for name in ("made", "denied", "unmade")}
    admin.gcp("PUT", "/unknown-members", {"members": ["gone@example.com"]})
    rejected = {"code": "PERMISSION_DENIED", "error": "googleapi: Error 403: Access Denied, accessDenied", "times": 0}
    admin.gcp("POST", "/faults", {**rejected, "method": "Create", "id": "*/unmade"})
    admin.gcp("POST", "/faults", {**rejected, "method": "PATCH", "id": "*/denied"})
    run = workspace.up()
    assert run.code != 0
    member = next(n for n, text in enumerate(environment.read_text().splitlines(), 1) if "gone@" in text)
    dataset = next(n for n, text in enumerate(files["made"].read_text().splitlines(), 1) if text == "dataset:")
    for pattern in (
        rf"{environment}:{member}:\d+: roles/bigquery.jobUser on the project dev-project for user:gone@example.com "
        r"cannot be made\n\s+See Google's message under `roles/bigquery.jobUser user:gone@example.com`",
        rf"{files['unmade']}:{dataset}:1: the dataset unmade cannot be made\n\s+See Google's message under `unmade`",
        rf"{files['denied']}:{dataset}:1: BigQuery, project dev-project: the access list of the dataset denied cannot",
    ):
        assert re.search(pattern, run.out), run.out
    assert [*admin.connections()] == ["made"]
    units = workspace.outputs()["units"]
    assert {name: sorted(unit) for name, unit in units.items() if name != "made"} == {
        name: ["datasets", "owners"] for name in ("denied", "unmade")
    }
    admin.gcp("PUT", "/unknown-members", {"members": []})
    admin.gcp("DELETE", "/faults")
    workspace.up().ok()
    destroyed = workspace.pulumi("destroy", "--yes", "--skip-preview", RECONCILER_REMOVALS="allow:9").ok().out
    assert "--run-program" not in destroyed


def test_outputs_of_a_unit_of_which_a_step_fails_stay_as_they_were(workspace: Workspace, admin: Admin):
    unit = stripe(schedule={"by": "airflow", "task_id": "fivetran_stripe"})
    workspace.write("stripe", unit)
    workspace.up().ok()
    before = workspace.outputs()
    assert [*before["airflow_variables"]] == ["fivetran_stripe_connector_id"]
    for step, change in (("Update", {"friendly_name": "Other"}), ("PATCH", {"sensitive": True})):
        workspace.write("stripe", {**unit, "dataset": {**unit["dataset"], **change}})
        rejected = {"code": "PERMISSION_DENIED", "error": "googleapi: Error 403: Access Denied, accessDenied"}
        admin.gcp("POST", "/faults", {**rejected, "method": step, "id": "*/stripe", "times": 0})
        failed = workspace.up()
        assert failed.code != 0
        assert workspace.outputs() == before
        assert not re.search(r"^\s+[-~] (airflow_variables|units)", failed.out, re.MULTILINE), failed.out
        admin.gcp("DELETE", "/faults")


def test_failed_dataset_leaves_the_changes_of_other_units_to_the_run(workspace: Workspace, admin: Admin):
    names = [f"unit_{number}" for number in range(6)]
    for name in names:
        workspace.write(name, stripe(name))
    workspace.up().ok()
    for name in names:
        unit = stripe(name, schedule={"by": "fivetran", "every": "1h"})
        workspace.write(name, {**unit, "dataset": {"friendly_name": "Other"}})
    rejected = {"code": "PERMISSION_DENIED", "error": "googleapi: Error 403: Access Denied, accessDenied"}
    admin.gcp("POST", "/faults", {**rejected, "method": "Update", "id": "*/unit_0", "times": 0})

    assert workspace.up().code != 0

    every = {name: each["sync_frequency"] for name, each in admin.connections().items()}
    assert every == {**dict.fromkeys(names, 60), "unit_0": 360}
