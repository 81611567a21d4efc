"""`make apply` and `make order`, which the workflows call, with the real engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from admin import Admin
from workspace import CONNECTION, ROOT, Result, Workspace, stripe

APPLY = ROOT / "tools" / "apply.py"


class Job:
    """A job's checkout, as a repository with the program in it, and its outputs."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.workspace, self.folder = workspace, folder
        folder.mkdir()
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        (folder / "infra").symlink_to(ROOT / "infra")
        self.outputs = folder.parent / "outputs"
        self.review = folder.parent / "review.json"
        self.git("init", "--quiet")
        self.first, self.second = self.commit(), self.commit()

    def git(self, *arguments: str) -> str:
        variables = {
            f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        command = ["git", *arguments]
        environment = {**os.environ, **variables, "GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(
            command, cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")
        return self.git("rev-parse", "HEAD")

    def run(self, *command: str, **env: str) -> Result:
        variables = {**self.workspace.env, "GITHUB_OUTPUT": str(self.outputs), **env}
        done = subprocess.run(
            command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=300, check=False
        )
        return Result(done.returncode, done.stdout + done.stderr)

    def apply(self, *arguments: str, **env: str) -> Result:
        return self.run("python3", str(APPLY), "dev", *arguments, **env)

    def write_review(self) -> None:
        shown = subprocess.run(
            ["reconciler", "review", "-e", "dev", "--format", "json"],  # noqa: S607 (of the tools)
            cwd=self.folder,
            env={**self.workspace.env, "RECONCILER_REMOVALS": "allow:1000000"},
            stdout=subprocess.PIPE,
            timeout=180,
            check=True,
        )
        self.review.write_bytes(shown.stdout)

    def output(self) -> str:
        """Return the last output that the job set."""
        return self.outputs.read_text().splitlines()[-1]


def stripes(admin: Admin) -> list[str]:
    """Return the names of the Stripe connections in Fivetran."""
    return sorted(each["name"] for each in admin.snapshot()["connections"] if each["service"] == "stripe")


@pytest.fixture
def job(workspace: Workspace, tmp_path: Path) -> Job:
    for name in ("first", "second"):
        workspace.write(name, stripe(name))
    return Job(workspace, tmp_path / "checkout")


def test_apply_removes_what_its_review_has_and_nothing_without_one(job: Job, workspace: Workspace, admin: Admin):
    job.apply().ok()
    assert job.output() == "completed=true"
    workspace.remove("second")
    rejected = job.apply(RECONCILER_REMOVALS="allow:1000000")
    assert rejected.code == 1
    assert job.output() == "completed=false"
    assert stripes(admin) == ["first", "second"]

    job.write_review()
    done = job.apply("--review", str(job.review)).ok()
    assert "2 reviewed removals allowed" in done.out
    assert stripes(admin) == ["first"]


def test_apply_stores_intents_first_and_skips_checkpoints_of_many_changes(job: Job, workspace: Workspace, admin: Admin):
    job.write_review()
    done = job.apply("--review", str(job.review), "--many", "10").ok()
    assert "many changes and no deletion: the state is written once before them, and at the end" in done.out
    assert job.output() == "completed=true"
    assert stripes(admin) == sorted(workspace.resources(CONNECTION)) == ["first", "second"]
    workspace.remove("second")
    job.write_review()
    removal = job.apply("--review", str(job.review), "--many", "1").ok()
    assert "no deletion" not in removal.out
    assert stripes(admin) == ["first"]


def test_apply_reports_the_end_of_a_run_in_which_a_unit_failed(job: Job, admin: Admin):
    bad = {"title": "Validate Login", "status": "FAILED", "message": "Invalid API key"}
    admin.script_tests(target="first", runs=1, results=[bad])
    failed = job.apply()
    assert failed.code == 1
    assert "1 unit failed:" in failed.out
    assert job.output() == "completed=true"


def test_order_names_the_backend_when_it_is_empty(job: Job):
    done = job.apply("--order", PULUMI_BACKEND_URL="")
    assert done.code == 3
    assert "Set PULUMI_BACKEND_URL, which is empty." in done.out


def test_order_stops_an_older_commit_and_sees_other_stacks(job: Job):
    order = ["python3", str(APPLY), "--order", "dev"]
    job.run(*order).ok()
    assert job.output() == "proceed=true", "a stack without any run"
    job.apply().ok()
    job.run(*order).ok()
    assert job.output() == "proceed=true", "a run that is repeated"
    job.commit()
    job.run(*order).ok()
    assert job.outputs.read_text().splitlines()[-2:] == [f"since={job.second}", "proceed=true"]
    job.git("checkout", "--quiet", job.first)
    job.run(*order).ok()
    assert job.output() == "proceed=false"
    job.run(*order[:2], "--newest", "dev").ok()
    assert job.output() == "newest=false"
    job.git("checkout", "--quiet", job.second)
    job.run(*order[:2], "--newest", "dev").ok()
    assert job.output() == "newest=true"
    (job.folder / "Pulumi.dev.crm.yaml").touch()
    job.run(*order[:2], "--newest", "dev").ok()
    assert job.output() == "newest=false", "a stack of the environment that cannot be read"
