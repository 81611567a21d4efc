"""Schedules and pauses: between the file's words and the API's fields, and who may change them."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran.api import Connection
from reconciler.model import SYNC_INTERVALS, AirflowSchedule, Awaiting, FivetranSchedule
from reconciler.resources.activation import schedule

from .account import BAD_TEST, BY_AIRFLOW, FILE, Fivetran, failure, unit, with_each_fault
from .stack import Stack

CHANGE = "PATCH /v1/connections/{connection_id}"

LIVE = Connection.parse(
    {
        "id": "duel_salutation",
        "paused": False,
        "schedule_type": "auto",
        "sync_frequency": 360,
        "status": {"setup_state": "connected"},
    }
)

schedules = st.one_of(
    st.builds(AirflowSchedule, st.just("task")),
    st.builds(FivetranSchedule, st.sampled_from(sorted(SYNC_INTERVALS.values()))),
    st.builds(FivetranSchedule, st.just(1440), st.integers(0, 23).map("{:02}:00".format)),
)
pauses = st.none() | st.just("INC-1")


def props(schedule: AirflowSchedule | FivetranSchedule, paused: str | None = None) -> dict[str, Any]:
    """The inputs that say when a connection syncs."""
    return {"file": FILE, "schedule": schedule.as_property(), **({"paused": paused} if paused else {})}


@given(schedules, schedules, pauses, pauses)
def test_sent_schedule_reads_back_and_a_change_sends_only_what_differs(declared, other, paused, other_pause):
    wanted, before = props(declared, paused), props(other, other_pause)
    sent = schedule.fields(wanted["schedule"])
    live = replace(LIVE, paused=paused is not None, **sent)
    assert schedule.as_file(wanted, live) == {key: wanted[key] for key in ("schedule", "paused") if key in wanted}
    assert schedule.differing_fields(wanted, live) == {}
    assert schedule.changed_fields(wanted, wanted) == {}
    changed = schedule.changed_fields(before, wanted)
    pause = {"paused": paused is not None} if (paused is None) != (other_pause is None) else {}
    assert changed == pause | ({} if schedule.fields(before["schedule"]) == sent else sent)


def test_another_task_id_or_pause_reason_changes_nothing_in_fivetran():
    olds, news = props(AirflowSchedule("a"), "one reason"), props(AirflowSchedule("b"), "another")
    assert schedule.changed_fields(olds, news) == {}


@pytest.mark.parametrize("paused", [True, False])
def test_schedule_has_no_drift_when_airflow_runs_the_connection(paused):
    wanted, live = props(BY_AIRFLOW), replace(LIVE, schedule_type="manual", paused=paused)
    assert schedule.as_file(wanted, live) == {"schedule": wanted["schedule"]}


def test_schedule_has_drift_when_fivetran_runs_what_the_file_leaves_to_airflow():
    wanted = props(BY_AIRFLOW)
    found = schedule.as_file(wanted, replace(LIVE, schedule_type="auto", sync_frequency=60))
    assert found["schedule"] == {"by": "fivetran", "every": "1h"}
    assert schedule.changed_fields(found, wanted) == {"schedule_type": "manual"}


@pytest.mark.parametrize("declared", [BY_AIRFLOW, FivetranSchedule()])
@pytest.mark.parametrize("ended", [{}, {"ended": True}])
def test_schedule_pauses_again_what_the_file_pauses_and_airflow_or_a_person_unpaused(declared, ended):
    wanted = {**props(declared, "INC-1"), **ended}
    live = replace(LIVE, **schedule.fields(wanted["schedule"]))
    assert schedule.as_file(wanted, replace(live, paused=True)) == {key: wanted[key] for key in ("schedule", "paused")}
    found = schedule.as_file(wanted, replace(live, paused=False))
    assert schedule.changed_fields(found, wanted) == {"paused": True}


def test_pause_by_hand_stays_and_a_lifted_pause_is_drift():
    declared = props(FivetranSchedule())
    assert schedule.as_file(declared, replace(LIVE, paused=True)) == {"schedule": declared["schedule"]}
    assert "paused" not in schedule.as_file(props(FivetranSchedule(), "INC-1"), replace(LIVE, paused=False))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"schedule_type": "manual"}, {"by": "manual"}),
        ({"sync_frequency": 60}, {"by": "fivetran", "every": "1h"}),
        ({"sync_frequency": 7}, {"by": "fivetran", "every": "7m"}),
        ({"sync_frequency": 1440, "daily_sync_time": "04:00"}, {"by": "fivetran", "daily_at": "04:00"}),
        ({"schedule_type": "cron", "sync_frequency": None}, {"by": "cron"}),
    ],
)
def test_schedule_changed_by_hand_is_drift_and_is_put_right(change, found):
    described = schedule.as_file(props(FivetranSchedule()), replace(LIVE, **change))
    assert described["schedule"] == found
    assert schedule.changed_fields(described, props(FivetranSchedule())) == {
        "schedule_type": "auto",
        "sync_frequency": 360,
    }


def test_daily_time_in_another_spelling_is_not_drift():
    wanted = props(FivetranSchedule(1440, "04:00"))
    for spelled in ("04:00", "4:00", "04:00:00", None):
        live = replace(LIVE, sync_frequency=1440, daily_sync_time=spelled)
        assert schedule.as_file(wanted, live) == {"schedule": wanted["schedule"]}
    moved = schedule.as_file(wanted, replace(LIVE, sync_frequency=None, daily_sync_time="05:00"))
    assert moved["schedule"] == {"by": "fivetran", "daily_at": "05:00"}
    assert schedule.changed_fields(moved, wanted)["daily_sync_time"] == "04:00"


@pytest.mark.parametrize(
    "declared",
    [*(FivetranSchedule(minutes) for minutes in SYNC_INTERVALS.values()), FivetranSchedule(1440, "18:00"), BY_AIRFLOW],
    ids=lambda declared: str(getattr(declared, "daily_at", None) or getattr(declared, "every_minutes", "airflow")),
)
def test_every_schedule_that_a_file_can_say_arrives_and_reads_back(
    fivetran: Fivetran, stack: Stack, new_run, declared: Any
):
    stack.up(unit(schedule=declared))
    live = fivetran.the("stripe")
    expected = {"schedule_type": live["schedule_type"], "sync_frequency": live["sync_frequency"]}
    if isinstance(declared, FivetranSchedule):
        expected = {"schedule_type": "auto", "sync_frequency": declared.every_minutes}
        assert live["daily_sync_time"] == declared.daily_at
    else:
        assert expected["schedule_type"] == "manual"
    assert expected.items() <= live.items()
    new_run()
    stack.refresh()
    assert stack.pending(unit(schedule=declared)) == []


def test_schedule_moves_between_airflow_and_fivetran_without_a_sync(fivetran: Fivetran, stack: Stack):
    stack.up(unit(schedule=BY_AIRFLOW))
    fivetran.forget_requests()
    for declared, keys in (
        (FivetranSchedule(60), ["run_setup_tests", "schedule_type", "sync_frequency"]),
        (FivetranSchedule(1440, "04:00"), ["daily_sync_time", "run_setup_tests", "schedule_type", "sync_frequency"]),
        (BY_AIRFLOW, ["run_setup_tests", "schedule_type"]),
    ):
        assert stack.pending(unit(schedule=declared)) == ["activation"]
        stack.up(unit(schedule=declared))
        (change,) = fivetran.requests()
        assert sorted(change["keys"]) == keys
        fivetran.forget_requests()
    live = fivetran.the("stripe")
    assert (live["schedule_type"], live["paused"], live["syncs"]) == ("manual", False, 1)


def test_activation_resets_a_schedule_by_hand_when_airflow_starts_syncs(fivetran: Fivetran, stack: Stack, new_run):
    declared = unit(schedule=BY_AIRFLOW)
    stack.up(declared)
    fivetran.edit("stripe", schedule_type="auto", sync_frequency=5)
    new_run()
    stack.refresh()
    assert stack.pending(declared) == ["activation"]
    fivetran.forget_requests()
    stack.up(declared)
    (change,) = fivetran.requests()
    assert sorted(change["keys"]) == ["run_setup_tests", "schedule_type"]
    assert fivetran.the("stripe")["schedule_type"] == "manual"


@pytest.mark.parametrize("declared", [BY_AIRFLOW, FivetranSchedule()])
@pytest.mark.parametrize("waits", [{}, {"awaiting": Awaiting("the vendor's key", "2099-12-31")}])
def test_activation_pauses_again_a_unit_made_paused_and_unpaused_by_hand(
    fivetran: Fivetran, stack: Stack, new_run, declared: Any, waits: dict[str, Any]
):
    paused = unit(schedule=declared, paused="INC-1", **waits)
    if waits:
        fivetran.script_tests(target="stripe", runs=None, results=[BAD_TEST])
    stack.up(paused)
    assert stack.pending(paused) == []
    fivetran.edit("stripe", paused=False)
    new_run()
    stack.refresh()
    assert stack.pending(paused) == ["activation"]
    stack.up(paused)
    assert fivetran.the("stripe")["paused"] is True
    assert stack.pending(paused) == []


def test_activation_shows_a_schedule_changed_by_hand_while_paused(fivetran: Fivetran, stack: Stack, new_run):
    paused = unit(paused="INC-1")
    stack.up(paused)
    fivetran.edit("stripe", sync_frequency=15)
    new_run()
    stack.refresh()
    assert stack.pending(paused) == ["activation"]
    stack.up(paused)
    live = fivetran.the("stripe")
    assert (live["paused"], live["sync_frequency"]) == (True, 360)


def test_activation_applies_a_schedule_that_the_file_changes_while_paused(fivetran: Fivetran, stack: Stack):
    stack.up(unit(paused="INC-1"))
    changed = unit(paused="INC-1", schedule=FivetranSchedule(60))
    assert stack.pending(changed) == ["activation"]
    stack.up(changed)
    live = fivetran.the("stripe")
    assert (live["paused"], live["sync_frequency"]) == (True, 60)
    assert stack.pending(changed) == []


def test_activation_starts_a_unit_made_paused_when_its_file_lets_it_run(fivetran: Fivetran, stack: Stack):
    stack.up(unit(paused="INC-1", schedule=BY_AIRFLOW))
    stack.up(unit(schedule=BY_AIRFLOW))
    live = fivetran.the("stripe")
    assert (live["paused"], live["syncs"]) == (False, 1)


def test_pause_by_hand_is_logged_and_kept(fivetran: Fivetran, stack: Stack, new_run, caplog: pytest.LogCaptureFixture):
    stack.up(unit())
    fivetran.edit("stripe", paused=True)
    new_run()
    with caplog.at_level(logging.WARNING):
        stack.refresh()
    assert f"{FILE}: the connection is paused in Fivetran and not in the file; this run leaves it paused" in caplog.text
    assert stack.pending(unit()) == []
    stack.up(unit(schedule=FivetranSchedule(60)))
    live = fivetran.the("stripe")
    assert (live["paused"], live["sync_frequency"]) == (True, 60)


def test_file_pauses_and_unpauses_and_undoes_a_start_by_hand(fivetran: Fivetran, stack: Stack, new_run):
    paused = unit(paused="INC-4711")
    stack.up(unit())
    for declared, is_paused in ((paused, True), (unit(), False), (paused, True)):
        stack.up(declared)
        assert fivetran.the("stripe")["paused"] is is_paused
    fivetran.edit("stripe", paused=False)
    new_run()
    stack.refresh()
    assert stack.pending(paused) == ["activation"]
    stack.up(paused)
    assert fivetran.the("stripe")["paused"] is True


def test_schedule_changed_by_hand_is_shown_and_put_right_by_one_change(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit())
    fivetran.edit("stripe", sync_frequency=15)
    new_run()
    stack.refresh()
    assert stack.activation.state["schedule"] == {"by": "fivetran", "every": "15m"}
    assert stack.pending(unit()) == ["activation"]
    fivetran.forget_requests()
    stack.up(unit())
    assert fivetran.writes() == [CHANGE]
    assert fivetran.the("stripe")["sync_frequency"] == 360


def test_schedule_is_changed_without_a_test_and_nothing_else_is_sent(fivetran: Fivetran, stack: Stack):
    stack.up(unit())
    fivetran.script_tests(target="stripe", runs=None, results=[BAD_TEST])
    fivetran.forget_requests()
    assert stack.up(unit(schedule=FivetranSchedule(60))) == "connected"
    (change,) = fivetran.requests()
    assert sorted(change["keys"]) == ["run_setup_tests", "schedule_type", "sync_frequency"]


def test_changed_schedule_reaches_a_started_connection_also_while_its_tests_fail(fivetran: Fivetran, stack: Stack):
    stack.up(unit())
    broken: dict[str, Any] = {"historical_sync_time_frame": "DATE_LIMIT"}
    fivetran.script_tests(target="stripe", runs=2, results=[BAD_TEST])
    assert stack.up(unit(**broken)) == "failed"
    assert stack.up(unit(**broken, schedule=FivetranSchedule(60))) == "failed"
    assert fivetran.the("stripe")["sync_frequency"] == 60
    fivetran.forget_requests()
    assert stack.up(unit(**broken, schedule=FivetranSchedule(60))) == "connected"
    assert CHANGE not in fivetran.writes(), "it was sent already"


def test_changed_schedule_of_an_unstarted_connection_is_sent_at_its_start(fivetran: Fivetran, stack: Stack):
    fivetran.script_tests(target="stripe", runs=2, results=[BAD_TEST])
    assert stack.up(unit()) == "failed"
    assert stack.up(unit(schedule=FivetranSchedule(60))) == "failed"
    assert fivetran.the("stripe")["sync_frequency"] == 360
    assert stack.up(unit(schedule=FivetranSchedule(60))) == "connected"
    live = fivetran.the("stripe")
    assert (live["paused"], live["sync_frequency"]) == (False, 60)
    assert stack.pending(unit(schedule=FivetranSchedule(60))) == []


@with_each_fault
def test_changed_schedule_is_written_in_spite_of_a_fault(fivetran: Fivetran, stack: Stack, fault: dict[str, Any]):
    stack.up(unit())
    fivetran.fault(method="PATCH", **fault)
    stack.up(unit(schedule=FivetranSchedule(60)))
    assert fivetran.the("stripe")["sync_frequency"] == 60


def test_changed_schedule_that_was_rejected_stays_pending(fivetran: Fivetran, stack: Stack):
    stack.up(unit())
    fivetran.fault(method="PATCH", kind="status", status=403, body={"code": "Forbidden"})
    assert "403 Forbidden" in failure(stack.up, unit(schedule=FivetranSchedule(60)))
    assert stack.pending(unit(schedule=FivetranSchedule(60))) == ["activation"]
