"""A unit from its file to its removal, through the real engine."""

from __future__ import annotations

import json

import pytest
from admin import Admin
from workspace import CONNECTION, DATASET, Workspace, stripe


def steps(workspace: Workspace, *arguments: str) -> dict[str, int]:
    """What a preview would do: how many resources by operation, without those that stay the same."""
    summary = json.loads(workspace.preview("--json", *arguments).ok().out)["changeSummary"]
    return {operation: count for operation, count in summary.items() if operation != "same"}


def test_a_second_run_changes_nothing(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.up().ok()
    admin.forget_requests()
    workspace.preview("--expect-no-changes").ok()
    workspace.up().ok()
    assert admin.requests() == [], "a run without changes asks Fivetran nothing"
    workspace.assert_settled()


def test_one_changed_field_is_exactly_one_update_of_exactly_that_field(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.write("sandbox", stripe("sandbox"))
    workspace.up().ok()
    workspace.write("stripe", stripe(schedule={"by": "fivetran", "every": "1h"}))
    assert steps(workspace) == {"update": 1}
    admin.forget_requests()
    workspace.up().ok()
    (write,) = [request for request in admin.requests() if request["method"] != "GET"]
    assert write["method"] == "PATCH"
    assert sorted(write["keys"]) == ["run_setup_tests", "schedule_type", "sync_frequency"]
    assert admin.connections()["stripe"]["sync_frequency"] == 60
    workspace.assert_settled()


def test_a_removed_file_is_refused_and_where_removals_are_allowed_exactly_its_resources_go(
    workspace: Workspace, admin: Admin
):
    workspace.write("stripe", stripe())
    workspace.write("sandbox", stripe("sandbox"))
    workspace.up().ok()
    workspace.remove("sandbox")
    for refused in (workspace.preview(), workspace.up()):
        assert refused.code != 0
        assert "sandbox.yaml is gone: this run would delete the connection sandbox" in refused.out
        assert admin.connections()["sandbox"]["id"] in refused.out
        assert "RECONCILER_REMOVALS=allow" in refused.out
    assert set(admin.connections()) == {"stripe", "sandbox"}
    workspace.up(RECONCILER_REMOVALS="allow").ok()
    assert set(admin.connections()) == {"stripe"}
    assert set(workspace.resources(CONNECTION)) == {"stripe"}
    assert set(workspace.resources(DATASET)) == {"stripe"}
    workspace.assert_settled()


def test_a_renamed_file_with_formerly_loses_nothing(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.up().ok()
    before = admin.connections()["stripe"]["id"]
    workspace.remove("stripe")
    workspace.write("payments", stripe())
    refused = workspace.preview()
    assert refused.code != 0
    assert "`formerly: stripe`" in refused.out
    workspace.write("payments", {**stripe(), "formerly": "stripe"})
    workspace.preview("--expect-no-changes").ok()
    admin.forget_requests()
    workspace.up().ok()
    assert admin.writes() == []
    assert workspace.outputs()["units"]["payments"]["connection_id"] == before
    workspace.write("payments", stripe())
    workspace.assert_settled()


@pytest.mark.parametrize("allowed", ["", "allow"])
def test_a_changed_destination_is_refused_even_where_removals_are_allowed(
    workspace: Workspace, admin: Admin, allowed: str
):
    workspace.write("stripe", stripe())
    workspace.up().ok()
    workspace.write("stripe", stripe("stripe_v2"))
    refused = workspace.up(RECONCILER_REMOVALS=allowed)
    assert refused.code != 0
    assert "the destination changed from stripe to stripe_v2" in refused.out
    assert set(admin.connections()) == {"stripe"}


def test_connection_ids_reach_airflow(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe(schedule={"by": "airflow", "task_id": "fivetran_stripe"}))
    workspace.write("sandbox", stripe("sandbox"))
    workspace.up().ok()
    connection = admin.connections()["stripe"]
    assert workspace.outputs()["airflow_variables"] == {"fivetran_stripe_connector_id": connection["id"]}
    assert connection["schedule_type"] == "manual"


def test_bad_specs_stop_the_program_with_every_fault_before_anything_is_touched(workspace: Workspace, admin: Admin):
    workspace.write("stripe", {**stripe(), "descripton": "typo"})
    workspace.write("zoom", "connector: [")
    refused = workspace.up()
    assert refused.code != 0
    assert "stripe.yaml:" in refused.out
    assert "descripton" in refused.out
    assert "zoom.yaml:2:1: expected a value here" in refused.out
    assert "Traceback" not in refused.out
    assert admin.requests() == []
