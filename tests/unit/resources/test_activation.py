"""From a connection that is made to one that runs: tested, then started, and a failed test is an outcome in state."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from reconciler.model import FivetranSchedule

from .account import BAD_TEST, BY_AIRFLOW, CANARY, FILE, KEY, Fivetran, InBackground, failure, unit
from .stack import Stack

TEST = "POST /v1/connections/{connection_id}/test"
CHANGE = "PATCH /v1/connections/{connection_id}"
SYNC = "POST /v1/connections/{connection_id}/sync"


def test_connection_is_created_paused_then_tested_and_started_in_one_change(fivetran: Fivetran, stack: Stack):
    held = fivetran.fault(path="/test$", kind="hold")
    outcome = InBackground(lambda: stack.up(unit(schedule=FivetranSchedule(60))))
    fivetran.wait_until_held(held)
    made = fivetran.the("stripe")
    assert (made["paused"], made["setup_state"], made["setup_tests"]) == (True, "incomplete", [])
    fivetran.release(held)
    assert outcome.result() == "connected"
    assert fivetran.writes() == ["POST /v1/connections", TEST, CHANGE]
    (start,) = [request for request in fivetran.requests() if request["method"] == "PATCH"]
    assert sorted(start["keys"]) == ["paused", "run_setup_tests", "schedule_type", "sync_frequency"]
    live = fivetran.the("stripe")
    assert (live["paused"], live["sync_frequency"], live["syncs"]) == (False, 60, 1), "its history syncs by itself"


def test_connection_synced_by_airflow_starts_with_one_sync_and_is_manual(fivetran: Fivetran, stack: Stack):
    stack.up(unit(schedule=BY_AIRFLOW))
    assert fivetran.writes() == ["POST /v1/connections", TEST, CHANGE, SYNC]
    live = fivetran.the("stripe")
    assert (live["paused"], live["schedule_type"], live["syncs"]) == (False, "manual", 1)


@pytest.mark.parametrize(
    ("schedule", "writes"),
    [(BY_AIRFLOW, [CHANGE, SYNC]), (FivetranSchedule(60), [CHANGE])],
    ids=["airflow", "fivetran"],
)
def test_connection_paused_by_its_file_starts_once_the_file_unpauses_it(
    fivetran: Fivetran, stack: Stack, schedule: Any, writes: list[str]
):
    paused = unit(schedule=schedule, paused="INC-4711")
    assert stack.up(paused) == "connected"
    live = fivetran.the("stripe")
    assert (live["paused"], live["setup_state"], live["syncs"]) == (True, "connected", 0)
    stack.refresh()
    assert stack.pending(paused) == []
    fivetran.forget_requests()
    stack.up(unit(schedule=schedule))
    assert fivetran.writes() == writes
    live = fivetran.the("stripe")
    assert (live["paused"], live["syncs"]) == (False, 1)
    assert stack.pending(unit(schedule=schedule)) == []


def test_second_run_has_nothing_to_do_and_asks_nothing(fivetran: Fivetran, stack: Stack):
    stack.up(unit())
    fivetran.forget_requests()
    assert stack.pending(unit()) == []
    stack.up(unit())
    assert fivetran.requests() == []


def test_failed_test_is_an_outcome_until_a_later_test_passes(
    fivetran: Fivetran, stack: Stack, new_run, caplog: pytest.LogCaptureFixture
):
    warning = {"title": "Permissions", "status": "WARNING", "message": "Too many"}
    fivetran.script_tests(target="stripe", runs=2, results=[BAD_TEST, warning])
    for _ in range(2):
        assert stack.up(unit(schedule=BY_AIRFLOW)) == "failed"
        assert stack.activation.state["tests"] == [BAD_TEST], "and what passes is not recorded"
        assert stack.activation.state["messages"] == ["Validate Login: FAILED: Invalid API key"]
        live = fivetran.the("stripe")
        assert (live["paused"], live["syncs"]) == (True, 0)
        assert stack.pending(unit(schedule=BY_AIRFLOW)) == ["activation"]
        assert "1 setup test of connection" in caplog.text
        caplog.clear()
        stack.refresh()
        assert stack.activation.state["messages"] == ["Validate Login: FAILED: Invalid API key"]
        assert stack.pending(unit(schedule=BY_AIRFLOW)) == ["activation"], "a refresh hides nothing"
        new_run()
    assert stack.up(unit(schedule=BY_AIRFLOW)) == "connected"
    assert "tests" not in stack.activation.state
    assert stack.activation.state["messages"] == []
    live = fivetran.the("stripe")
    assert (live["paused"], live["syncs"]) == (False, 1)
    assert stack.pending(unit(schedule=BY_AIRFLOW)) == []


def test_corrected_key_is_sent_with_its_next_version(
    fivetran: Fivetran, stack: Stack, new_run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    fivetran.script_tests(target="stripe", runs=None, accepts={"api_key": "sk_live_right"})
    assert stack.up(unit()) == "failed"
    assert "A secret is sent again when its version in the file changes." in caplog.text
    monkeypatch.setenv("STRIPE_KEY", "sk_live_right")
    new_run()
    assert stack.up(unit(api_key={**KEY, "version": 2})) == "connected"
    assert fivetran.the("stripe")["effective"]["config"]["api_key"] == "sk_live_right"


def test_vendor_text_is_stored_and_logged_without_secrets_or_control_characters(
    fivetran: Fivetran, stack: Stack, caplog: pytest.LogCaptureFixture
):
    echo = {"title": f"Login with {CANARY}", "status": "FAILED", "message": f"\x1b[31m{CANARY.upper()} was refused"}
    fivetran.script_tests(target="stripe", runs=1, results=[echo])
    with caplog.at_level(logging.DEBUG):
        stack.up(unit())
    (test,) = stack.activation.state["tests"]
    assert test == {"title": "Login with ******", "status": "FAILED", "message": "[31m****** was refused"}
    assert f"{FILE}: 1 setup test of connection " in caplog.text
    assert "    Login with ******: FAILED: [31m****** was refused\n" in caplog.text

    stack.up(unit())
    fivetran.edit("stripe", setup_state="broken", tasks=[{"code": "reconnect", "message": f"{CANARY} is dead"}])
    stack.refresh()
    assert stack.activation.state["tasks"] == ["reconnect: ****** is dead"]
    assert CANARY not in caplog.text + str(vars(stack.activation)) + str(vars(stack.connection))


def test_changed_config_is_tested_again_and_its_failure_survives_a_refresh(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit())
    changed = unit(historical_sync_time_frame="DATE_LIMIT")
    fivetran.script_tests(target="stripe", runs=2, results=[BAD_TEST])
    assert stack.pending(changed) == ["connection", "activation"]
    fivetran.forget_requests()
    assert stack.up(changed) == "failed"
    assert fivetran.writes() == [CHANGE, TEST]
    for refreshed in (True, False):
        new_run()
        if refreshed:
            stack.refresh()
        assert stack.pending(changed) == ["activation"]
        assert stack.up(changed) == ("failed" if refreshed else "connected")
    live = fivetran.the("stripe")
    assert live["effective"]["config"]["historical_sync_time_frame"] == "DATE_LIMIT"
    assert live["paused"] is False
    assert stack.pending(changed) == []


def test_config_that_a_killed_run_changed_is_tested_by_the_next(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit(historical_sync_time_frame="ALL_TIME"))
    before = stack.copy()
    changed = unit(historical_sync_time_frame="DATE_LIMIT")
    fivetran.fault(path="/test$", kind="unauthorized", count=None)
    failure(stack.up, changed)
    fivetran.forget_faults()
    stack.as_of(before)
    new_run()
    stack.refresh()
    assert stack.pending(changed) == ["activation"]
    assert stack.up(changed) == "connected"
    assert fivetran.the("stripe")["effective"]["config"]["historical_sync_time_frame"] == "DATE_LIMIT"


def test_failed_connection_continues_untested_when_a_refresh_reads_connected(fivetran: Fivetran, stack: Stack, new_run):
    fivetran.script_tests(target="stripe", runs=1, results=[BAD_TEST])
    stack.up(unit())
    fivetran.edit("stripe", setup_state="connected")  # a person mended it in the interface
    new_run()
    stack.refresh()
    assert (stack.activation.state["outcome"], stack.activation.state["messages"]) == ("connected", [])
    assert stack.pending(unit()) == ["activation"]
    fivetran.forget_requests()
    stack.up(unit())
    assert fivetran.writes() == [CHANGE]
    assert fivetran.the("stripe")["paused"] is False


def test_broken_connection_is_reported_with_its_tasks_and_tested_again(
    fivetran: Fivetran, stack: Stack, new_run, caplog: pytest.LogCaptureFixture
):
    stack.up(unit())
    for message in ("Reconnect", "Reconnect, now"):
        fivetran.edit("stripe", setup_state="broken", tasks=[{"code": "reconnect", "message": message}])
        new_run()
        stack.refresh()
        state = stack.activation.state
        assert (state["outcome"], state["tasks"]) == ("broken", [f"reconnect: {message}"])
        assert state["messages"] == state["tasks"]
        warned = f"{FILE}: the setup state of the connection is broken; the next update tests it again\n    reconnect: "
        assert f"{warned}{message}\n" in caplog.text
        assert stack.pending(unit()) == ["activation"]
    fivetran.forget_requests()
    assert stack.up(unit()) == "connected"
    assert fivetran.writes() == [TEST], "and started it is already"
    assert stack.pending(unit()) == []


def test_connection_repaired_by_hand_is_reported_no_more(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit())
    fivetran.edit("stripe", setup_state="broken")
    new_run()
    stack.refresh()
    fivetran.edit("stripe", setup_state="connected")
    new_run()
    stack.refresh()
    assert stack.pending(unit()) == []


def test_connection_deleted_by_hand_is_created_again_and_started(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit())
    fivetran.delete("stripe")
    new_run()
    stack.refresh()
    assert (stack.connection.id, stack.activation.id) == ("", "")
    assert stack.up(unit()) == "connected"
    assert fivetran.the("stripe")["paused"] is False


def test_activation_of_a_deleted_connection_says_how_to_recreate_it(fivetran: Fivetran, stack: Stack):
    stack.up(unit())
    gone = stack.connection.id
    fivetran.delete("stripe")
    assert failure(stack.up, unit(schedule=FivetranSchedule(60))) == (
        f"{FILE}: the connection {gone} was deleted in Fivetran; "
        "`pulumi up --stack dev --refresh` creates it again and syncs its whole history"
    )


def test_connection_that_replaces_another_is_activated_from_the_start(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit())
    fivetran.delete("stripe")
    stack.connection.forget()
    new_run()
    assert stack.up(unit()) == "connected"
    live = fivetran.the("stripe")
    assert (live["paused"], live["id"]) == (False, stack.activation.state["connection_id"])
