"""Units that fail, last too long, wait or work, in one environment: each comes as far as it can, state keeps all."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from admin import Admin
from workspace import CONNECTION, Workspace, stripe

TEST = "POST /v1/connections/{connection_id}/test"
AWAITING = {"what": "the vendor installs our key (DENG-42)", "until": "2099-12-15"}
UNITS = {
    "stripe": stripe(),
    "invoices": stripe("invoices", schedule={"by": "airflow", "task_id": "fivetran_invoices"}),
    "refused": stripe("refused"),
    "slow": stripe("slow"),
    "waiting": stripe("waiting", awaiting=AWAITING),
    "paused": stripe("paused", paused="INC-4711"),
}


def pending(workspace: Workspace, *arguments: str) -> list[tuple[str, str, str]]:
    """What a preview shows: operation, type and name of each resource that would change."""
    steps = json.loads(workspace.preview("--json", *arguments).ok().out)["steps"]
    return sorted(
        (step["op"], step["urn"].split("::")[2].rsplit(":", 1)[1], step["urn"].rsplit("::", 1)[1])
        for step in steps
        if step["op"] not in {"same", "refresh"} and "pulumi:pulumi:Stack" not in step["urn"]
    )


def of_each(admin: Admin, field: str) -> dict[str, Any]:
    """One field of every connection in Fivetran."""
    return {name: live[field] for name, live in admin.connections().items()}


@pytest.fixture
def slow(workspace: Workspace, admin: Admin) -> str:
    """A fault that holds the setup tests of a connection `slow`, which was made by hand and may be changed."""
    group = admin.make_group_with_destination("Group_Dev")
    config = {"schema": "slow", "api_key": "of old"}
    id_ = admin.make(group_id=group, service="stripe", config=config, setup_state="incomplete", paused=True)["id"]
    workspace.write("slow", stripe("slow", adopt={"connection": id_, "apply_changes": True}))
    return admin.fault(path=f"/{id_}/test$", kind="hold", count=None)


def test_units_are_applied_apart_and_the_next_run_completes_failed_ones(workspace: Workspace, admin: Admin, slow: str):
    for name, unit in UNITS.items():
        if name != "slow":
            workspace.write(name, unit)
    bad = {"title": "Validate Login", "status": "FAILED", "message": "Invalid API key"}
    admin.script_tests(target="refused", runs=1, results=[bad])
    failed = workspace.up(RECONCILER_SETUP_TESTS_DEADLINE="4")
    assert failed.code != 0
    assert admin.held(slow) == 1, "the run ended, though a test goes on"

    ids = of_each(admin, "id")
    verdict = failed.out[failed.out.index("2 units failed:") :]
    assert re.search(rf"refused\.yaml:\d+:\d+: 1 setup test of connection {ids['refused']} \(stripe\) failed:", verdict)
    assert "    Validate Login: FAILED: Invalid API key" in verdict
    slow_text = f"the setup tests of connection {ids['slow']} (stripe) were still running after 4 s"
    assert re.search(rf"slow\.yaml:\d+:\d+: {re.escape(slow_text)}", verdict)
    for name in ("stripe", "invoices", "paused"):
        lines = [line for line in failed.out.splitlines() if f"/{name}.yaml" in line and ": grants " not in line]
        assert lines == []
    assert "waiting.yaml: pending: the vendor installs our key (DENG-42)" in failed.out
    assert "Traceback" not in failed.out

    assert workspace.outcomes() == {
        "stripe": "connected",
        "invoices": "connected",
        "refused": "failed",
        "slow": "testing",
        "waiting": "awaiting",
        "paused": "connected",
    }
    assert {name: held["id"] for name, held in workspace.resources(CONNECTION).items()} == ids
    running = {"stripe", "invoices"}
    assert of_each(admin, "paused") == {name: name not in running for name in UNITS}
    assert of_each(admin, "syncs") == {name: int(name in running) for name in UNITS}
    units = workspace.outputs()["units"]
    assert {name: held["messages"] for name, held in units.items() if held["messages"]} == {
        "refused": ["Validate Login: FAILED: Invalid API key"]
    }
    assert units["refused"]["outcome"] == "failed"
    assert units["waiting"]["pending"]["what"] == AWAITING["what"]
    assert units["waiting"]["pending"]["setup page"].endswith(f"/{ids['waiting']}/setup")

    assert pending(workspace) == [
        ("create", "Outcome", "dev"),  # no run has come to its end without a failure
        ("update", "Activation", "refused"),
        ("update", "Activation", "slow"),
    ]

    admin.release(slow)
    admin.wait_for(lambda: of_each(admin, "setup_state")["slow"] == "connected")
    admin.forget_faults()
    admin.forget_requests()
    workspace.up().ok()
    assert admin.writes().count(TEST) == 1, "of the one that failed; the late one's outcome was there to read"
    running |= {"refused", "slow"}
    assert of_each(admin, "paused") == {name: name not in running for name in UNITS}
    assert of_each(admin, "syncs") == {name: int(name in running) for name in UNITS}
    workspace.assert_settled()


def test_overdue_unit_fails_the_run_and_refresh_activates_what_can_run(workspace: Workspace, admin: Admin):
    for name in ("waiting", "paused", "stripe"):
        workspace.write(name, UNITS[name])
    workspace.write("over", {**stripe("over"), "expires": "2099-11-30"})
    workspace.up().ok()
    overdue = {"RECONCILER_TODAY": "2099-12-16"}
    failed = workspace.up(**overdue)
    assert failed.code != 0
    assert "is overdue since 2099-12-15: the vendor installs our key (DENG-42)" in failed.out
    assert set(admin.connections()) == {"waiting", "paused", "stripe"}, "what is over goes in a run that fails, too"
    workspace.remove("over")

    admin.edit("waiting", setup_state="connected")
    admin.edit("stripe", setup_state="broken", tasks=[{"code": "reconnect", "message": "The key has expired"}])
    workspace.write("paused", stripe("paused"))
    shown = workspace.preview("--refresh", "--diff").ok()
    assert "broken" in shown.out
    assert "reconnect: The key has expired" in shown.out
    assert shown.steps() == {f"update Activation {name}" for name in ("paused", "stripe", "waiting")}
    admin.forget_requests()
    workspace.up("--refresh").ok()
    ids = of_each(admin, "id")
    tested = [request["path"] for request in admin.requests() if request["path"].endswith("/test")]
    assert tested == [f"/v1/connections/{ids['stripe']}/test"], "who waited is not tested, nor who was paused"
    assert set(of_each(admin, "paused").values()) == {False}
    assert set(workspace.outcomes().values()) == {"connected"}
