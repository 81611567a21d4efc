"""Adoption: a run writes nothing to a working connection unless the file allows it, and shows each difference."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model import Adopt, FivetranSchedule, Unit
from reconciler.resources.run.run import run

from .account import BY_AIRFLOW, CANARY, FILE, Fivetran, failure, settle, unit
from .stack import Stack

TEST = "POST /v1/connections/{connection_id}/test"
CHANGE = "PATCH /v1/connections/{connection_id}"

#: A connection at work.
AT_WORK: dict[str, Any] = {"succeeded_at": "2026-01-01T00:00:00Z", "is_historical_sync": False}


def keys_of_changes(fivetran: Fivetran) -> list[list[str]]:
    """What each change held, without the switch for tests."""
    changes = [request for request in fivetran.requests() if request["method"] == "PATCH"]
    return [sorted(set(change["keys"]) - {"run_setup_tests"}) for change in changes]


@pytest.mark.parametrize("live", [AT_WORK, {}], ids=["synced", "in its first sync"])
def test_working_connection_that_matches_is_adopted_without_a_write_or_test(
    fivetran: Fivetran, stack: Stack, new_run, live: dict[str, Any]
):
    fivetran.options(sync_seconds=600)
    made = fivetran.by_hand("some other key", config={"historical_sync_time_frame": "ALL_TIME"}, **live)
    declared = unit(historical_sync_time_frame="ALL_TIME")
    assert stack.up(declared) == "connected"
    assert stack.connection.id == made
    settle()
    new_run()
    stack.refresh()
    assert stack.pending(declared) == []
    assert fivetran.writes() == []


def test_connection_run_by_airflow_is_adopted_in_any_state(fivetran: Fivetran, stack: Stack, new_run):
    fivetran.by_hand(paused=True, schedule_type="manual", **AT_WORK)
    assert stack.up(unit(schedule=BY_AIRFLOW)) == "connected"
    new_run()
    stack.refresh()
    assert stack.pending(unit(schedule=BY_AIRFLOW)) == []
    assert fivetran.writes() == []
    assert fivetran.the("stripe")["syncs"] == 0


def test_config_that_differs_is_rejected_with_each_difference_and_both_ways_out(fivetran: Fivetran, stack: Stack):
    made = fivetran.by_hand(config={"backward_sync_limit": "2025-01-01"}, **AT_WORK)
    wanted = unit(historical_sync_time_frame="DATE_LIMIT", backward_sync_limit="2026-01-01")
    assert failure(stack.up, wanted) == (
        f"{FILE}: the connection stripe exists ({made}) and differs from the file:\n"
        "    config.backward_sync_limit: the file says '2026-01-01', Fivetran has '2025-01-01'\n"
        "    config.historical_sync_time_frame: the file says 'DATE_LIMIT', Fivetran has 'ALL_TIME'\n"
        "    Adopting writes nothing. Make the file match, or write "
        f"`adopt: {{connection: {made}, apply_changes: true}}` to change the connection."
    )
    assert fivetran.writes() == []


@pytest.mark.parametrize(
    "case",
    [
        (
            {"sync_frequency": 60},
            unit(),
            "schedule: the file says {by: fivetran, every: 6h}, Fivetran has {by: fivetran, every: 1h}",
        ),
        ({}, unit(paused="INC-4711"), "paused: the file says 'INC-4711', Fivetran has 'not paused'"),
        (
            {},
            unit(schedule=BY_AIRFLOW),
            "schedule: the file says {by: airflow, task_id: fivetran_stripe}, Fivetran has {by: fivetran, every: 6h}",
        ),
        (
            {"sync_frequency": 1440, "daily_sync_time": "04:00"},
            unit(schedule=BY_AIRFLOW),
            "schedule: the file says {by: airflow, task_id: fivetran_stripe}, "
            "Fivetran has {by: fivetran, daily_at: 04:00}",
        ),
        (
            {"schedule_type": "manual"},
            unit(paused="INC-4711", schedule=BY_AIRFLOW),
            "paused: the file says 'INC-4711', Fivetran has 'not paused'",
        ),
    ],
    ids=["schedule", "pause", "Airflow", "Airflow, daily", "Airflow, pause"],
)
def test_schedule_that_differs_is_rejected_and_adopted_once_the_file_matches(
    fivetran: Fivetran, stack: Stack, new_run, case: tuple[dict[str, Any], Unit, str]
):
    live, declared, difference = case
    made = fivetran.by_hand(**live, **AT_WORK)
    rejection = (
        f"{FILE}: the connection stripe exists ({made}) and differs from the file:\n"
        f"    {difference}\n"
        "    Adopting writes nothing. Make the file match, or write "
        f"`adopt: {{connection: {made}, apply_changes: true}}` to change the connection."
    )
    for _ in range(2):
        assert stack.up(declared) == "refused"
        assert run.outcomes.failures() == {FILE: rejection.removeprefix(f"{FILE}: ")}
        assert stack.pending(declared) == ["activation"]
        new_run()
    matching = FivetranSchedule(live.get("sync_frequency", 360), live.get("daily_sync_time"))
    assert stack.up(unit(schedule=BY_AIRFLOW if "schedule_type" in live else matching)) == "connected"
    assert fivetran.writes() == []


def test_adoption_with_apply_changes_changes_only_differences(fivetran: Fivetran, stack: Stack, new_run):
    made = fivetran.by_hand(
        "the key in use", config={"backward_sync_limit": "2025-01-01"}, sync_frequency=60, paused=True, **AT_WORK
    )
    wanted = unit(backward_sync_limit="2026-01-01", adopt=Adopt(made, apply_changes=True))
    assert stack.up(wanted) == "connected"
    live = fivetran.the("stripe")
    assert live["id"] == stack.connection.id == made
    expected = {"api_key": "the key in use", "backward_sync_limit": "2026-01-01"}
    assert live["config"] == live["effective"]["config"] == expected
    assert (live["sync_frequency"], live["paused"], live["syncs"]) == (360, True, 0)
    assert keys_of_changes(fivetran) == [["config.backward_sync_limit"], ["sync_frequency"]]
    new_run()
    stack.refresh()
    assert stack.pending(wanted) == []


def test_adoption_sends_no_config_when_only_the_schedule_differs(fivetran: Fivetran, stack: Stack):
    """The pause goes first and alone: it holds whatever becomes of the rest."""
    made = fivetran.by_hand(sync_frequency=60, **AT_WORK)
    assert stack.up(unit(paused="INC-4711", adopt=Adopt(made, apply_changes=True))) == "connected"
    live = fivetran.the("stripe")
    assert (live["sync_frequency"], live["paused"]) == (360, True)
    assert keys_of_changes(fivetran) == [["paused"], ["sync_frequency"]]


def test_auth_is_not_sent_to_a_connection_that_works(fivetran: Fivetran, stack: Stack):
    made = fivetran.make(
        group_id=fivetran.group,
        service="hubspot",
        config={"schema": "hubspot", "backward_sync_limit_date": "2025-01-01"},
        auth={"refresh_token": "the token in use"},
        **AT_WORK,
    )["id"]
    wanted = unit(
        "hubspot",
        service="hubspot",
        api_key=None,
        auth={"refresh_token": {"env": "STRIPE_KEY"}},
        adopt=Adopt(made, apply_changes=True),
        backward_sync_limit_date="2026-01-01",
    )
    assert stack.up(wanted) == "connected"
    assert fivetran.the("hubspot")["config"]["backward_sync_limit_date"] == "2026-01-01"
    assert fivetran.the("hubspot")["auth"] == {"refresh_token": "the token in use"}


#: What a connection may look like before its first sync.
NEVER_SYNCED: list[dict[str, Any]] = [
    {"paused": True},
    {"setup_state": "incomplete"},
    {"setup_state": "broken"},
    {"setup_state": "incomplete", "paused": False},
    {"setup_state": "broken", "paused": False},
]


@pytest.mark.parametrize("plain", [False, True], ids=["no adopt", "plain adopt"])
@pytest.mark.parametrize("never", NEVER_SYNCED, ids=str)
def test_adopting_writes_nothing_to_a_connection_that_never_synced(
    fivetran: Fivetran, stack: Stack, never: dict[str, Any], *, plain: bool
):
    made = fivetran.by_hand("the key in use", schedule_type="manual", **{"paused": True, **never})
    before = fivetran.the("stripe")
    outcome = stack.up(unit(schedule=BY_AIRFLOW, adopt=Adopt(made) if plain else None))
    assert outcome == ("connected" if "setup_state" not in never else "broken")
    settle()
    assert fivetran.the("stripe") == before
    assert fivetran.writes() == []


@pytest.mark.parametrize("never", NEVER_SYNCED, ids=str)
def test_connection_without_a_sync_is_tested_and_started_when_allowed(
    fivetran: Fivetran, stack: Stack, new_run, never: dict[str, Any]
):
    made = fivetran.by_hand("sk_old", **never, sync_frequency=60)
    declared = unit(schedule=BY_AIRFLOW, adopt=Adopt(made, apply_changes=True))
    assert stack.up(declared) == "connected"
    live = fivetran.the("stripe")
    assert live["id"] == made
    assert (live["setup_state"], live["paused"], live["syncs"]) == ("connected", False, 1)
    # Of one that is connected the secret works: only Fivetran knows which it is.
    assert live["config"]["api_key"] == ("sk_old" if "setup_state" not in never else CANARY)
    new_run()
    stack.refresh()
    assert stack.pending(declared) == []


def test_broken_connection_is_adopted_without_a_write_once_it_works(
    fivetran: Fivetran, stack: Stack, new_run, caplog: pytest.LogCaptureFixture
):
    task = {"code": "reconnect", "message": f"{CANARY} expired"}
    made = fivetran.by_hand(setup_state="broken", sync_frequency=60, paused=True, tasks=[task], **AT_WORK)
    assert stack.up(unit()) == "broken"
    assert stack.connection.id == made
    assert run.outcomes.failures()[FILE] == (
        f"connection {made} (stripe) is not connected in Fivetran, and a run neither tests nor starts a "
        "connection that it adopted as it is\n    reconnect: ****** expired\n"
        f"    Finish its set-up in Fivetran, or write `adopt: {{connection: {made}, apply_changes: true}}` to let the "
        "next run set it up, test it and start it."
    )
    new_run()
    caplog.clear()
    stack.refresh()
    warned = f"{FILE}: the setup state of the connection is broken; it was adopted as it is, so no run tests it\n"
    assert f"{warned}    reconnect: ******" in caplog.text
    assert stack.pending(unit()) == ["activation"]
    fivetran.edit("stripe", setup_state="connected", tasks=[])
    new_run()
    assert stack.up(unit()) == "refused"
    assert "schedule: the file says" in run.outcomes.failures()[FILE]
    matching = unit(schedule=FivetranSchedule(60))
    new_run()
    assert stack.up(matching) == "connected"
    live = fivetran.the("stripe")
    assert (live["paused"], live["sync_frequency"]) == (True, 60)
    assert fivetran.writes() == []
    assert stack.pending(matching) == []


@pytest.mark.parametrize("paused", [True, False])
def test_connection_adopted_as_it_is_is_set_up_once_the_file_allows_it(
    fivetran: Fivetran, stack: Stack, new_run, *, paused: bool
):
    made = fivetran.by_hand("sk_old", setup_state="incomplete", sync_frequency=360, paused=paused)
    assert stack.up(unit()) == "broken"
    new_run()
    declared = unit(adopt=Adopt(made, apply_changes=True))
    assert stack.pending(declared) == ["connection", "activation"]
    assert stack.up(declared) == "connected"
    live = fivetran.the("stripe")
    assert (live["config"]["api_key"], live["setup_state"], live["paused"]) == (CANARY, "connected", False)
    new_run()
    stack.refresh()
    assert stack.pending(declared) == []


def test_working_connection_is_not_written_when_the_file_allows_changes(fivetran: Fivetran, stack: Stack, new_run):
    made = fivetran.by_hand("sk_old", **AT_WORK)
    stack.up(unit())
    new_run()
    stack.up(unit(adopt=Adopt(made, apply_changes=True)))
    assert fivetran.writes() == []
    assert stack.pending(unit(adopt=Adopt(made, apply_changes=True))) == []


#: How far a run comes that adopts and changes: the request at which it is killed, and whether that took effect.
DEATHS = [
    ({"method": "PATCH", "path": "", "nth": 1}, "before"),
    ({"method": "PATCH", "path": "", "nth": 1}, "after"),
    ({"method": "POST", "path": "/test$"}, "before"),
    ({"method": "POST", "path": "/test$"}, "after"),
    ({"method": "PATCH", "path": "", "nth": 2}, "before"),
    ({"method": "PATCH", "path": "", "nth": 2}, "after"),
]


@pytest.mark.parametrize(("death", "when"), DEATHS, ids=str)
@pytest.mark.parametrize("known", [False, True], ids=["state knows nothing", "state knows what came before"])
def test_adoption_with_apply_changes_ends_the_same_after_a_kill_anywhere(
    fivetran: Fivetran, stack: Stack, new_run, death: dict[str, Any], when: str, *, known: bool
):
    made = fivetran.by_hand(
        "the key in use", config={"backward_sync_limit": "2025-01-01"}, sync_frequency=60, **AT_WORK
    )
    wanted = unit(backward_sync_limit="2026-01-01", adopt=Adopt(made, apply_changes=True))
    fivetran.fault(**death, kind="status", status=403, body={"code": "Forbidden"}, when=when, count=None)
    failure(stack.up, wanted)
    settle()
    fivetran.forget_faults()
    if not known:
        stack.connection.forget()
    new_run()
    assert stack.up(wanted) == "connected"
    live = fivetran.the("stripe")
    expected = {"api_key": "the key in use", "backward_sync_limit": "2026-01-01"}
    assert live["config"] == live["effective"]["config"] == expected
    assert (live["sync_frequency"], live["paused"], live["syncs"]) == (360, False, 0)
    new_run()
    stack.refresh()
    assert stack.pending(wanted) == []


def test_adopting_run_writes_nothing_wherever_it_is_killed(fivetran: Fivetran, stack: Stack, new_run):
    fivetran.by_hand(paused=True, **AT_WORK)
    for forgotten in ((stack.connection, stack.activation), (stack.activation,)):
        stack.up(unit())
        for resource in forgotten:
            resource.forget()
        new_run()
    assert stack.up(unit()) == "connected"
    assert fivetran.writes() == []


def test_removed_adopt_changes_nothing(fivetran: Fivetran, stack: Stack, new_run):
    made = fivetran.by_hand(sync_frequency=60, **AT_WORK)
    stack.up(unit(adopt=Adopt(made, apply_changes=True)))
    fivetran.forget_requests()
    assert stack.pending(unit()) == []
    stack.up(unit())
    assert CHANGE not in fivetran.writes()
