"""Whichever request fails, and wherever a run is killed: one connection runs in the end, and was synced once."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.fivetran.api import Timeouts
from reconciler.model import Sync

from .account import BY_AIRFLOW, CANARY, FILE, Fivetran, failure, settle, unit, with_each_fault
from .stack import Stack

#: The writes of a new unit, in their order.
WRITES: dict[str, dict[str, Any]] = {
    "create": {"method": "POST", "path": "^/v1/connections$"},
    "test": {"method": "POST", "path": "/test$"},
    "start": {"method": "PATCH", "path": "^/v1/connections/"},
    "sync": {"method": "POST", "path": "/sync$"},
}
at_every_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)

DECLARED = unit(schedule=BY_AIRFLOW)


@pytest.fixture(autouse=True)
def _syncs_that_last(fivetran: Fivetran) -> None:
    """A sync that runs makes another request for one a no-op, as the first one of a connection surely does."""
    fivetran.options(sync_seconds=3600)


def assert_runs(fivetran: Fivetran, stack: Stack) -> None:
    """One connection, tested, started and synced once, and state knows it."""
    live = fivetran.the("stripe")
    assert live["id"] == stack.connection.id == stack.activation.state["connection_id"]
    assert (live["paused"], live["schedule_type"], live["syncs"]) == (False, "manual", 1)
    assert (live["setup_state"], live["effective"]["config"]["api_key"]) == ("connected", CANARY)
    assert stack.activation.state["outcome"] == "connected"
    stack.refresh()
    assert stack.pending(DECLARED) == []


@at_every_write
@with_each_fault
def test_fault_at_any_write_leaves_one_connection_that_runs(
    fivetran: Fivetran, stack: Stack, write: dict[str, Any], fault: dict[str, Any]
):
    fivetran.fault(**write, **fault)
    assert stack.up(DECLARED) == "connected"
    assert_runs(fivetran, stack)


@at_every_write
@pytest.mark.parametrize("when", ["before", "after"])
def test_next_run_repairs_an_error_at_any_write(
    fivetran: Fivetran, stack: Stack, new_run, write: dict[str, Any], when: str
):
    fivetran.fault(**write, kind="status", status=403, body={"code": "Forbidden"}, when=when, count=None)
    assert failure(stack.up, DECLARED).startswith(f"{FILE}: {write['method']} /connections")
    settle()
    fivetran.forget_faults()
    new_run()
    assert stack.up(DECLARED) == "connected"
    assert_runs(fivetran, stack)


@pytest.mark.parametrize("known", [[], ["connection"]], ids=["nothing", "the connection"])
def test_unrecorded_work_of_a_killed_run_is_found_and_finished(
    fivetran: Fivetran, stack: Stack, new_run, known: list[str]
):
    fivetran.fault(**WRITES["start"], kind="status", status=403, body={"code": "Forbidden"})
    failure(stack.up, DECLARED)
    assert fivetran.the("stripe")["setup_state"] == "connected", "its tests came to their end, and it is paused"
    if "connection" not in known:
        stack.connection.forget()
    new_run()
    assert stack.up(DECLARED) == "connected"
    assert_runs(fivetran, stack)


def test_activation_that_is_not_in_state_is_repeated(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(DECLARED)
    stack.activation.forget()
    new_run()
    assert stack.up(DECLARED) == "connected"
    assert_runs(fivetran, stack)


@pytest.mark.parametrize(
    "fault", [{"kind": "html", "status": 404}, {"kind": "status", "status": 500}, {"kind": "unauthorized"}], ids=str
)
@pytest.mark.parametrize("path", ["^/v1/connections/[^/]+$", "/schemas$"])
def test_no_fault_makes_an_activation_or_its_tables_look_deleted(
    fivetran: Fivetran, stack: Stack, new_run, fault: dict[str, Any], path: str
):
    stack.up(unit(sync=Sync("allow_all")))
    new_run()
    fivetran.fault(method="GET", path=path, count=None, **fault)
    assert failure(stack.activation.refresh).startswith(f"{FILE}: GET /connections/{stack.connection.id}")


def test_activation_reports_a_setup_test_without_an_answer(fivetran: Fivetran, stack: Stack, new_run):
    new_run(timeouts=Timeouts(setup_tests=0.2))
    fivetran.fault(**WRITES["test"], kind="hold", count=None)
    message = failure(stack.up, DECLARED)
    assert message.startswith(f"{FILE}: POST /connections/{stack.connection.id}/test: no answer within the time limit")
    assert fivetran.the("stripe")["paused"] is True
