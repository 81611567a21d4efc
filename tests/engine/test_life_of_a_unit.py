"""A unit from its file to its removal, through the real engine."""

from __future__ import annotations

import json
import re

from admin import Admin
from workspace import CONNECTION, DATASET, Workspace, stripe


def steps(workspace: Workspace, *arguments: str) -> dict[str, int]:
    """What a preview would do: how many resources by operation, without those that stay the same."""
    summary = json.loads(workspace.preview("--json", *arguments).ok().out)["changeSummary"]
    return {operation: count for operation, count in summary.items() if operation != "same"}


def test_ids_reach_airflow_a_second_run_changes_nothing_and_a_field_is_one_update(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe(schedule={"by": "airflow", "task_id": "fivetran_stripe"}))
    workspace.write("sandbox", stripe("sandbox"))
    workspace.up().ok()
    connection = admin.connections()["stripe"]
    assert workspace.outputs()["airflow_variables"] == {"fivetran_stripe_connector_id": connection["id"]}
    assert connection["schedule_type"] == "manual"

    admin.forget_requests()
    workspace.up("--expect-no-changes").ok()
    assert admin.requests() == [], "a run without changes asks Fivetran nothing"

    workspace.write("sandbox", stripe("sandbox", schedule={"by": "fivetran", "every": "1h"}))
    assert steps(workspace) == {"update": 1}
    workspace.up().ok()
    (write,) = [request for request in admin.requests() if request["method"] != "GET"]
    assert write["method"] == "PATCH"
    assert sorted(write["keys"]) == ["run_setup_tests", "schedule_type", "sync_frequency"]
    assert admin.connections()["sandbox"]["sync_frequency"] == 60


def test_removal_rename_or_move_is_rejected_unless_the_file_declares_it(workspace: Workspace, admin: Admin):
    for name in ("stripe", "sandbox", "moved"):
        workspace.write(name, stripe(name))
    workspace.up().ok()
    ids = {name: live["id"] for name, live in admin.connections().items()}

    # Everything that is wrong is reported at once, in preview as in up.
    workspace.remove("sandbox")
    workspace.remove("stripe")
    workspace.write("payments", stripe())
    workspace.write("moved", stripe("moved_v2"))
    for rejected in (workspace.preview(), workspace.up()):
        assert rejected.code != 0
        assert "sandbox.yaml is missing: this run would delete the connection sandbox" in rejected.out
        assert ids["sandbox"] in rejected.out
        assert "RECONCILER_REMOVALS=allow" in rejected.out
        assert re.search(rf"payments\.yaml:\d+:\d+: the connection stripe \({ids['stripe']}\) belongs to", rejected.out)
        assert "`formerly: stripe`" in rejected.out
        assert "the destination changed from moved to moved_v2" in rejected.out
    # What may be removed may be removed, and nothing else for that.
    rejected = workspace.up(RECONCILER_REMOVALS="allow")
    assert rejected.code != 0
    assert "sandbox.yaml" not in rejected.out
    assert "the destination changed from moved to moved_v2" in rejected.out
    assert {name: live["id"] for name, live in admin.connections().items()} == ids

    # A renamed file that says so loses nothing.
    workspace.write("moved", stripe("moved"))
    workspace.write("sandbox", stripe("sandbox"))
    workspace.write("payments", {**stripe(), "formerly": "stripe"})
    admin.forget_requests()
    workspace.up("--expect-no-changes").ok()
    assert admin.writes() == []
    assert workspace.outputs()["units"]["payments"]["connection_id"] == ids["stripe"]

    # Where removals are allowed exactly the file's resources go.
    workspace.write("payments", stripe())
    workspace.remove("sandbox")
    workspace.up(RECONCILER_REMOVALS="allow").ok()
    assert set(admin.connections()) == {"stripe", "moved"}
    assert set(workspace.resources(CONNECTION)) == {"payments", "moved"}
    assert set(workspace.resources(DATASET)) == {"stripe", "moved"}
    workspace.assert_settled()


def test_rejected_up_names_every_fault_and_keeps_the_outputs_of_the_last_run(workspace: Workspace, admin: Admin):
    """A program that bad specs stop asks Fivetran nothing."""
    workspace.write("stripe", stripe(schedule={"by": "airflow", "task_id": "fivetran_stripe"}))
    workspace.write("sandbox", stripe("sandbox"))
    workspace.up().ok()
    before = workspace.outputs()

    workspace.remove("sandbox")
    by_fleet = workspace.up()
    assert "sandbox.yaml is missing" in by_fleet.out
    workspace.write("sandbox", {**stripe("sandbox"), "descripton": "typo"})
    workspace.write("zoom", "connector: [")
    admin.forget_requests()
    by_specs = workspace.up()
    assert re.search(r"sandbox\.yaml:\d+:.*descripton", by_specs.out)
    assert "zoom.yaml:2:1: expected a value here" in by_specs.out
    assert admin.requests() == []
    for rejected in (by_fleet, by_specs):
        assert rejected.code != 0
        assert "Traceback" not in rejected.out
        assert not re.search(r"^ *- (airflow_variables|units)", rejected.out, re.MULTILINE)
        assert workspace.outputs() == before

    workspace.remove("zoom")
    workspace.write("sandbox", stripe("sandbox", schedule={"by": "airflow", "task_id": "fivetran_sandbox"}))
    workspace.up().ok()
    assert set(workspace.outputs()["airflow_variables"]) == {
        "fivetran_stripe_connector_id",
        "fivetran_sandbox_connector_id",
    }
