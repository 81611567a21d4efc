"""Setup tests in a pool of the process: many at once, each waited for until its deadline, and no longer."""

from __future__ import annotations

import socket
import threading

import pytest

from reconciler.resources.run import engine
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run
from reconciler.resources.run.setup_tests import DEADLINE_VARIABLE, SetupTests, deadline, run_unless_killed

from .account import BAD_TEST, BY_AIRFLOW, FILE, Fivetran, InBackground, settle, unit
from .stack import Stack

TEST = "POST /v1/connections/{connection_id}/test"
HELD_TEST = {"path": "/test$", "kind": "hold", "count": None}


def test_tests_of_several_connections_run_at_once_though_each_activation_waits(fivetran: Fivetran, new_run):
    held = fivetran.fault(**HELD_TEST)
    names = [f"stripe_{number}" for number in range(6)]
    stacks = {name: Stack(fivetran.group) for name in names}
    for name, stack in stacks.items():  # one after the other: none of them waits
        stack.connection.up(stack.connection_inputs(unit(name)))
    fivetran.wait_for(lambda: fivetran.held(held) == len(names))
    fivetran.release(held)
    assert [stack.up(unit(name)) for name, stack in stacks.items()] == ["connected"] * len(names)
    assert fivetran.writes().count(TEST) == len(names), "each tested once"


def test_test_slower_than_the_deadline_is_read_by_the_next_run_and_not_run_again(
    fivetran: Fivetran, stack: Stack, new_run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv(DEADLINE_VARIABLE, "0")
    held = fivetran.fault(**HELD_TEST)
    assert stack.up(unit(schedule=BY_AIRFLOW)) == "testing"
    assert stack.pending(unit(schedule=BY_AIRFLOW)) == ["activation"]
    assert fivetran.the("stripe")["paused"] is True
    assert f"{FILE}: the setup tests of connection {stack.connection.id} (stripe) were still running" in caplog.text
    fivetran.release(held)
    settle()
    new_run()
    fivetran.forget_requests()
    assert stack.up(unit(schedule=BY_AIRFLOW)) == "connected"
    assert TEST not in fivetran.writes()
    live = fivetran.the("stripe")
    assert (live["paused"], live["syncs"]) == (False, 1)


def test_connected_does_not_count_as_the_result_of_late_tests_of_another_config(
    fivetran: Fivetran, stack: Stack, new_run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    changed = unit(historical_sync_time_frame="DATE_LIMIT")
    stack.up(unit())
    monkeypatch.setenv(DEADLINE_VARIABLE, "0")
    fivetran.fault(**HELD_TEST)
    assert stack.up(changed) == "testing"
    assert "Run again to repeat them: Fivetran does not report which config it tested." in caplog.text
    fivetran.forget_faults()  # the held one goes on in a moment; what Fivetran says until then is of the old config
    monkeypatch.delenv(DEADLINE_VARIABLE)
    for refreshed in (False, True):
        new_run()
        if refreshed:
            stack.refresh()
        assert stack.pending(changed) == ["activation"]
    settle()
    fivetran.script_tests(target="stripe", runs=1, results=[BAD_TEST])
    new_run()
    assert stack.up(changed) == "failed"
    assert stack.up(changed) == "connected"
    assert stack.pending(changed) == []


def test_late_setup_tests_are_an_outcome_also_without_an_answer(
    fivetran: Fivetran, stack: Stack, new_run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(DEADLINE_VARIABLE, "0")
    fivetran.fault(**HELD_TEST)
    fivetran.fault(method="GET", path="^/v1/connections/", kind="status", status=500, count=None)
    assert stack.up(unit()) == "testing"
    assert stack.activation.state["was_connected"] is True


def test_next_run_tests_again_unless_it_reads_connected(
    fivetran: Fivetran, stack: Stack, new_run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(DEADLINE_VARIABLE, "0")
    held = fivetran.fault(**HELD_TEST)
    fivetran.script_tests(target="stripe", runs=1, results=[BAD_TEST])
    assert stack.up(unit()) == "testing"
    fivetran.release(held)
    settle()
    monkeypatch.delenv(DEADLINE_VARIABLE)
    new_run()
    fivetran.forget_requests()
    assert stack.up(unit()) == "connected"
    assert TEST in fivetran.writes()


def test_deadline_counts_from_the_start_of_the_tests(fivetran: Fivetran, new_run):
    now = [0.0]
    tests = SetupTests(run.account.client, monotonic=lambda: now[0])
    held = fivetran.fault(**HELD_TEST)
    tests.start(fivetran.by_hand())
    fivetran.wait_until_held(held)
    now[0] = deadline() + 1
    asked = InBackground(lambda: [tests.result(fivetran.the("stripe")["id"])])
    assert asked.result() == [None]


def test_tests_under_way_are_not_started_twice_and_those_of_an_older_config_are(fivetran: Fivetran, new_run):
    id_ = fivetran.by_hand()
    held = fivetran.fault(path="/test$", kind="hold")
    run.account.tests.start(id_)
    fivetran.wait_until_held(held)
    run.account.tests.start(id_)
    fivetran.release(held)
    settle()
    assert fivetran.writes() == [TEST]
    run.account.tests.start(id_)  # the run did not ask for the first results: they do not cover what it wrote since
    fivetran.wait_for(lambda: fivetran.writes() == [TEST, TEST])
    assert run.account.tests.result(id_) is not None
    assert fivetran.writes() == [TEST, TEST]


def test_running_setup_tests_do_not_keep_the_process_alive(fivetran: Fivetran, new_run):
    held = fivetran.fault(**HELD_TEST)
    run.account.tests.start(fivetran.by_hand())
    fivetran.wait_until_held(held)
    waiting = [thread for thread in threading.enumerate() if thread.name.startswith("setup tests of ")]
    assert waiting
    assert all(thread.daemon for thread in waiting)


@pytest.mark.parametrize(
    ("value", "seconds"), [("", 600), ("never", 600), ("5", 5), ("0.5", 0.5), ("-1", 0), ("9999", 600)]
)
def test_deadline_is_a_number_of_seconds_no_longer_than_the_client_waits(
    value: str, seconds: float, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(DEADLINE_VARIABLE, value)
    assert deadline() == seconds


def test_waiting_for_setup_tests_ends_when_the_run_is_killed(fivetran: Fivetran, new_run):
    gone = [False]
    tests = SetupTests(run.account.client, abandoned=lambda: gone[0])
    held = fivetran.fault(**HELD_TEST)
    tests.start(fivetran.by_hand())
    fivetran.wait_until_held(held)

    def ask() -> str:
        with pytest.raises(OperationError) as caught:
            tests.result(fivetran.the("stripe")["id"])
        return str(caught.value)

    asked = InBackground(ask)
    gone[0] = True
    assert asked.result() == "the run was killed while setup tests were under way; the next one tests again"


def test_abandoned_setup_test_delays_no_other():
    over, gone = threading.Event(), iter([False, True])
    with pytest.raises(OperationError, match="the run was killed while setup tests were under way"):
        run_unless_killed("a_destination", over.wait, abandoned=lambda: next(gone))
    over.set()
    assert run_unless_killed("a_destination", lambda: "tested") == "tested"
    with pytest.raises(ValueError, match="nothing"):
        run_unless_killed("a_destination", lambda: int("nothing"))


def test_engine_is_gone_when_nothing_listens_at_its_address():
    with socket.create_server(("127.0.0.1", 0)) as engine_:
        address = f"127.0.0.1:{engine_.getsockname()[1]}"
        assert not engine.is_gone(["pulumi.dynamic", address])
    assert engine.is_gone(["pulumi.dynamic", address])
    assert not engine.is_gone(["pytest", "tests/unit"])
