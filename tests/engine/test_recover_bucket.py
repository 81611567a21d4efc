"""A state in a bucket: a killed job of GitHub Actions leaves its lock, and `make recover` in the next releases it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from admin import Admin
from tests.served import served
from workspace import ROOT, Workspace, kill, stripe

from simulator.github.app import build_app as build_github
from simulator.github.state import State
from simulator.storage.app import build_app as build_storage
from simulator.storage.state import Bucket, Store


class Job:
    """A job of GitHub Actions with a runner of its own, whose state is in a bucket."""

    def __init__(self, workspace: Workspace, run_id: int, services: dict[str, str]) -> None:
        self.workspace = workspace
        self.run_id = run_id
        self.variables = {
            **services,
            "GITHUB_ACTIONS": "true",
            "GITHUB_TOKEN": "token",
            "GITHUB_REPOSITORY": "example/data",
            "GITHUB_RUN_ID": str(run_id),
            "GITHUB_RUN_ATTEMPT": "1",
            "RUNNER_NAME": f"GitHub Actions {run_id}",
        }

    def recover(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = ["python3", str(ROOT / "tools" / "recover.py"), *options, "dev"]
        environment = {**self.workspace.env, **self.variables}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False
        )

    def attempt(self, status: str) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        job = {
            "runner_name": self.variables["RUNNER_NAME"],
            "status": status,
            "conclusion": "cancelled",
            "completed_at": now,
        }
        return {"status": status, "conclusion": "cancelled", "updated_at": now, "jobs": [job]}


@pytest.fixture
def github(tmp_path: Path) -> State:
    state = State(tmp_path / "github")
    state.add_repository("example/data")
    state.workflow_token("example/data", {"actions": "read"}, token="token")
    return state


@pytest.fixture
def services(workspace: Workspace, github: State) -> Iterator[dict[str, str]]:
    """Move the state into a bucket; yields the variables of GitHub and Cloud Storage."""
    store = Store(buckets={"states": Bucket("states")})
    for file in workspace.backend.rglob("*"):
        if file.is_file():
            name = os.fspath(file.relative_to(workspace.backend))
            store.write(store.buckets["states"], name, file.read_bytes(), "text/plain", {})
    with served(build_storage(store)) as storage_url, served(build_github(github)) as github_url:
        # Pulumi's library for Go takes an address without a scheme.
        variables = {"STORAGE_EMULATOR_HOST": storage_url.removeprefix("http://"), "GITHUB_API_URL": github_url}
        workspace.env |= {"PULUMI_BACKEND_URL": "gs://states", "GOOGLE_OAUTH_ACCESS_TOKEN": "any", **variables}
        yield variables


def test_recover_heals_a_bucket_once_github_reports_the_end_of_the_run(
    workspace: Workspace, admin: Admin, github: State, services: dict[str, str]
):
    workspace.write("stripe", stripe())
    killed, following = Job(workspace, 7, services), Job(workspace, 8, services)
    assert killed.recover("--record-run").returncode == 0
    held = admin.fault(kind="hold", method="POST", path="^/v1/connections$", when="after", count=None)
    run = workspace.start_up()
    admin.wait_for(lambda: admin.held(held) > 0 or run.poll() is not None)
    kill(run, group=True)
    admin.forget_faults()

    github.attempts[7, 1] = killed.attempt("in_progress")
    rejected = following.recover("--if-locked")
    assert rejected.returncode == 1, rejected.stdout
    assert "https://github.com/example/data/actions/runs/7 (attempt 1) is in progress" in rejected.stderr
    locked = workspace.up()
    assert locked.code != 0
    assert "the stack is currently locked" in locked.out

    github.attempts[7, 1] = killed.attempt("completed")
    released = following.recover("--if-locked")
    assert released.returncode == 0, released.stdout + released.stderr
    assert "which has ended: cancelled" in released.stdout
    assert following.recover("--record-run").returncode == 0
    workspace.up().ok()
    assert list(admin.connections()) == ["stripe"]
    assert following.recover("--if-locked").stdout == "dev is not locked.\n"
