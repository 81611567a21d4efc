"""A connection that waits for a person: untested, reported with what that person needs, no failure until its day."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from reconciler.model import Awaiting, Unit
from reconciler.resources.run.run import run

from .account import BAD_TEST, BY_AIRFLOW, CANARY, FILE, Fivetran, settle, unit
from .stack import Stack

TEST = "POST /v1/connections/{connection_id}/test"
CHANGE = "PATCH /v1/connections/{connection_id}"
SYNC = "POST /v1/connections/{connection_id}/sync"

AWAITING = Awaiting("the vendor installs our key (DENG-42)", "2099-12-15")


def awaiting(**fields: Any) -> Unit:
    """A unit whose file declares `awaiting`."""
    return unit(**{"awaiting": AWAITING, **fields})


@pytest.fixture(params=[{"awaiting": AWAITING}, {"needs_consent": True}], ids=["awaiting", "consent"])
def waits(request: pytest.FixtureRequest) -> Unit:
    """A unit that waits, for either reason."""
    return unit(schedule=BY_AIRFLOW, **request.param)


def test_pending_connection_is_created_and_neither_tested_nor_started(
    fivetran: Fivetran, stack: Stack, new_run, waits: Unit
):
    assert stack.up(waits) == "awaiting"
    settle()
    assert fivetran.writes() == ["POST /v1/connections"]
    assert fivetran.the("stripe")["paused"] is True
    assert run.outcomes.failures() == {}
    for _ in range(2):
        assert stack.pending(waits) == []
        new_run()
        stack.refresh()
    assert stack.activation.state["outcome"] == "awaiting"


@pytest.mark.parametrize(
    ("declared", "key"),
    [
        (unit(awaiting=AWAITING), None),
        (
            unit(
                service="google_cloud_function", function_trigger="https://f.example", api_key=None, awaiting=AWAITING
            ),
            "service_account_email",
        ),
        (unit(service="apple_search_ads", api_key=None, awaiting=AWAITING), "encoded_public_key"),
        (unit(service="aws_lambda", api_key=None, awaiting=AWAITING), "external_id"),
    ],
    ids=["nothing", "an account", "a key", "an id"],
)
def test_pending_action_is_logged_with_what_the_person_needs(
    fivetran: Fivetran, stack: Stack, caplog: pytest.LogCaptureFixture, declared: Unit, key: str | None
):
    stack.up(declared)
    live = run.account.client().get_connection(stack.connection.id)
    setup_page = f"https://fivetran.com/dashboard/connections/{live.id}/setup"
    assert stack.activation.state["pending"] == {
        "what": "the vendor installs our key (DENG-42)",
        "setup page": setup_page,
        "service account": run.account.client().group_service_account(fivetran.group),
        "public key": run.account.client().group_public_key(fivetran.group),
        **({key: live.config[key]} if key else {}),
    }
    lines = "".join(
        f"\n    {what}: {value}" for what, value in stack.activation.state["pending"].items() if what != "what"
    )
    assert f"{FILE}: pending: the vendor installs our key (DENG-42){lines}\n" in caplog.text


def test_pending_consent_names_the_command_that_makes_a_link(stack: Stack):
    stack.up(unit(needs_consent=True))
    assert stack.activation.state["pending"]["what"] == (
        "a user's consent: `reconciler authorise -e dev stripe` prints a link for it"
    )


def test_text_of_a_vendor_in_a_task_is_masked(fivetran: Fivetran, stack: Stack):
    fivetran.by_hand(setup_state="incomplete", tasks=[{"code": "key", "message": f"install {CANARY}"}])
    stack.up(awaiting())
    assert stack.activation.state["pending"]["task key"] == "install ******"


def test_changed_config_reaches_it_and_leaves_it_waiting(fivetran: Fivetran, stack: Stack):
    stack.up(awaiting())
    changed = awaiting(historical_sync_time_frame="DATE_LIMIT")
    assert stack.pending(changed) == ["connection", "activation"]
    stack.up(changed)
    assert fivetran.the("stripe")["config"]["historical_sync_time_frame"] == "DATE_LIMIT"
    assert stack.pending(changed) == []
    assert fivetran.writes() == ["POST /v1/connections", CHANGE]


def test_refresh_that_reads_connected_starts_it_without_a_test(fivetran: Fivetran, stack: Stack, new_run, waits: Unit):
    stack.up(waits)
    fivetran.edit("stripe", setup_state="connected")
    new_run()
    assert stack.pending(waits) == [], "without a refresh nobody knows"
    stack.refresh()
    assert stack.pending(waits) == ["activation"]
    fivetran.forget_requests()
    assert stack.up(waits) == "connected"
    assert fivetran.writes() == [CHANGE, SYNC]
    assert stack.activation.state["pending"] == {}
    assert stack.pending(waits) == []


@pytest.mark.parametrize("refreshed", [True, False])
def test_config_changed_meanwhile_is_tested_before_the_start(
    fivetran: Fivetran, stack: Stack, new_run, *, refreshed: bool
):
    changed: dict[str, Any] = {"historical_sync_time_frame": "DATE_LIMIT"}
    stack.up(awaiting())
    stack.up(awaiting(**changed))
    fivetran.edit("stripe", setup_state="connected", config={})  # by what it had before the change
    new_run()
    if refreshed:
        stack.refresh()
    assert TEST not in fivetran.writes()
    assert stack.up(awaiting(**changed) if refreshed else unit(**changed)) == "connected"
    assert TEST in fivetran.writes()


def test_connected_connection_is_not_pending(fivetran: Fivetran, stack: Stack, waits: Unit):
    fivetran.by_hand(schedule_type="manual")
    assert stack.up(waits) == "connected"
    assert fivetran.writes() == []


def test_overdue_action_fails_the_run(
    fivetran: Fivetran, stack: Stack, new_run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    declared = awaiting(awaiting=Awaiting("the vendor's key", "2026-12-15"))
    monkeypatch.setenv("RECONCILER_TODAY", "2026-12-15")
    stack.up(declared)
    assert stack.pending(declared) == [], "the day itself is still in order"
    monkeypatch.setenv("RECONCILER_TODAY", "2026-12-16")
    assert stack.pending(declared) == ["activation"]
    assert stack.up(declared) == "awaiting"
    id_ = stack.connection.id
    message = f"connection {id_} (stripe) is overdue since 2026-12-15: the vendor's key"
    assert run.outcomes.failures() == {FILE: message}
    assert TEST not in fivetran.writes()

    new_run()
    later = awaiting(awaiting=Awaiting("the vendor's key", "2026-12-31"))
    stack.up(later)
    assert run.outcomes.failures() == {}
    assert stack.pending(later) == []


def test_pending_action_done_in_time_is_not_a_failure_when_read_late(
    fivetran: Fivetran, stack: Stack, new_run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RECONCILER_TODAY", "2026-12-15")
    declared = awaiting(awaiting=Awaiting("the vendor's key", "2026-12-15"))
    stack.up(declared)
    fivetran.edit("stripe", setup_state="connected")
    monkeypatch.setenv("RECONCILER_TODAY", "2026-12-16")
    new_run()
    assert stack.up(declared) == "connected"
    assert run.outcomes.failures() == {}


def test_connection_is_tested_when_its_file_has_no_pending_action(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(awaiting())
    new_run()
    assert stack.pending(unit()) == ["activation"]
    assert stack.up(unit()) == "connected"
    assert fivetran.writes() == ["POST /v1/connections", TEST, CHANGE]


def test_connection_is_pending_with_fivetrans_tasks_when_tests_have_no_result(
    fivetran: Fivetran, stack: Stack, new_run
):
    fivetran.script_tests(target="stripe", runs=1, results=[])
    assert stack.up(unit()) == "awaiting"
    assert stack.activation.state["pending"]["what"].startswith("Fivetran reports an incomplete set-up")
    assert stack.pending(unit()) == []
    assert fivetran.the("stripe")["paused"] is True


def test_consent_that_is_withdrawn_is_a_failure(fivetran: Fivetran, stack: Stack, new_run):
    declared = unit(needs_consent=True)
    stack.up(declared)
    fivetran.edit("stripe", setup_state="connected")
    new_run()
    stack.refresh()
    assert stack.up(declared) == "connected"
    fivetran.edit("stripe", setup_state="broken")
    new_run()
    stack.refresh()
    assert stack.activation.state["outcome"] == "broken"
    fivetran.script_tests(target="stripe", runs=1, results=[BAD_TEST])
    assert stack.up(declared) == "failed"
    assert list(run.outcomes.failures()) == [FILE]


def test_schedule_is_applied_also_while_a_started_connection_waits_again(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit())
    fivetran.edit("stripe", setup_state="broken")
    new_run()
    stack.refresh()
    assert stack.up(awaiting()) == "awaiting"
    paused = awaiting(paused="INC-4711")
    assert stack.pending(paused) == ["activation"]
    stack.up(paused)
    assert fivetran.the("stripe")["paused"] is True
    assert stack.pending(paused) == []


def test_service_account_and_public_key_of_a_group_are_read_once(
    fivetran: Fivetran, new_run, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.ERROR):
        for number in range(3):
            Stack(fivetran.group).up(unit(f"stripe_{number}", awaiting=AWAITING))
    asked = [request["path"] for request in fivetran.requests() if "/groups/" in request["path"]]
    assert sorted(asked) == [f"/v1/groups/{fivetran.group}/{what}" for what in ("public-key", "service-account")]
