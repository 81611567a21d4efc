"""`reconciler status --wait`: it follows units until their syncs may start."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.cli.status_wait import Duration
from reconciler.fivetran.api import Clock
from reconciler.health.lateness import format_ago

from .workspace import Workspace

BY_AIRFLOW = {"schedule": {"by": "airflow", "task_id": "fivetran_stripe"}}
SYNCING = {"schedule_type": "manual", "is_historical_sync": True}


class Waits:
    """The time of a command in this process: it passes only while the command waits, and changes come in a wait."""

    def __init__(self) -> None:
        self._now = 0.0
        self._looks = 0
        self._changes: dict[int, Callable[[], Any]] = {}

    def change_after(self, look: int, change: Callable[[], Any]) -> None:
        """Change something in Fivetran after a number of looks at the connections."""
        self._changes[look] = change

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds

    def sleep_between_looks(self, seconds: float) -> None:
        self._looks += 1
        self.sleep(seconds)
        self._changes.get(self._looks, lambda: None)()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """The time of commands that this process runs; those that wait need it."""
    waits = Waits()
    looks = SimpleNamespace(monotonic=waits.monotonic, sleep=waits.sleep_between_looks)
    monkeypatch.setattr("reconciler.cli.status_wait.time", looks)
    monkeypatch.setattr("reconciler.fivetran.api.client.Clock", lambda: Clock(waits.monotonic, waits.sleep))
    return waits


def changed_after(workspace: Workspace, look: int, change: Callable[[], Any]) -> threading.Thread:
    """Change something in Fivetran after a number of looks of a process."""

    def wait() -> None:
        deadline = time.monotonic() + 60
        while workspace.requests().get("GET /v1/connections", 0) < look and time.monotonic() < deadline:
            time.sleep(0.05)
        change()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@contextmanager
def following(
    program: list[str], workspace: Workspace, *arguments: str, stderr: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """Run the real command."""
    options = ["--specs", str(workspace.specs), "--wait", "--interval", "1s", *arguments]
    process = subprocess.Popen(
        [*program, "status", *options],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env={**os.environ, "COLUMNS": "150", "TERM": "xterm"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_status_waits_until_the_dag_can_be_enabled(workspace: Workspace, waits: Waits):
    workspace.unit("stripe", **BY_AIRFLOW)
    id_ = workspace.connection("stripe", {"schema": "stripe"}, **SYNCING)
    done = {"is_historical_sync": False, "succeeded_at": "2026-06-15T10:00:00Z"}
    waits.change_after(3, lambda: workspace.admin("PATCH", f"/connections/{id_}", done))
    ran = workspace.run("status", "--wait", "--interval", "1s", "stripe")
    assert ran.code == 0
    steps = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in ran.err.splitlines()]
    assert steps == [
        "stripe: historical sync: scheduled",
        f"stripe: the DAG can be enabled with fivetran_stripe_connector_id = {id_}",
        "dev: 1 fine",
    ]
    assert f"the DAG can be enabled with fivetran_stripe_connector_id = {id_}" in ran.out


def test_status_waits_for_a_pending_action_and_then_for_the_historical_sync(workspace: Workspace, waits: Waits):
    until = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    workspace.unit("stripe", **BY_AIRFLOW, awaiting={"what": "the vendor opens its firewall", "until": until})
    id_ = workspace.connection("stripe", {"schema": "stripe"}, **SYNCING, setup_state="incomplete")
    waits.change_after(3, lambda: workspace.admin("PATCH", f"/connections/{id_}", {"setup_state": "connected"}))
    ran = workspace.run("status", "--wait", "--interval", "1s", "--timeout", "8s", "stripe")
    assert ran.code == 4
    assert f"set-up is incomplete: waiting for the vendor opens its firewall, until {until}" in ran.err
    assert "stripe: historical sync: " in ran.err
    assert ran.err.endswith("not ready after 0:00:08\n    Run the command again to wait longer.\n")


def test_status_waits_for_the_run_that_starts_what_a_user_authorised(workspace: Workspace, waits: Waits):
    workspace.unit("stripe", **{**BY_AIRFLOW, "service": "pinterest_ads"})
    new = {"setup_state": "incomplete", "paused": True, "schedule_type": "auto"}
    id_ = workspace.connection("pinterest_ads", {"schema": "stripe"}, **{**SYNCING, **new})
    started = {"paused": False, "schedule_type": "manual", "is_historical_sync": False, "succeeded_at": _now()}
    waits.change_after(2, lambda: workspace.admin("PATCH", f"/connections/{id_}", {"setup_state": "connected"}))
    waits.change_after(4, lambda: workspace.admin("PATCH", f"/connections/{id_}", started))
    ran = workspace.run("status", "--wait", "--interval", "1s", "--timeout", "20s", "stripe")
    assert ran.code == 0, ran.err
    steps = [line.partition("stripe: ")[2] for line in ran.err.splitlines() if "stripe: " in line]
    assert steps[0].startswith("set-up is incomplete: waiting for a user's consent: ")
    assert steps[1:] == [
        "set up: waiting for `pulumi up --stack dev --refresh`, which starts it",
        f"the DAG can be enabled with fivetran_stripe_connector_id = {id_}",
    ]


@pytest.mark.parametrize(
    ("connector", "live", "words"),
    [
        ({}, {"setup_state": "broken"}, "needs attention: its setup state is broken"),
        ({}, {"paused": True}, "needs attention: it is paused, and not by its file"),
        ({"paused": "the source moves"}, {"paused": True}, "needs attention: its file pauses it (the source moves)"),
    ],
)
def test_status_stops_waiting_when_a_unit_needs_attention(
    workspace: Workspace, connector: dict[str, Any], live: dict[str, Any], words: str
):
    workspace.unit("stripe", **BY_AIRFLOW, **connector)
    workspace.connection("stripe", {"schema": "stripe"}, **{**SYNCING, **live})
    ran = workspace.run("status", "--wait", "stripe")
    assert ran.code == 1
    assert words in ran.err


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "status", "status": 500}, "Fivetran answered 500"),
        ({"kind": "drop_request"}, "connection"),
        ({"kind": "html"}, "Fivetran answered 502"),
        ({"kind": "garbage"}, "Fivetran answered 200"),
    ],
    ids=lambda each: each.get("kind") if isinstance(each, dict) else None,
)
def test_status_waits_on_when_fivetran_fails_in_between(
    workspace: Workspace, waits: Waits, fault: dict[str, Any], words: str
):
    workspace.unit("stripe", **BY_AIRFLOW)
    id_ = workspace.connection("stripe", {"schema": "stripe"}, **SYNCING)
    # The five attempts of the second request fail.
    workspace.admin("POST", "/faults", {**fault, "path": "^/v1/connections$", "nth": 2, "count": 5})
    done = {"is_historical_sync": False, "succeeded_at": "2026-06-15T10:00:00Z"}
    waits.change_after(2, lambda: workspace.admin("PATCH", f"/connections/{id_}", done))
    ran = workspace.run("status", "--wait", "--interval", "1s", "--timeout", "120s", "stripe")
    assert ran.code == 0, ran.err
    assert re.search(rf"stripe: not known at the moment: .*{words}.*; trying again", ran.err), ran.err
    assert "stripe: the DAG can be enabled with" in ran.err


def test_status_does_not_wait_when_fivetran_rejects_the_key(workspace: Workspace, waits: Waits):
    workspace.unit("stripe", **BY_AIRFLOW)
    workspace.connection("stripe", {"schema": "stripe"}, **SYNCING)
    workspace.admin("POST", "/faults", {"kind": "unauthorized", "path": "^/v1/connections$", "nth": 2, "count": None})
    ran = workspace.run("status", "--wait", "--interval", "1s", "stripe")
    assert ran.code == 3
    assert "Fivetran answered 401" in ran.err


def test_status_stops_waiting_for_a_unit_that_has_expired(workspace: Workspace):
    unit = workspace.unit("stripe", **BY_AIRFLOW)
    unit.write_text(f"{unit.read_text(encoding='utf-8')}expires: 2020-01-01\n", encoding="utf-8")
    workspace.connection("stripe", {"schema": "stripe"}, **SYNCING)
    ran = workspace.run("status", "--wait", "--timeout", "2s", "stripe")
    assert ran.code == 1, ran.err
    assert "needs attention: it expired on 2020-01-01" in ran.err


def test_status_stops_waiting_for_a_connection_that_does_not_exist(workspace: Workspace):
    workspace.unit("stripe", **BY_AIRFLOW)
    ran = workspace.run("status", "--wait", "stripe")
    assert ran.code == 1
    assert "Fivetran has no such connection: `pulumi up --stack dev` creates it" in ran.err


def test_status_waits_for_the_historical_sync_of_a_unit_on_fivetrans_schedule(workspace: Workspace):
    workspace.unit("stripe")
    workspace.connection("stripe", {"schema": "stripe"}, is_historical_sync=False, succeeded_at=_now())
    ran = workspace.run("status", "--wait", "--format", "json", "stripe")
    assert ran.code == 0
    assert "stripe: ready: its historical sync is done" in ran.err
    assert [each["unit"] for each in json.loads(ran.out)] == ["stripe"]


def test_status_makes_one_request_each_interval(workspace: Workspace, waits: Waits):
    for name in ("a", "b"):
        workspace.unit(name, schedule={"by": "airflow", "task_id": name})
        workspace.connection("stripe", {"schema": name}, **SYNCING)
    ran = workspace.run("status", "--wait", "--interval", "1s", "--timeout", "2s", "a", "b")
    assert ran.code == 4
    requests = workspace.requests()
    assert requests == {"GET /v1/groups": 1, "GET /v1/connections": 4}


@pytest.mark.parametrize("arguments", [("--wait",), ("--wait", "--timeout", "soon", "stripe")])
def test_status_rejects_waiting_without_a_unit_or_with_a_wrong_time(workspace: Workspace, arguments: tuple[str, ...]):
    workspace.unit("stripe")
    assert workspace.run("status", *arguments).code == 2


def test_status_ends_cleanly_on_ctrl_c_while_it_waits(workspace: Workspace, program: list[str]):
    workspace.unit("stripe", **BY_AIRFLOW)
    workspace.connection("stripe", {"schema": "stripe"}, **SYNCING)
    with following(program, workspace, "stripe") as process:
        assert process.stderr is not None
        assert "historical sync" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "\ninterrupted\n")


def test_status_shows_progress_on_a_terminal(workspace: Workspace, program: list[str]):
    workspace.unit("stripe", **BY_AIRFLOW)
    id_ = workspace.connection("stripe", {"schema": "stripe"}, **SYNCING)
    done = {"is_historical_sync": False, "succeeded_at": "2026-06-15T10:00:00Z"}
    thread = changed_after(workspace, 3, lambda: workspace.admin("PATCH", f"/connections/{id_}", done))
    side, terminal = pty.openpty()
    with following(program, workspace, "stripe", stderr=terminal) as process:
        out, _ = process.communicate(timeout=60)
    thread.join()
    os.close(terminal)
    shown = os.read(side, 65536).decode()
    os.close(side)
    assert process.returncode == 0
    assert "stripe: historical sync: " in shown
    assert "stripe: the DAG can be enabled with" in shown
    assert re.search(r"\d:\d\d:\d\d", shown)
    assert "stripe" in out


@pytest.mark.parametrize(("no_colour", "expected"), [("", True), ("1", False)])
def test_status_colours_states_unless_no_color_is_set(
    workspace: Workspace, program: list[str], no_colour: str, *, expected: bool
):
    workspace.unit("stripe")
    workspace.connection("stripe", {"schema": "stripe"}, is_historical_sync=False, succeeded_at=_now())
    side, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": "150", "TERM": "xterm-256color", "NO_COLOR": no_colour}
    command = [*program, "status", "--specs", str(workspace.specs)]
    subprocess.run(command, stdout=terminal, stderr=subprocess.DEVNULL, env=environment, check=True)
    os.close(terminal)
    shown = os.read(side, 65536).decode()
    os.close(side)
    assert ("\x1b[32mconnected" in shown) is expected
    assert "connected" in shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3_599, "59 min ago"),
        (3_600, "1 h ago"),
        (172_799, "47 h ago"),
        (172_800, "2 days ago"),
        (86_400 * 2_000, "2,000 days ago"),
    ],
)
def test_age_has_one_unit(seconds: int, words: str):
    now = datetime(2026, 6, 15, tzinfo=UTC)
    assert format_ago((now - timedelta(seconds=seconds)).isoformat(), now) == words


def test_duration_has_a_unit():
    assert Duration().convert("90m", None, None) == timedelta(minutes=90)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
