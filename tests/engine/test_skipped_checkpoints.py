"""Runs without checkpoints, killed at a random write: the next run recognises what they created."""

from __future__ import annotations

import random
import subprocess
from typing import Any

from admin import Admin
from workspace import CONNECTION, Workspace, kill, stripe

NAMES = tuple(f"shop_{number}" for number in range(6))
SKIPPING = {"PULUMI_EXPERIMENTAL": "1", "PULUMI_SKIP_CHECKPOINTS": "true"}
RECORD = ("--target", "**reconciler:Preflight::**")


def test_run_without_checkpoints_needs_stored_intents_and_deletes_nothing(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.write("sandbox", stripe("sandbox"))
    rejected = workspace.up(**SKIPPING)
    assert rejected.code != 0
    assert "state does not record yet what this run changes" in rejected.out
    workspace.up(*RECORD).ok()
    assert admin.connections() == {}
    workspace.up(**SKIPPING).ok()

    workspace.remove("sandbox")
    recorded = workspace.up(*RECORD, RECONCILER_REMOVALS="allow")
    assert recorded.code != 0
    assert "will be destroyed but was not specified in --target list" in recorded.out
    kept = workspace.up(RECONCILER_REMOVALS="allow", **SKIPPING)
    assert kept.code != 0
    assert "a run with PULUMI_SKIP_CHECKPOINTS deletes nothing\n" in kept.out
    assert set(admin.connections()) == {"stripe", "sandbox"}
    workspace.up(RECONCILER_REMOVALS="allow").ok()
    assert set(admin.connections()) == {"stripe"}


def wait_until_held(admin: Admin, process: subprocess.Popen[bytes], fault: str) -> None:
    """Return when a request of a run waits at a fault."""
    admin.wait_for(lambda: admin.held(fault) > 0 or process.poll() is not None)
    assert process.poll() is None, "the run came to its end before"


def test_killed_runs_without_checkpoints_create_each_connection_once(workspace: Workspace, admin: Admin):
    chance = random.Random(1)  # noqa: S311 - no secret
    for name in NAMES:
        workspace.write(name, stripe(name))
    workspace.up(*RECORD).ok()
    created: dict[str, Any] = {}
    for when, everything in (("before", True), ("after", False), ("after", True), ("before", False)):
        write = {"kind": "hold", "method": "POST", "path": "^/v1/connections"}
        held = admin.fault(**write, nth=chance.randrange(1, 5), when=when, count=None)
        process = workspace.start_up(**SKIPPING)
        wait_until_held(admin, process, held)
        kill(process, group=everything)
        admin.forget_faults()
        assert workspace.resources(CONNECTION) == {}
        now = {name: live["id"] for name, live in admin.connections().items()}
        assert created.items() <= now.items()
        created = now
        workspace.unlock()
    workspace.recover()
    assert created, "no kill came after the first connection"
    workspace.up().ok()
    live = admin.connections()
    assert set(live) == set(NAMES)
    assert created.items() <= {name: each["id"] for name, each in live.items()}.items()
    assert {name: held["id"] for name, held in workspace.resources(CONNECTION).items()} == {
        name: each["id"] for name, each in live.items()
    }
    for each in live.values():
        assert [entry["event"] for entry in each["history"]].count("created") == 1
        assert (each["setup_state"], each["paused"]) == ("connected", False)
    workspace.assert_settled()
