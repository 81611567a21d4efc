"""`make recover` and `make record-run` on locks in a bucket: whose run it is, and what GitHub reports about it."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta

import pytest
from tests.served import served
from tests.unit.tools.test_recover import Stack, lock_content

from simulator.github.app import build_app as build_github
from simulator.github.state import State
from simulator.storage.app import build_app as build_storage
from simulator.storage.state import Bucket, Store

BACKEND = "gs://states/team"
LOCK = "team/.pulumi/locks/organization/shop/dev/0a1b.json"
RECORD = "team/.pulumi/runs/shop/dev.json"
RUN = "https://github.com/example/data/actions/runs/7"
RUNNER = "GitHub Actions 12"


class BucketStack(Stack):
    """The project `shop` with a stack `dev` in a bucket, as a job of GitHub Actions sees it."""

    def __init__(self, directory, python, urls, store, github):
        super().__init__(directory, python)
        storage_url, github_url = urls
        self.pulumi(url=BACKEND)
        self.store, self.bucket, self.github = store, store.buckets["states"], github
        self.environment |= {
            "STORAGE_EMULATOR_HOST": storage_url,
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": github_url,
            "GITHUB_TOKEN": "token",
            "GITHUB_REPOSITORY": "example/data",
            "GITHUB_RUN_ID": "8",
            "GITHUB_RUN_ATTEMPT": "1",
            "RUNNER_NAME": "GitHub Actions 13",
        }

    def lock_object(self, *, hostname="runnervm", pid=4321, username="runner"):
        """Lock the stack, as Pulumi does."""
        content = lock_content(pid, hostname=hostname, since=datetime.now(UTC), username=username)
        self.store.write(self.bucket, LOCK, content, "application/json", {})

    def record(self, **changed):
        """Record a run, as a job on another machine did."""
        content = {
            "url": RUN,
            "repository": "example/data",
            "run_id": 7,
            "attempt": 2,
            "runner": RUNNER,
            "hostname": "runnervm",
            "timestamp": (datetime.now(UTC) - timedelta(seconds=30)).isoformat(),
        }
        self.store.write(self.bucket, RECORD, json.dumps({**content, **changed}).encode(), "application/json", {})

    @property
    def is_locked(self):
        return LOCK in self.bucket.objects


@pytest.fixture
def stack(tmp_path, python):
    store, github = Store(buckets={"states": Bucket("states")}), State(tmp_path / "github")
    github.add_repository("example/data")
    github.workflow_token("example/data", {"actions": "read"}, token="token")
    with served(build_storage(store)) as storage_url, served(build_github(github)) as github_url:
        yield BucketStack(tmp_path, python, (storage_url, github_url), store, github)


def attempt(status, *, conclusion=None, job="completed", minutes=0):
    """The attempt of a run whose job on our runner has a status."""
    at = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    own = {"runner_name": RUNNER, "status": job, "conclusion": conclusion, "completed_at": at}
    waiting = {"runner_name": None, "status": "waiting", "conclusion": None, "completed_at": None}
    return {"status": status, "conclusion": conclusion, "updated_at": at, "jobs": [waiting, own]}


def test_recover_releases_the_lock_of_an_ended_github_run(stack):
    stack.record()
    stack.lock_object()
    stack.github.attempts[7, 2] = attempt("completed", conclusion="cancelled")
    done = stack.recover("dev")
    assert done.returncode == 0, done.stderr
    assert "dev is locked by runner@runnervm, process 4321, since " in done.stdout
    assert f"it belongs to the GitHub run {RUN} (attempt 2), which has ended: cancelled.\n" in done.stdout
    assert not stack.is_locked
    assert stack.asked == ["whoami", "refresh"]


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_recover_rejects_the_lock_of_a_live_github_run_even_by_force(stack, force):
    stack.record()
    stack.lock_object()
    stack.github.attempts[7, 2] = attempt("in_progress", job="in_progress")
    done = stack.recover("dev", *force)
    assert done.returncode == 1
    assert f"recover: nothing was changed: the GitHub run {RUN} (attempt 2) is in progress.\n" in done.stderr
    assert stack.is_locked
    assert stack.asked == ["whoami"]


def test_recover_prints_what_github_reports_as_text(stack):
    stack.record()
    stack.lock_object()
    stack.github.attempts[7, 2] = attempt("\x1b[2J\n::error::x", job="in_progress")
    done = stack.recover("dev")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    assert "\n::error" not in done.stdout + done.stderr


def test_recover_releases_the_lock_of_an_ended_job_of_a_waiting_run(stack):
    stack.record()
    stack.lock_object()
    stack.github.attempts[7, 2] = attempt("waiting", conclusion="failure")
    done = stack.recover("dev")
    assert done.returncode == 0, done.stderr
    assert "which has ended: failure.\n" in done.stdout
    assert not stack.is_locked


@pytest.mark.parametrize(
    ("recorded", "known", "reason"),
    [
        (None, attempt("completed"), "(runnervm), which cannot be asked, and no GitHub run is recorded for this stack"),
        ({"hostname": "other"}, attempt("completed"), f"and the recorded run, {RUN}, was on other"),
        ({"timestamp": "2999-01-01T00:00:00+00:00"}, attempt("completed"), "began after the stack was locked"),
        ({}, attempt("completed", minutes=-60), "had ended before the stack was locked, so another run may be going"),
        ({}, None, "which GitHub does not know, or which the token may not read (actions: read)"),
        ({}, {"status": "completed"}, "GitHub's answer does not have the documented form"),
        (
            {"repository": "example/other", "url": RUN.replace("data", "other")},
            attempt("completed"),
            "which is not of example/data",
        ),
        ({"url": "https://github.com/\x1b[2J"}, attempt("completed"), "no GitHub run is recorded"),
        ({"url": RUN.replace("data", "other")}, attempt("completed"), "no GitHub run is recorded"),
        ({"url": RUN.replace("/7", "/8")}, attempt("completed"), "no GitHub run is recorded"),
        ({"run_id": float("inf")}, attempt("completed"), "no GitHub run is recorded"),
        ({"runner": ["x"]}, attempt("completed"), "no GitHub run is recorded"),
    ],
)
def test_recover_rejects_a_lock_of_an_unknown_run(stack, recorded, known, reason):
    if recorded is not None:
        stack.record(**recorded)
    stack.lock_object()
    if known is not None:
        stack.github.attempts[7, 2] = known
    done = stack.recover("dev")
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Find out whether process 4321 of runner@runnervm still runs." in done.stderr
    assert stack.is_locked
    assert stack.recover("dev", "--force").returncode == 0
    assert not stack.is_locked


def test_recover_reports_that_github_was_not_asked_without_a_token(stack):
    stack.record()
    stack.lock_object()
    del stack.environment["GITHUB_TOKEN"]
    done = stack.recover("dev")
    assert done.returncode == 1
    assert "GITHUB_TOKEN is not set, so GitHub was not asked" in done.stderr


def test_recover_reads_a_token_that_github_rejects_as_unknown(stack):
    stack.record()
    stack.lock_object()
    stack.environment["GITHUB_TOKEN"] = "expired"
    done = stack.recover("dev")
    assert done.returncode == 1
    assert f"it may belong to the GitHub run {RUN} (attempt 2), but: " in done.stderr
    assert "GitHub answered 401" in done.stderr


def test_recover_trusts_a_shared_hostname_only_within_the_same_job(stack):
    stack.lock_object(hostname=socket.gethostname(), pid=2**22 + 1)
    done = stack.recover("dev")
    assert done.returncode == 1, "GitHub gives one name to many machines"
    assert "no GitHub run is recorded" in done.stderr
    stack.record(run_id=8, attempt=1, runner="GitHub Actions 13", hostname=socket.gethostname(), url=f"{RUN[:-1]}8")
    stack.lock_object(hostname=socket.gethostname(), pid=2**22 + 1)
    assert "on this machine has ended" in stack.recover("dev").stdout


def test_recover_of_a_person_needs_the_same_user_and_machine(stack):
    for name in ("GITHUB_ACTIONS", "GITHUB_TOKEN"):
        del stack.environment[name]
    stack.lock_object(hostname=socket.gethostname(), pid=2**22 + 1, username="another")
    assert stack.recover("dev").returncode == 1
    stack.environment["LOGNAME"] = "me"
    stack.lock_object(hostname=socket.gethostname(), pid=2**22 + 1, username="me")
    assert stack.recover("dev").returncode == 0
    assert not stack.is_locked


def test_recover_reports_a_bucket_that_it_may_not_read(stack):
    stack.bucket.granted = frozenset()
    done = stack.recover("dev")
    assert done.returncode == 3
    assert done.stderr.startswith("recover: Cloud Storage, bucket states: cannot read .pulumi/runs/shop/dev.json: ")
    assert "Use credentials that may read and write the bucket" in done.stderr


def test_record_run_stores_the_job_beside_the_locks(stack):
    done = stack.recover("--record-run", "dev")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "Recorded the GitHub run https://github.com/example/data/actions/runs/8 (attempt 1) for dev.\n"
    )
    stored = json.loads(stack.bucket.objects[RECORD].content)
    assert (stored["run_id"], stored["attempt"], stored["runner"]) == (8, 1, "GitHub Actions 13")
    assert stored["hostname"] == socket.gethostname()


def test_record_run_keeps_the_record_of_the_run_that_left_a_lock(stack):
    stack.record()
    stack.lock_object()
    done = stack.recover("--record-run", "dev")
    assert (done.returncode, done.stderr) == (
        1,
        "recover: dev is locked.\n    Run this first: make recover STACK=dev\n",
    )
    assert json.loads(stack.bucket.objects[RECORD].content)["run_id"] == 7


def test_record_run_outside_github_actions_is_wrong_usage(stack):
    del stack.environment["GITHUB_RUN_ID"]
    assert stack.recover("--record-run", "dev").returncode == 2
