"""A connection exists exactly once, whatever becomes of the requests that make it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.fivetran.api import Connection, Timeouts
from reconciler.model import Adopt
from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.run.intent import Creator, Intent
from reconciler.resources.run.run import run

from .account import CANARY, FILE, FastClock, Fivetran, InBackground, as_engine, failure, inputs, settle

POST = {"method": "POST", "path": "^/v1/connections$"}
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
create = ConnectionProvider().create


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_request"},
        {"kind": "drop_reply"},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503, "when": "after"},
        {"kind": "html", "when": "before"},
        {"kind": "html", "when": "after"},
        {"kind": "garbage", "when": "before"},
        {"kind": "garbage", "when": "after"},
        {"kind": "too_many_requests", "retry_after": 2},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('when', '')}",
)
def test_create_makes_one_connection_in_spite_of_a_fault(fivetran: Fivetran, new_run, fault):
    fivetran.fault(**POST, **fault)
    made = create(inputs(fivetran.group))
    settle()
    live = fivetran.the("stripe")
    assert live["id"] == made.id
    assert live["effective"]["config"]["api_key"] == CANARY
    assert (live["setup_state"], live["paused"]) == ("connected", True)
    assert (made.outs or {})["revision"] == 1


def test_create_that_always_fails_ends_in_one_clear_error_and_nothing_made(
    fivetran: Fivetran, new_run, clock: FastClock
):
    fivetran.fault(**POST, kind="status", status=500, count=None)
    assert failure(create, inputs(fivetran.group)) == (
        f"{FILE}: POST /connections: Fivetran answered 500 InternalServerError: Something went wrong. "
        "Fivetran failed. See https://status.fivetran.com, and run again later."
    )
    assert fivetran.named("stripe") == []
    assert fivetran.writes() == ["POST /v1/connections"] * 3, "looked between attempts, and gave up"
    assert 0 < sum(clock.slept) < 30


def test_next_run_finds_the_connection_when_the_read_after_a_lost_answer_fails(fivetran: Fivetran, new_run):
    fivetran.fault(**POST, kind="drop_reply")
    fivetran.fault(method="GET", path="^/v1/connections$", kind="status", status=500, count=None, nth=2)
    assert "GET /connections: Fivetran answered 500" in failure(create, inputs(fivetran.group))
    fivetran.forget_faults()
    new_run()
    run.declare(intents={"stripe": Intent(datetime.now(UTC) - MINUTE, run.account.creator())})
    made = create(inputs(fivetran.group))
    assert made.id == fivetran.the("stripe")["id"]
    assert (made.outs or {})["revision"] == 1, "it is tested, and started"
    assert fivetran.writes().count("POST /v1/connections") == 1


def test_quota_that_is_used_up_for_an_hour_ends_the_run_instead_of_blocking_it(
    fivetran: Fivetran, new_run, clock: FastClock
):
    fivetran.fault(**POST, kind="too_many_requests", retry_after=3600, count=None)
    assert "quota is used up. Wait 3600 s" in failure(create, inputs(fivetran.group))
    assert clock.slept == []


def test_expired_credentials_name_the_variables_to_set(fivetran: Fivetran, new_run):
    fivetran.fault(path="", kind="unauthorized", count=None)
    message = failure(create, inputs(fivetran.group))
    assert message.startswith(f"{FILE}: GET /connections: Fivetran answered 401 ")
    assert "Set FIVETRAN_APIKEY and FIVETRAN_APISECRET" in message
    assert len(message.splitlines()) == 1


def test_missing_credentials_are_named_together(fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    monkeypatch.setenv("FIVETRAN_APISECRET", " ")
    assert "FIVETRAN_APIKEY and FIVETRAN_APISECRET are not set" in failure(create, inputs(fivetran.group))
    monkeypatch.undo()


def test_host_that_cannot_be_reached_is_an_error_with_what_to_check(
    fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FIVETRAN_API_URL", "http://127.0.0.1:9/v1")
    message = failure(create, inputs(fivetran.group))
    assert message.startswith(f"{FILE}: GET /connections: cannot connect (")
    assert "FIVETRAN_API_URL" in message


@pytest.mark.parametrize("when", ["before", "after"])
def test_create_slower_than_the_time_limit_makes_one_connection(fivetran: Fivetran, new_run, when: str):
    new_run(timeouts=Timeouts(read=1))
    held = fivetran.fault(**POST, kind="hold", when=when)
    made = create(inputs(fivetran.group))
    fivetran.release(held)
    fivetran.wait_for(lambda: fivetran.requests()[-1]["method"] == "POST")
    assert fivetran.the("stripe")["id"] == made.id


@pytest.mark.parametrize("when", ["before", "after"])
def test_older_connection_stays_when_two_runs_create_at_once(fivetran: Fivetran, new_run, when: str):
    fivetran.options(duplicate_schema="allowed")
    held = fivetran.fault(**POST, kind="hold", when=when)
    other = InBackground(lambda: create(inputs(fivetran.group)).id)
    fivetran.wait_until_held(held)
    mine = create(inputs(fivetran.group)).id
    fivetran.release(held)
    assert mine == other.result() == fivetran.the("stripe")["id"]
    assert fivetran.writes().count("DELETE /v1/connections/{connection_id}") == 1


@pytest.mark.parametrize("answer", ["conflict", "invalid"])
def test_name_that_was_taken_meanwhile_is_adopted(fivetran: Fivetran, new_run, answer: str):
    fivetran.options(duplicate_schema=answer)
    held = fivetran.fault(**POST, kind="hold")
    other = InBackground(lambda: create(inputs(fivetran.group)).id)
    fivetran.wait_until_held(held)
    theirs = fivetran.by_hand()
    fivetran.release(held)
    assert theirs == other.result() == fivetran.the("stripe")["id"]


def test_oldest_of_several_connections_of_one_name_is_adopted(fivetran: Fivetran, new_run):
    oldest = fivetran.by_hand(created_at="2026-01-01T00:00:00Z")
    fivetran.by_hand(created_at="2026-03-01T00:00:00Z")
    assert create(inputs(fivetran.group)).id == oldest


@pytest.mark.parametrize("never", [{"setup_state": "incomplete"}, {"setup_state": "broken"}, {"paused": True}], ids=str)
def test_connection_of_a_killed_run_gets_the_files_config_and_is_tested(
    fivetran: Fivetran, new_run, never: dict[str, Any]
):
    me = run.account.creator()
    run.declare(intents={"stripe": Intent(datetime.now(UTC), me)})
    made = fivetran.by_hand("sk_old", **never, connected_by=me.user)
    continued = create(inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT"))
    settle()
    live = fivetran.the("stripe")
    assert (live["paused"], live["syncs"]) == (True, 0), "nothing syncs before its tables are as declared"
    assert continued.id == live["id"] == made
    assert live["setup_state"] == "connected"
    assert live["effective"]["config"] == {"api_key": CANARY, "historical_sync_time_frame": "DATE_LIMIT"}
    assert (continued.outs or {})["revision"] == 1


ME, SOMEBODY = "ME", "another_user"


@pytest.mark.parametrize(
    ("recorded", "created", "by"),
    [
        (None, timedelta(0), ME),
        (timedelta(0), HOUR, SOMEBODY),
        (timedelta(0), HOUR, None),
        (timedelta(0), -HOUR, ME),
    ],
    ids=["no intent", "another user", "no user", "older than the intent"],
)
def test_connection_without_an_intent_is_never_written(
    fivetran: Fivetran, new_run, recorded: timedelta | None, created: timedelta, by: str | None
):
    me = run.account.creator()
    if recorded is not None:
        run.declare(intents={"stripe": Intent(datetime.now(UTC) - 2 * HOUR, me)})
    fivetran.by_hand(
        "sk_old",
        paused=True,
        setup_state="incomplete",
        connected_by=me.user if by == ME else by,
        created_at=(datetime.now(UTC) - 2 * HOUR + created).isoformat(),
    )
    assert "differs from the file" in failure(create, inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT"))
    made = create(inputs(fivetran.group))
    assert (made.outs or {})["revision"] == 0
    assert fivetran.writes() == []


@pytest.mark.parametrize("ahead", [-HOUR, HOUR], ids=["behind", "ahead"])
def test_lost_reply_heals_whatever_this_machines_clock_says(
    fivetran: Fivetran, new_run, clock: FastClock, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
):
    monkeypatch.setattr(clock, "_wrong", ahead.total_seconds())
    fivetran.fault(**POST, kind="drop_reply")
    made = create(inputs(fivetran.group))
    assert (made.outs or {})["revision"] == 1, "ours, and to be tested"
    new_run()
    run.declare(intents={"stripe": Intent(run.account.now(), run.account.creator())})
    fivetran.delete(made.id)
    fivetran.fault(**POST, kind="drop_reply")
    assert (create(inputs(fivetran.group)).outs or {})["revision"] == 1
    settle()


def test_clock_that_is_ahead_by_minutes_still_lets_a_run_find_what_is_ours(fivetran: Fivetran, new_run):
    run.declare(intents={"stripe": Intent(datetime.now(UTC) + 4 * MINUTE, run.account.creator())})
    fivetran.by_hand("sk_old", paused=True, connected_by=run.account.creator().user)
    create(inputs(fivetran.group))
    settle()
    assert fivetran.the("stripe")["config"]["api_key"] == CANARY


def test_system_keys_connection_is_ours_where_fivetran_names_no_user():
    intent = Intent(datetime.now(UTC), Creator(system_key="key"))
    live = {"id": "c", "created_at": datetime.now(UTC).isoformat()}
    assert intent.covers(Connection.parse(live))
    assert not intent.covers(Connection.parse({**live, "connected_by": SOMEBODY}))
    assert not Intent(datetime.now(UTC)).covers(Connection.parse(live)), "whose key it was is not known"
    assert not intent.covers(Connection.parse({"id": "c"}))


def test_intent_is_read_back_as_it_was_recorded():
    for creator in (Creator(user="u"), Creator(system_key="k"), Creator()):
        intent = Intent(datetime.now(UTC), creator)
        assert Intent.of(as_engine(intent.as_property())) == intent
    assert Intent.of({"at": "tomorrow"}) is None


def test_connection_deleted_since_the_group_was_listed_is_created(fivetran: Fivetran, new_run):
    old = fivetran.by_hand()
    assert run.account.find(fivetran.group, "stripe") is not None
    fivetran.delete("stripe")
    assert create(inputs(fivetran.group)).id == fivetran.the("stripe")["id"] != old


@pytest.mark.parametrize("setup_state", ["connected", "incomplete"])
def test_connection_of_another_service_is_never_adopted(fivetran: Fivetran, new_run, setup_state: str):
    made = fivetran.make(
        group_id=fivetran.group, service="hubspot", config={"schema": "stripe"}, setup_state=setup_state
    )["id"]
    for adopt in (None, Adopt(made, apply_changes=True)):
        message = failure(create, inputs(fivetran.group, adopt=adopt))
        assert message.startswith(
            f"{FILE}: the connection stripe ({made}) exists with the service hubspot; the file says "
        )
    assert fivetran.writes() == []


def test_adopt_with_another_id_is_rejected(fivetran: Fivetran, new_run):
    made = fivetran.by_hand()
    message = failure(create, inputs(fivetran.group, adopt=Adopt("other_id", apply_changes=True)))
    assert message == (
        f"{FILE}: `adopt` names other_id, but the id of stripe is {made}\n"
        f"    Write `adopt: {made}`, or correct the destination."
    )


def test_adopt_of_a_missing_connection_creates_nothing(fivetran: Fivetran, new_run):
    message = failure(create, inputs(fivetran.group, adopt=Adopt("other_id")))
    assert "`adopt` names other_id, but the group has no connection stripe" in message
    assert fivetran.writes() == []


def test_missing_variables_are_all_named_and_nothing_is_written(
    fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("STRIPE_KEY")
    wanted = inputs(fivetran.group, auth={"token": {"env": "OTHER", "version": 2}})
    fivetran.forget_requests()
    assert failure(create, wanted) == (
        f"{FILE}: auth.token: the environment variable OTHER is not set; "
        "config.api_key: the environment variable STRIPE_KEY is not set"
    )
    assert fivetran.writes() == []
