"""What a person changes by hand: shown by `preview --refresh`, put right by `up --refresh`, or rightly left alone."""

from __future__ import annotations

import re
from collections import Counter

from admin import Admin
from workspace import Workspace, hashing, stripe

CREATE = "POST /v1/connections"
CHANGE = "PATCH /v1/connections/{connection_id}"
SELECT = "PATCH /v1/connections/{connection_id}/schemas"
MOVE = "PATCH /v1/destinations/{destination_id}"
TEST = "POST /v1/connections/{connection_id}/test"


def test_changes_by_hand_are_shown_as_the_file_declares_them_and_reverted(workspace: Workspace, admin: Admin):
    config = {"api_key": {"env": "STRIPE_KEY", "version": 1}, "historical_sync_time_frame": "ALL_TIME"}
    workspace.write("changed", stripe("changed", config=config, schedule={"by": "fivetran", "every": "6h"}))
    workspace.write("tables", stripe("tables", sync=hashing("tables")))
    workspace.write("airflow", stripe("airflow", schedule={"by": "airflow", "task_id": "fivetran_stripe"}))
    for name in ("gone", "broke", "stopped"):
        workspace.write(name, stripe(name))
    workspace.up().ok()

    admin.edit("changed", sync_frequency=15, config={"historical_sync_time_frame": "DATE_LIMIT"})
    admin.delete("gone")
    admin.edit("broke", setup_state="broken", tasks=[{"code": "reconnect", "message": "Log in again"}])
    admin.edit("stopped", paused=True)
    customer = {"columns": {"email": {"enabled": True, "hashed": False}}}
    admin.select("tables", {"schemas": {"tables": {"tables": {"customer": customer}}}})
    admin.edit("airflow", paused=True, schedule_type="auto")
    (group,) = admin.snapshot()["groups"]
    admin.set_destination(group["id"], time_zone_offset="-8")
    curious = {"role": "READER", "userByEmail": "curious@example.com"}
    admin.gcp("POST", "/datasets/dev-project/broke/access", curious)

    shown = workspace.preview("--refresh", "--diff", "--expect-no-changes")
    assert shown.code != 0
    assert re.search(r'every: "15m" => "6h"', shown.out)
    assert re.search(r'historical_sync_time_frame: "DATE_LIMIT" => "ALL_TIME"', shown.out)
    assert re.search(r'email: "included" => "hashed"', shown.out)
    assert re.search(r'time_zone_offset: "-8" => "0"', shown.out)
    assert re.search(
        r"broke.yaml: the setup state of the connection is broken; the next update "
        r"tests it again\n\s+reconnect: Log in again\n",
        shown.out,
    )
    assert (
        "stopped.yaml: the connection is paused in Fivetran and not in the file; this run leaves it paused" in shown.out
    )
    # Of what is in the group nothing depends on how its destination changes.
    assert shown.steps() == {
        "update Preflight dev",
        "update Destination dev",
        "update Connection changed",
        "update Activation changed",
        "update Activation airflow",
        "update Activation tables",
        "create Connection gone",
        "create Activation gone",
        "update Activation broke",
        "update DatasetAccess broke",
    }

    admin.forget_requests()
    admin.fault(method="PATCH", path="^/v1/destinations/", kind="drop_reply")
    workspace.up("--refresh").ok()
    # The changed config is tested; what is made anew is tested and started; a pause by hand is left. What is sent twice
    # is what had no answer.
    assert Counter(admin.writes()) == {CREATE: 1, CHANGE: 4, TEST: 3, SELECT: 1, MOVE: 2}
    live = admin.connections()
    assert (live["changed"]["sync_frequency"], live["changed"]["config"]["historical_sync_time_frame"]) == (
        360,
        "ALL_TIME",
    )
    assert {name: each["setup_state"] for name, each in live.items()} == dict.fromkeys(live, "connected")
    assert {name for name, each in live.items() if each["paused"]} == {"stopped", "airflow"}
    assert admin.snapshot()["destinations"][0]["time_zone_offset"] == "0"
    assert curious not in admin.dataset("dev-project", "broke")["access"]
    workspace.assert_settled()


def test_stored_form_and_removed_key_are_named_once_with_their_line(workspace: Workspace, admin: Admin):
    config = {"folder_id": "https://drive.google.com/drive/folders/1AbC", "prefix": "EXPORT"}
    unit = {
        "description": "Exports.",
        "owners": ["owner@example.com"],
        "connector": {
            "service": "google_drive",
            "destination": {"schema": "exports", "table_group_name": "files"},
            "config": config,
        },
        "dataset": {},
    }
    workspace.write("exports", unit)
    shown = workspace.up().ok().out
    assert re.search(r'exports.yaml:\d+:\d+: Fivetran stores config.folder_id as "1AbC"\n', shown)
    quiet = workspace.preview("--refresh", "--expect-no-changes").ok().out
    assert "Fivetran stores" not in quiet

    admin.edit("exports.files", config={"prefix": "Export"})
    assert re.search(r'prefix *: "Export" => "EXPORT"', workspace.preview("--refresh", "--diff").out)
    admin.edit("exports.files", config={"prefix": "EXPORT"})

    del config["prefix"]
    workspace.write("exports", unit)
    left = r"exports.yaml:\d+:\d+: config.prefix is no longer in the file; Fivetran keeps its value\n"
    shown = workspace.preview("--diff").ok()
    assert re.search(left, shown.out)
    # What an update makes of a connection's revision, only an apply can tell.
    assert shown.steps() == {"update Connection exports", "update Activation exports"}
    admin.forget_requests()
    assert re.search(left, workspace.up().ok().out)
    assert admin.writes() == []
    assert "is no longer in the file" not in workspace.preview("--refresh", "--expect-no-changes").ok().out
