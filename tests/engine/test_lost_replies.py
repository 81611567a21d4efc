"""Each write to a connection that exists loses its reply once, each for another unit, and one run mends them all.

`test_faults` has the writes of new connections.
"""

from __future__ import annotations

from typing import Any

from admin import Admin
from workspace import CONNECTION, Workspace, hashing, stripe
from writes import CHANGE, SELECT, TEST

#: The writes to a connection that has never worked, in their order, and to one that works and is adopted.
MENDED: dict[str, dict[str, Any]] = {"mended": CHANGE, "mended_tested": TEST, "mended_started": {**CHANGE, "nth": 2}}
ADOPTED = {"rescheduled": CHANGE, "reselected": SELECT}


def unit(name: str, **connector: Any) -> dict[str, Any]:
    """A unit that Airflow syncs, with tables of which something is kept back."""
    schedule = {"by": "airflow", "task_id": f"fivetran_{name}"}
    return stripe(name, schedule=schedule, sync=hashing(name), **connector)


def test_adopted_unit_runs_in_the_same_run_whichever_write_loses_its_reply(workspace: Workspace, admin: Admin):
    admin.options(sync_seconds=600)  # a sync that runs is what makes a second trigger harmless
    group = admin.make_group_with_destination("Group_Dev")
    for name in MENDED:
        config = {"schema": name, "api_key": "of old"}
        made = admin.make(group_id=group, service="stripe", config=config, setup_state="incomplete", paused=True)
        workspace.write(name, unit(name, adopt={"connection": made["id"], "apply_changes": True}))
    for name in ADOPTED:
        at_work: dict[str, Any] = {
            "succeeded_at": "2026-01-01T00:00:00Z",
            "is_historical_sync": False,
            "sync_frequency": 60,
        }
        made = admin.make(group_id=group, service="stripe", config={"schema": name, "api_key": "k"}, **at_work)
        admin.select(name, {"schemas": {name: {"enabled": True, "tables": {"charge": {"enabled": True}}}}})
        workspace.write(name, unit(name, adopt={"connection": made["id"], "apply_changes": True}))
    for name, write in {**MENDED, **ADOPTED}.items():
        admin.fault(**write, kind="drop_reply", connection=name)

    admin.forget_requests()
    workspace.up().ok()
    assert [fault["connection"] for fault in admin.faults() if not fault["fired"]] == []
    live = admin.connections()
    assert set(live) == {*MENDED, *ADOPTED}
    assert {name: held["id"] for name, held in workspace.resources(CONNECTION).items()} == {
        name: each["id"] for name, each in live.items()
    }
    for name, each in live.items():
        assert (each["setup_state"], each["paused"], each["schedule_type"]) == ("connected", False, "manual"), name
        tables = each["schema_config"]["schemas"][name]["tables"]
        assert (tables["customer"]["columns"]["email"]["hashed"], tables["charge"]["enabled"]) == (True, False), name
        if name not in ADOPTED:
            assert [event["event"] for event in each["history"]].count("sync started") == 1, name
            first = each["first_sync"]["schema_config"]["schemas"][name]["tables"]
            assert first["customer"]["columns"]["email"]["hashed"], "nothing was exposed on the way"
    workspace.assert_settled()
