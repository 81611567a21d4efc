"""A connection exists exactly once, whatever becomes of the requests that make it."""

from __future__ import annotations

import threading

import pytest

from reconciler.client import Timeouts
from reconciler.model import Adopt
from reconciler.provider.connection import ConnectionProvider

from .account import CANARY, FILE, FastClock, Fivetran, failure, inputs

POST = {"method": "POST", "path": "^/v1/connections$"}
create = ConnectionProvider().create

BAD_TEST = {"title": "Validate Login", "status": "FAILED", "message": "Invalid API key"}


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
def test_a_create_that_meets_trouble_makes_one_connection(fivetran: Fivetran, run, fault):
    fivetran.fault(**POST, **fault)
    made = create(inputs(fivetran.group))
    assert made.id == fivetran.the("stripe")["id"]
    assert fivetran.the("stripe")["effective"]["config"]["api_key"] == CANARY
    assert (made.outs or {})["setup_state"] == "connected"


def test_a_create_that_always_fails_ends_in_one_clear_error_and_nothing_made(fivetran: Fivetran, run, clock: FastClock):
    fivetran.fault(**POST, kind="status", status=500, count=None)
    assert failure(create, inputs(fivetran.group)) == (
        f"{FILE}: POST /connections: Fivetran answered 500 InternalServerError: Something went wrong. "
        "The fault is on Fivetran's side: run again later, and see https://status.fivetran.com."
    )
    assert fivetran.named("stripe") == []
    assert fivetran.writes() == ["POST /v1/connections"] * 3, "looked between attempts, and gave up"
    assert 0 < sum(clock.slept) < 30


def test_where_the_look_after_a_lost_answer_fails_too_the_next_run_finds_the_connection(fivetran: Fivetran, run):
    fivetran.fault(**POST, kind="drop_reply")
    fivetran.fault(method="GET", path="^/v1/connections$", kind="status", status=500, count=None, nth=2)
    assert "GET /connections: Fivetran answered 500" in failure(create, inputs(fivetran.group))
    fivetran.forget_faults()
    run()
    assert create(inputs(fivetran.group)).id == fivetran.the("stripe")["id"]
    assert fivetran.writes() == ["POST /v1/connections"]


def test_a_quota_that_is_used_up_for_an_hour_ends_the_run_instead_of_blocking_it(
    fivetran: Fivetran, run, clock: FastClock
):
    fivetran.fault(**POST, kind="too_many_requests", retry_after=3600, count=None)
    assert "quota is used up: wait 3600 s" in failure(create, inputs(fivetran.group))
    assert clock.slept == []


def test_expired_credentials_name_the_variables_to_set(fivetran: Fivetran, run):
    fivetran.fault(path="", kind="unauthorized", count=None)
    said = failure(create, inputs(fivetran.group))
    assert said.startswith(f"{FILE}: GET /connections: Fivetran answered 401 ")
    assert "Set FIVETRAN_APIKEY and FIVETRAN_APISECRET" in said
    assert len(said.splitlines()) == 1


def test_missing_credentials_are_named_together(fivetran: Fivetran, run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    monkeypatch.setenv("FIVETRAN_APISECRET", " ")
    assert "FIVETRAN_APIKEY and FIVETRAN_APISECRET are not set" in failure(create, inputs(fivetran.group))
    monkeypatch.undo()


def test_a_host_that_cannot_be_reached_is_an_error_with_what_to_check(
    fivetran: Fivetran, run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FIVETRAN_API_URL", "http://127.0.0.1:9/v1")
    said = failure(create, inputs(fivetran.group))
    assert said.startswith(f"{FILE}: GET /connections: cannot connect (")
    assert "FIVETRAN_API_URL" in said


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_create_slower_than_the_time_limit_makes_one_connection(fivetran: Fivetran, run, when: str):
    run(timeouts=Timeouts(read=20, setup_tests=0.2))
    held = fivetran.fault(**POST, kind="hold", when=when)
    made = create(inputs(fivetran.group))
    fivetran.release(held)
    fivetran.wait_for(lambda: fivetran.requests()[-1]["method"] == "POST")
    assert fivetran.the("stripe")["id"] == made.id


@pytest.mark.parametrize("when", ["before", "after"])
def test_of_two_that_create_at_once_the_older_connection_stays_also_where_names_are_not_unique(
    fivetran: Fivetran, run, when: str
):
    fivetran.options(duplicate_schema="allowed")
    held = fivetran.fault(**POST, kind="hold", when=when)
    ids: list[str] = []
    other = threading.Thread(target=lambda: ids.append(create(inputs(fivetran.group)).id))
    other.start()
    fivetran.wait_until_held(held)
    ids.append(create(inputs(fivetran.group)).id)
    fivetran.release(held)
    other.join(timeout=30)
    assert ids == [fivetran.the("stripe")["id"]] * 2
    assert fivetran.writes().count("DELETE /v1/connections/{connection_id}") == 1


@pytest.mark.parametrize("answer", ["conflict", "invalid"])
def test_a_name_that_was_taken_meanwhile_is_adopted(fivetran: Fivetran, run, answer: str):
    fivetran.options(duplicate_schema=answer)
    held = fivetran.fault(**POST, kind="hold")
    ids: list[str] = []
    other = threading.Thread(target=lambda: ids.append(create(inputs(fivetran.group)).id))
    other.start()
    fivetran.wait_until_held(held)
    ids.append(fivetran.by_hand())
    fivetran.release(held)
    other.join(timeout=30)
    assert ids == [fivetran.the("stripe")["id"]] * 2


def test_of_several_connections_of_one_name_the_oldest_is_adopted(fivetran: Fivetran, run):
    oldest = fivetran.by_hand(created_at="2026-01-01T00:00:00Z")
    fivetran.by_hand(created_at="2026-03-01T00:00:00Z")
    assert create(inputs(fivetran.group)).id == oldest


def test_failed_setup_tests_are_an_error_in_the_tests_own_words_and_the_next_run_mends_the_same_connection(
    fivetran: Fivetran, run, monkeypatch: pytest.MonkeyPatch
):
    fivetran.script_tests(target="stripe", runs=None, accepts={"api_key": "sk_live_right"})
    said = failure(create, inputs(fivetran.group))
    made = fivetran.the("stripe")
    assert said.startswith(f"{FILE}: 1 setup test of connection {made['id']} (stripe) failed:\n")
    assert "    Validate Login: FAILED: Invalid login credentials\n" in said

    run()
    assert failure(create, inputs(fivetran.group)) == said, "tried again, and told again"
    monkeypatch.setenv("STRIPE_KEY", "sk_live_right")
    run()
    mended = create(inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT"))
    assert mended.id == fivetran.the("stripe")["id"] == made["id"]
    assert (mended.outs or {})["setup_state"] == "connected"
    assert fivetran.the("stripe")["effective"]["config"] == {
        "api_key": "sk_live_right",
        "historical_sync_time_frame": "DATE_LIMIT",
    }


def test_a_lost_answer_hides_no_failed_setup_test(fivetran: Fivetran, run):
    fivetran.fault(**POST, kind="drop_reply")
    fivetran.script_tests(target="stripe", runs=None, results=[BAD_TEST])
    assert "Validate Login: FAILED: Invalid API key" in failure(create, inputs(fivetran.group))
    assert fivetran.the("stripe")["setup_state"] == "incomplete"


@pytest.mark.parametrize("state", ["incomplete", "broken"])
def test_a_connection_that_never_worked_gets_the_files_config_and_is_tested(fivetran: Fivetran, run, state: str):
    made = fivetran.by_hand("sk_old", setup_state=state, paused=True, sync_frequency=60)
    adopted = create(inputs(fivetran.group))
    live = fivetran.the("stripe")
    assert (live["paused"], live["sync_frequency"]) == (False, 360)
    assert adopted.id == live["id"] == made
    assert (adopted.outs or {})["setup_state"] == live["setup_state"] == "connected"
    assert live["effective"]["config"]["api_key"] == CANARY
    assert live["sync_frequency"] == 360


def test_one_that_works_and_matches_is_adopted_without_a_write_or_a_test(fivetran: Fivetran, run):
    made = fivetran.by_hand("some other key", config={"historical_sync_time_frame": "ALL_TIME"})
    assert create(inputs(fivetran.group, historical_sync_time_frame="ALL_TIME")).id == made
    assert fivetran.writes() == []


def test_one_that_works_and_differs_is_refused_with_each_difference_and_both_ways_out(fivetran: Fivetran, run):
    made = fivetran.by_hand(sync_frequency=60, config={"backward_sync_limit": "2025-01-01"})
    wanted = inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT", backward_sync_limit="2026-01-01")
    assert failure(create, wanted) == (
        f"{FILE}: the connection stripe exists ({made}) and differs from the file:\n"
        "    config.backward_sync_limit: the file says '2026-01-01', Fivetran has '2025-01-01'\n"
        "    config.historical_sync_time_frame: the file says 'DATE_LIMIT', Fivetran has 'ALL_TIME'\n"
        "    schedule: the file says {by: fivetran, every: 6h}, "
        "Fivetran has {by: fivetran, every: 1h}\n"
        "    Adopting writes nothing. Make the file match, or write "
        f"`adopt: {{connection: {made}, apply_changes: true}}` to change the connection."
    )
    assert fivetran.writes() == []


def test_changes_are_applied_where_the_file_says_so_and_only_to_what_differs(fivetran: Fivetran, run):
    made = fivetran.by_hand("the key in use", config={"backward_sync_limit": "2025-01-01"})
    wanted = inputs(fivetran.group, backward_sync_limit="2026-01-01", adopt=Adopt(made, apply_changes=True))
    assert create(wanted).id == made
    live = fivetran.the("stripe")
    assert live["config"] == {"api_key": "the key in use", "backward_sync_limit": "2026-01-01"}
    (write,) = [request for request in fivetran.requests() if request["method"] != "GET"]
    assert write["keys"] == ["config.backward_sync_limit", "run_setup_tests"]


def test_a_schedule_is_applied_without_running_tests(fivetran: Fivetran, run):
    made = fivetran.by_hand(sync_frequency=60)
    fivetran.script_tests(target="stripe", runs=None, results=[BAD_TEST])
    assert create(inputs(fivetran.group, adopt=Adopt(made, apply_changes=True))).id == made
    assert fivetran.the("stripe")["sync_frequency"] == 360
    assert fivetran.the("stripe")["setup_state"] == "connected"


def test_auth_is_not_sent_to_a_connection_that_works(fivetran: Fivetran, run):
    made = fivetran.make(
        group_id=fivetran.group,
        service="hubspot",
        config={"schema": "hubspot", "backward_sync_limit_date": "2025-01-01"},
        auth={"refresh_token": "the token in use"},
    )["id"]
    wanted = inputs(
        fivetran.group,
        "hubspot",
        service="hubspot",
        auth={"refresh_token": {"env": "STRIPE_KEY"}},
        adopt=Adopt(made, apply_changes=True),
        backward_sync_limit_date="2026-01-01",
    )
    del wanted["config"]["api_key"]
    create(wanted)
    assert fivetran.the("hubspot")["config"]["backward_sync_limit_date"] == "2026-01-01"
    assert fivetran.the("hubspot")["auth"] == {"refresh_token": "the token in use"}


@pytest.mark.parametrize("setup_state", ["connected", "incomplete"])
def test_a_connection_of_another_service_is_never_taken_over(fivetran: Fivetran, run, setup_state: str):
    made = fivetran.make(
        group_id=fivetran.group, service="hubspot", config={"schema": "stripe"}, setup_state=setup_state
    )["id"]
    for adopt in (None, Adopt(made, apply_changes=True)):
        said = failure(create, inputs(fivetran.group, adopt=adopt))
        assert said.startswith(f"{FILE}: the group has a connection stripe already ({made}), of service hubspot: ")
    assert fivetran.writes() == []


def test_adopt_with_another_id_is_refused(fivetran: Fivetran, run):
    made = fivetran.by_hand()
    said = failure(create, inputs(fivetran.group, adopt=Adopt("other_id", apply_changes=True)))
    assert said == f"{FILE}: adopt names the connection other_id, but stripe is {made}: correct it"


def test_adopt_where_nothing_is_makes_nothing(fivetran: Fivetran, run):
    said = failure(create, inputs(fivetran.group, adopt=Adopt("other_id")))
    assert "adopt names the connection other_id, but the group has no connection stripe" in said
    assert fivetran.writes() == []


def test_missing_variables_are_all_named_and_nothing_is_asked_or_written(
    fivetran: Fivetran, run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("STRIPE_KEY")
    wanted = inputs(fivetran.group, auth={"token": {"env": "OTHER", "version": 2}})
    fivetran.forget_requests()
    assert failure(create, wanted) == (
        f"{FILE}: auth.token: the environment variable OTHER is not set; "
        "config.api_key: the environment variable STRIPE_KEY is not set"
    )
    assert fivetran.requests() == []
