"""What somebody changes by hand: shown by `preview --refresh`, put right by `up --refresh`, or rightly left alone."""

from __future__ import annotations

import re

from admin import Admin
from workspace import Workspace, stripe


def test_a_change_in_the_interface_is_shown_and_repaired(workspace: Workspace, admin: Admin):
    config = {"api_key": {"env": "STRIPE_KEY", "version": 1}, "historical_sync_time_frame": "ALL_TIME"}
    workspace.write("stripe", stripe(config=config, schedule={"by": "fivetran", "every": "6h"}))
    workspace.write("sandbox", stripe("sandbox"))
    workspace.up().ok()
    admin.edit("stripe", sync_frequency=15, config={"historical_sync_time_frame": "DATE_LIMIT"})
    workspace.preview("--expect-no-changes").ok()  # plain previews do not look
    shown = workspace.preview("--refresh", "--diff", "--expect-no-changes")
    assert shown.code != 0
    assert re.search(r'every: "15m" => "6h"', shown.out)
    assert re.search(r'historical_sync_time_frame: "DATE_LIMIT" => "ALL_TIME"', shown.out)
    assert "sandbox" not in re.sub(r"--outputs:--.*", "", shown.out, flags=re.DOTALL)
    admin.forget_requests()
    workspace.up("--refresh").ok()
    assert len(admin.writes()) == 1
    live = admin.connections()["stripe"]
    assert (live["sync_frequency"], live["config"]["historical_sync_time_frame"]) == (360, "ALL_TIME")
    workspace.assert_settled()


def test_a_connection_deleted_in_the_interface_is_shown_and_made_again(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.up().ok()
    admin.delete("stripe")
    shown = workspace.preview("--refresh", "--expect-no-changes")
    assert shown.code != 0
    assert re.search(r"\+.*fivetran:Connection stripe", shown.out)
    workspace.up("--refresh").ok()
    assert set(admin.connections()) == {"stripe"}
    workspace.assert_settled()


def test_a_pause_by_hand_stays_and_what_airflow_does_is_no_drift(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe(schedule={"by": "airflow", "task_id": "fivetran_stripe"}))
    workspace.write("sandbox", stripe("sandbox"))
    workspace.up().ok()
    admin.edit("sandbox", paused=True)
    admin.edit("stripe", paused=True, schedule_type="auto")
    workspace.preview("--refresh", "--expect-no-changes").ok()
    workspace.up("--refresh").ok()
    assert admin.connections()["sandbox"]["paused"] is True


def test_dataset_drift_is_repaired(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.up().ok()
    admin.gcp("POST", "/datasets/dev-project/stripe/access", {"role": "READER", "userByEmail": "curious@example.com"})
    assert workspace.preview("--refresh", "--expect-no-changes").code != 0
    workspace.up("--refresh").ok()
    assert "curious@example.com" not in str(admin.dataset("dev-project", "stripe")["access"])
    workspace.assert_settled()
