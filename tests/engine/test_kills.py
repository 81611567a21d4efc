"""SIGKILL at any request: of the CLI alone, whose plugin process lives on, and of everything it started.

Whatever dies when, after `make recover` and another run there is one group, one destination and one connection a file,
which runs and was synced once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest
from admin import Admin
from workspace import CONNECTION, DATASET, KEY, Workspace, hashing, kill, stripe

ROTATED = "sk_live_canary_rotated"

UNITS = ("stripe", "sandbox", "invoices")
#: The units of the long way through every write; the first two are Airflow's, with tables that hash addresses.
MANY = ("accounts", "billing", *(f"shop_{number}" for number in range(4)))
HASHING = MANY[:2]

GROUP = {"kind": "hold", "method": "POST", "path": "^/v1/groups$"}
DESTINATION = {"kind": "hold", "method": "POST", "path": "^/v1/destinations$"}
CREATE = {"kind": "hold", "method": "POST", "path": "^/v1/connections$"}
TEST = {"kind": "hold", "method": "POST", "path": "/test$"}
RELOAD = {"kind": "hold", "method": "POST", "path": "/schemas/reload$"}
SELECT = {"kind": "hold", "method": "PATCH", "path": "/schemas$"}
CHANGE = {"kind": "hold", "method": "PATCH", "path": "^/v1/connections/[^/]+$"}
SYNC = {"kind": "hold", "method": "POST", "path": "/sync$"}
DELETE = {"kind": "hold", "method": "DELETE", "path": "^/v1/connections/"}

ALL, CLI = True, False

#: How runs die at each write: after it, everything or the CLI alone. At the first write of each operation, and the one
#: after the tests, a run dies before it arrives, too; before another is after the last. Where the CLI dies alone, the
#: plugin lives on and finishes its operation, which would take the writes of the next kill away: so that is the last
#: write of its operation. Until a test may pass no unit gets further.
LOST, LATE, DONE, DONE_BY_PLUGIN = (
    ("before", ALL, False),
    ("before", CLI, True),
    ("after", ALL, True),
    ("after", CLI, True),
)
UNTIL_TESTED = (
    (GROUP, LOST),
    (GROUP, DONE),
    (DESTINATION, LATE),
    (CREATE, LOST),
    (CREATE, DONE_BY_PLUGIN),
    (TEST, LOST),
    (TEST, DONE_BY_PLUGIN),
)
UNTIL_STARTED = ((RELOAD, LOST), (RELOAD, DONE), (SELECT, DONE), (CHANGE, DONE), (SYNC, DONE_BY_PLUGIN))
#: How a run dies at the change of a unit that runs, and at the test of that change.
UNTIL_CHANGED = ((CHANGE, ("before", ALL, True)), (TEST, DONE_BY_PLUGIN))

Killed = Callable[..., None]


@pytest.fixture
def killed(workspace: Workspace, admin: Admin) -> Iterator[Killed]:
    """Start a run, and kill the CLI or everything once a condition holds."""
    started = []

    def run_and_kill(when: Callable[[], bool], *, everything: bool, **env: str) -> None:
        started.append(workspace.start_up(**env))
        admin.wait_for(lambda: when() or started[-1].poll() is not None)
        assert when(), "the run came to its end before"
        kill(started[-1], group=everything)

    yield run_and_kill
    admin.forget_faults()
    for process in started:
        kill(process, group=True)


def write_many(workspace: Workspace, version: int = 1) -> None:
    """Write the units, whose key has a version."""
    for name in MANY:
        connector: dict[str, Any] = {"config": {"api_key": {"env": "STRIPE_KEY", "version": version}}}
        if name in HASHING:
            connector["schedule"] = {"by": "airflow", "task_id": f"fivetran_{name}"}
            connector["sync"] = hashing(name)
        workspace.write(name, stripe(name, **connector))


def assert_one_of_each(
    workspace: Workspace, admin: Admin, names: Iterable[str] = UNITS, *, settled: bool = True
) -> dict[str, Any]:
    """Fivetran has what the files say, once, and state knows it. Returns the connections, secrets shown."""
    snapshot = admin.snapshot()
    (group,) = snapshot["groups"]
    assert [destination["id"] for destination in snapshot["destinations"]] == [group["id"]]
    live = admin.connections(secrets=True)
    assert set(live) == set(names)
    held = {name: held["id"] for name, held in workspace.resources(CONNECTION).items()}
    assert held == {name: each["id"] for name, each in live.items()}
    if settled:
        workspace.assert_settled()
    return live


def assert_started_in_order(name: str, connection: dict[str, Any]) -> None:
    """It was made paused and ran only after its tests had passed, its tables as selected from the first row on."""
    history = connection["history"]
    assert history[0] == {**history[0], "event": "created", "paused": True}
    events = [each["event"] for each in history if each.get("passed", True)]
    assert events.index("tested") < events.index("unpaused") < events.index("sync started")
    assert [each.get("historical") for each in history if each["event"] == "sync started"].count(True) == 1
    assert (connection["setup_state"], connection["paused"]) == ("connected", False)
    if name in HASHING:
        tables = connection["first_sync"]["schema_config"]["schemas"][name]["tables"]
        assert (tables["customer"]["columns"]["email"]["hashed"], tables["charge"]["enabled"]) == (True, False)


def test_runs_killed_at_every_write_leave_one_of_each_tested_before_it_ran(
    workspace: Workspace, admin: Admin, killed: Killed
):
    def die(request: Mapping[str, Any], way: tuple[str, bool, bool]) -> None:
        when, everything, arrives = way
        held = admin.fault(**request, when=when, count=None)
        killed(lambda: admin.held(held) > 0, everything=everything)
        admin.release(held, drop=not arrives)
        admin.forget_faults()
        workspace.unlock()

    write_many(workspace)
    wrong = {"title": "Validate Login", "status": "FAILED", "message": "not yet"}
    for name in MANY:
        admin.script_tests(target=name, runs=None, results=[wrong])
    for request, way in UNTIL_TESTED:
        die(request, way)
    admin.forget_tests()
    for request, way in UNTIL_STARTED:
        die(request, way)
    workspace.up().ok()
    first = assert_one_of_each(workspace, admin, MANY, settled=False)

    write_many(workspace, version=2)
    workspace.env["STRIPE_KEY"] = ROTATED
    for request, way in UNTIL_CHANGED:
        die(request, way)
    workspace.recover()
    workspace.up().ok()
    live = assert_one_of_each(workspace, admin, MANY)
    assert {name: each["id"] for name, each in live.items()} == {name: each["id"] for name, each in first.items()}
    for name, each in live.items():
        assert_started_in_order(name, each)
        assert each["effective"]["config"]["api_key"] == ROTATED
    written = b"".join(file.read_bytes() for file in workspace.folder.rglob("*") if file.is_file())
    for secret in (KEY, ROTATED):
        assert secret.encode() not in written
    assert b"Traceback" not in written


def test_recover_does_not_wait_for_setup_tests_and_adopts_the_killed_runs_dataset(
    workspace: Workspace, admin: Admin, killed: Killed
):
    # The run that tests its connection adopts a dataset made by a call whose answer was lost.
    workspace.write("stripe", stripe())
    admin.gcp("POST", "/faults", {"method": "Create", "type": DATASET, "after": True})
    assert workspace.up().code != 0
    assert admin.connections() == {}, "nothing writes into a dataset that may not be as its file says"
    made = admin.dataset("dev-project", "stripe")

    tests = admin.fault(**TEST)
    killed(lambda: admin.held(tests) == 1, everything=CLI)
    began = time.monotonic()
    workspace.recover()
    assert time.monotonic() - began < 60, "it waits two minutes for calls that write"
    assert admin.held(tests) == 1
    assert workspace.plugins() == []
    admin.release(tests)

    workspace.write("sandbox", stripe("sandbox"))
    admin.gcp("POST", "/faults", {"method": "Create", "type": DATASET, "after": True, "hold": True})
    killed(lambda: any(fault["waiting"] for fault in admin.gcp("GET", "/faults")), everything=True)
    workspace.recover()
    workspace.up().ok()
    assert admin.dataset("dev-project", "stripe")["creationTime"] == made["creationTime"]
    assert set(workspace.resources(DATASET)) == {"stripe", "sandbox"}
    assert_one_of_each(workspace, admin, ["stripe", "sandbox"], settled=False)


def test_killed_runs_plugin_that_finishes_during_later_runs_makes_nothing_twice(
    workspace: Workspace, admin: Admin, killed: Killed
):
    # The worst account: it takes a second group, and a second connection, of a name.
    admin.options(duplicate_schema="allowed")
    for name in UNITS:
        workspace.write(name, stripe(name))
    group = admin.fault(**GROUP)
    killed(lambda: admin.held(group) == 1, everything=False)
    workspace.unlock()
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
    assert_one_of_each(workspace, admin, settled=False)


def test_run_killed_between_dataset_and_access_is_completed_before_any_sync(
    workspace: Workspace, admin: Admin, killed: Killed
):
    workspace.write("stripe", stripe())
    admin.gcp("POST", "/faults", {"method": "PATCH", "hold": True, "error": "nobody is there any more"})
    killed(lambda: any(fault["waiting"] for fault in admin.gcp("GET", "/faults")), everything=True)
    admin.gcp("DELETE", "/faults")
    entries = admin.dataset("dev-project", "stripe")["access"]
    assert any(entry.get("specialGroup") == "projectReaders" for entry in entries), "as BigQuery makes a dataset"
    assert admin.connections() == {}
    workspace.recover()
    workspace.up().ok()
    entries = admin.dataset("dev-project", "stripe")["access"]
    assert sorted(entry["role"] for entry in entries) == ["OWNER", "READER", "WRITER"]
    assert not any("specialGroup" in entry for entry in entries)


def test_next_run_finishes_a_killed_replacement_and_not_a_killed_removal(
    workspace: Workspace, admin: Admin, killed: Killed
):
    for name in ("stripe", "sandbox"):
        workspace.write(name, stripe(name))
    workspace.up().ok()
    change = {"schema": {"from": "stripe", "to": "payments"}, "ticket": "DENG-1"}
    workspace.write("stripe", stripe("payments", allow_resync=change))
    for request in (DELETE, CREATE):
        held = admin.fault(**request)
        killed(lambda held=held: admin.held(held) == 1, everything=True)
        admin.release(held, drop=True)
        admin.forget_faults()
        workspace.unlock()
    workspace.recover()
    workspace.up().ok()
    assert set(admin.connections()) == {"payments", "sandbox"}
    assert workspace.resources(CONNECTION)["stripe"]["id"] == admin.connections()["payments"]["id"]

    workspace.remove("sandbox")
    deletion = admin.fault(**DELETE)
    killed(lambda: admin.held(deletion) == 1, everything=True, RECONCILER_REMOVALS="allow")
    admin.release(deletion, drop=True)
    admin.forget_faults()
    workspace.unlock()
    rejected = workspace.up()
    assert rejected.code != 0
    assert "sandbox.yaml: this run would delete the connection sandbox (" in rejected.out
    assert "RECONCILER_REMOVALS=allow" in rejected.out
    assert set(admin.connections()) == {"payments", "sandbox"}
    assert admin.dataset("dev-project", "sandbox")
    assert set(workspace.resources(CONNECTION)) == {"stripe", "sandbox"}
    assert "sandbox" in workspace.resources(DATASET)

    workspace.up(RECONCILER_REMOVALS="allow").ok()
    assert set(admin.connections()) == {"payments"}
