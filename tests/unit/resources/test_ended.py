"""A unit that expired or retires is paused, and whether it works is no run's concern any more."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model import Awaiting, Unit
from reconciler.resources.run.run import run

from .account import BAD_TEST, BY_AIRFLOW, Fivetran, settle, unit
from .stack import Stack

TEST = "POST /v1/connections/{connection_id}/test"


def over(**fields: Any) -> Unit:
    """The unit in its days of grace."""
    return unit(**{"schedule": BY_AIRFLOW, **fields, "paused": "expired on 2026-12-31", "ended": True})


def test_ended_unit_with_failing_tests_is_paused_and_not_tested_again(fivetran: Fivetran, stack: Stack, new_run):
    fivetran.script_tests(target="stripe", runs=None, results=[BAD_TEST])
    assert stack.up(unit(schedule=BY_AIRFLOW)) == "failed"
    fivetran.edit("stripe", paused=False)
    new_run()
    fivetran.forget_requests()
    assert stack.up(over()) == "ended"
    assert TEST not in fivetran.writes()
    assert run.outcomes.failures() == {}
    assert fivetran.the("stripe")["paused"] is True
    assert stack.activation.state["messages"] == []
    for refreshed in (False, True):
        assert stack.pending(over()) == []
        if not refreshed:
            new_run()
            stack.refresh()


def test_unit_in_its_days_of_grace_is_left_alone(
    fivetran: Fivetran, stack: Stack, new_run, caplog: pytest.LogCaptureFixture
):
    stack.up(unit(schedule=BY_AIRFLOW))
    assert stack.up(over()) == "connected"
    assert fivetran.the("stripe")["paused"] is True
    fivetran.script_tests(target="stripe", runs=1, results=[BAD_TEST])
    assert stack.up(over(historical_sync_time_frame="DATE_LIMIT")) == "connected"
    settle()
    assert fivetran.the("stripe")["setup_state"] != "connected"
    new_run()
    stack.refresh()
    assert stack.pending(over(historical_sync_time_frame="DATE_LIMIT")) == []
    assert "broken" not in caplog.text
    assert run.outcomes.failures() == {}

    # With more time it has to work again.
    later = unit(schedule=BY_AIRFLOW, historical_sync_time_frame="DATE_LIMIT")
    fivetran.forget_requests()
    assert stack.up(later) == "connected"
    assert fivetran.writes().count(TEST) == 1
    assert fivetran.the("stripe")["paused"] is False


def test_ended_unit_with_a_pending_action_is_never_overdue(fivetran: Fivetran, stack: Stack, monkeypatch):
    monkeypatch.setenv("RECONCILER_TODAY", "2027-01-01")
    awaiting = Awaiting("the vendor installs our key", "2026-12-15")
    assert stack.up(over(awaiting=awaiting)) == "ended"
    assert run.outcomes.failures() == {}
    assert stack.pending(over(awaiting=awaiting)) == []


def test_extended_unit_continues_where_it_was_paused(fivetran: Fivetran, stack: Stack, new_run):
    fivetran.script_tests(target="stripe", runs=1, results=[BAD_TEST])
    stack.up(unit(schedule=BY_AIRFLOW))
    stack.up(over())
    new_run()
    assert stack.up(unit(schedule=BY_AIRFLOW)) == "connected"
    live = fivetran.the("stripe")
    assert (live["paused"], live["syncs"]) == (False, 1)
    assert stack.pending(unit(schedule=BY_AIRFLOW)) == []


def test_connection_that_was_only_adopted_is_not_written(fivetran: Fivetran, stack: Stack):
    fivetran.by_hand(schedule_type="manual", succeeded_at="2026-01-01T00:00:00Z", is_historical_sync=False)
    assert stack.up(over()) == "ended"
    assert fivetran.writes() == []


@pytest.mark.parametrize("ended", [True, False])
def test_activation_pauses_a_running_connection_when_state_lost_its_activation(
    fivetran: Fivetran, stack: Stack, new_run, ended: bool
):
    stack.up(unit(schedule=BY_AIRFLOW))
    assert fivetran.the("stripe")["paused"] is False
    stack.activation.forget()
    stack.up(over() if ended else unit(schedule=BY_AIRFLOW, paused="INC-1"))
    assert fivetran.the("stripe")["paused"] is True
