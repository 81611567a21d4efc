"""SIGKILL at any request: of the CLI alone, whose plugin process lives on, and of everything it started.

Whatever dies when, after `make recover` and another run there is one group, one destination and one connection a file,
which runs and was synced once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from admin import Admin
from workspace import CONNECTION, DATASET, Workspace, kill, stripe

UNITS = ("stripe", "sandbox", "invoices")

GROUP = {"kind": "hold", "method": "POST", "path": "^/v1/groups$"}
DESTINATION = {"kind": "hold", "method": "POST", "path": "^/v1/destinations$"}
CREATE = {"kind": "hold", "method": "POST", "path": "^/v1/connections$"}
TEST = {"kind": "hold", "method": "POST", "path": "/test$"}
CHANGE = {"kind": "hold", "method": "PATCH", "path": "^/v1/connections/"}
SYNC = {"kind": "hold", "method": "POST", "path": "/sync$"}
DELETE = {"kind": "hold", "method": "DELETE", "path": "^/v1/connections/"}

Killed = Callable[..., None]


@pytest.fixture
def killed(workspace: Workspace, admin: Admin) -> Iterator[Killed]:
    """Start a run, and kill the CLI or everything once a condition holds."""
    started = []

    def run_and_kill(when: Callable[[], bool], *, everything: bool, **env: str) -> None:
        started.append(workspace.start_up(**env))
        admin.wait_for(when)
        kill(started[-1], group=everything)

    yield run_and_kill
    admin.forget_faults()
    for process in started:
        kill(process, group=True)


def assert_one_of_each(workspace: Workspace, admin: Admin) -> None:
    """Fivetran has what the files say, once, and state knows it."""
    snapshot = admin.snapshot()
    (group,) = snapshot["groups"]
    assert [destination["id"] for destination in snapshot["destinations"]] == [group["id"]]
    live = {name: connection["id"] for name, connection in admin.connections().items()}
    assert {name: held["id"] for name, held in workspace.resources(CONNECTION).items()} == live
    assert set(live) == set(UNITS)
    assert workspace.outcomes() == dict.fromkeys(UNITS, "connected")
    for connection in admin.connections().values():
        assert (connection["setup_state"], connection["paused"]) == ("connected", False)
        assert connection["syncs"] == 1
    workspace.assert_settled()


@pytest.mark.parametrize(
    "kills",
    [
        ((GROUP, "before", True), (CREATE, "before", False), (TEST, "after", True), (CHANGE, "before", False)),
        ((DESTINATION, "after", False), (CREATE, "after", True), (CHANGE, "after", False), (TEST, "before", True)),
        ((GROUP, "after", True), (TEST, "before", False), (SYNC, "before", False), (CHANGE, "after", True)),
        ((DESTINATION, "before", False), (CHANGE, "before", True), (SYNC, "after", True), (TEST, "after", False)),
    ],
    ids=["one way", "another", "a third", "a fourth"],
)
def test_a_run_killed_at_every_kind_of_write_leaves_one_of_each(
    workspace: Workspace, admin: Admin, killed: Killed, kills: Any
):
    admin.options(sync_seconds=3600)  # while a sync runs, another request for one does nothing, as in a real first sync
    airflow = {"schedule": {"by": "airflow", "task_id": "fivetran_stripe"}}
    units = {name: airflow if name == "stripe" else {} for name in UNITS}
    for name, unit in units.items():
        workspace.write(name, stripe(name, **unit))
    *creating, changing = kills
    for request, when, everything in creating:
        held = admin.fault(**request, when=when, count=None)
        killed(lambda held=held: admin.held(held) > 0, everything=everything)
        admin.forget_faults()
        workspace.pulumi("cancel", "--yes").ok()
    workspace.up().ok()

    for name, unit in units.items():
        workspace.write(name, stripe(name, config={"api_key": {"env": "STRIPE_KEY", "version": 2}}, **unit))
    workspace.env["STRIPE_KEY"] = "sk_live_rotated"
    request, when, everything = changing
    held = admin.fault(**request, when=when, count=None)
    killed(lambda: admin.held(held) > 0, everything=everything)
    admin.forget_faults()
    workspace.recover()
    workspace.up().ok()
    assert_one_of_each(workspace, admin)
    live = admin.connections(secrets=True).values()
    assert {each["effective"]["config"]["api_key"] for each in live} == {"sk_live_rotated"}


def test_a_killed_runs_plugin_that_finishes_during_later_runs_makes_nothing_twice(
    workspace: Workspace, admin: Admin, killed: Killed
):
    # The worst account: it takes a second group, and a second connection, of a name.
    admin.options(duplicate_schema="allowed")
    for name in UNITS:
        workspace.write(name, stripe(name))
    group = admin.fault(**GROUP)
    killed(lambda: admin.held(group) == 1, everything=False)
    workspace.pulumi("cancel", "--yes").ok()
    creates = admin.fault(**CREATE, count=len(UNITS))
    killed(lambda: admin.held(creates) == len(UNITS), everything=False)
    workspace.pulumi("cancel", "--yes").ok()
    workspace.up().ok()
    admin.forget_requests()
    admin.release(group)
    admin.release(creates)
    admin.wait_for(lambda: len([write for write in admin.writes() if write.startswith("DELETE")]) == 1 + len(UNITS))
    workspace.recover()
    workspace.up().ok()
    assert_one_of_each(workspace, admin)


def test_a_killed_removal_does_not_let_a_later_run_remove(workspace: Workspace, admin: Admin, killed: Killed):
    for name in UNITS:
        workspace.write(name, stripe(name))
    workspace.up().ok()
    workspace.remove("sandbox")
    deletion = admin.fault(**DELETE)
    killed(lambda: admin.held(deletion) == 1, everything=True, RECONCILER_REMOVALS="allow")
    admin.release(deletion, drop=True)
    admin.forget_faults()
    workspace.recover()
    refused = workspace.up()
    assert refused.code != 0
    assert "sandbox.yaml: this run would delete the connection sandbox (" in refused.out
    assert "RECONCILER_REMOVALS=allow" in refused.out
    assert set(admin.connections()) == set(UNITS)
    assert admin.dataset("dev-project", "sandbox")
    assert {"sandbox"} < set(workspace.resources(CONNECTION)) & set(workspace.resources(DATASET))

    workspace.up(RECONCILER_REMOVALS="allow").ok()
    assert set(admin.connections()) == set(UNITS) - {"sandbox"}


def test_a_dataset_made_by_a_call_whose_answer_was_lost_or_by_a_killed_run_is_taken_over(
    workspace: Workspace, admin: Admin, killed: Killed
):
    workspace.write("stripe", stripe())
    admin.gcp("POST", "/faults", {"method": "Create", "type": DATASET, "after": True})
    assert workspace.up().code != 0
    made = admin.dataset("dev-project", "stripe")

    workspace.write("sandbox", stripe("sandbox"))
    admin.gcp("POST", "/faults", {"method": "Create", "type": DATASET, "after": True, "hold": True})
    killed(lambda: any(fault["waiting"] for fault in admin.gcp("GET", "/faults")), everything=True)
    workspace.recover()
    workspace.up().ok()
    assert admin.dataset("dev-project", "stripe")["creationTime"] == made["creationTime"]
    assert set(workspace.resources(DATASET)) == {"stripe", "sandbox"}
    workspace.assert_settled()
