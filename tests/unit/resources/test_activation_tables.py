"""The tables of a connection are chosen before it first runs, kept as the file says, and never exposed on the way."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.config.places import Places
from reconciler.model import Adopt, SchemaSync, Sync, TableSync
from reconciler.resources.operation import Failed
from reconciler.resources.run.run import run

from .account import BAD_TEST, CANARY, FILE, Fivetran, unit
from .stack import Stack

SOURCE = {"schemas": {"stripe": {"customer": ["id key", "email", "phone"], "charge": ["id key", "amount"]}}}


def customers(**columns: Any) -> Sync:
    return Sync("allow_columns", "keep", {"stripe": SchemaSync(tables={"customer": TableSync(columns=columns)})})


HASHED = unit(sync=customers(email="hashed"))


@pytest.fixture(autouse=True)
def source(fivetran: Fivetran, new_run) -> None:
    fivetran.set_source("stripe", SOURCE)


def test_first_sync_finds_the_tables_as_the_file_says(fivetran: Fivetran, stack: Stack):
    assert stack.up(HASHED) == "connected"
    assert fivetran.the("stripe")["first_sync"]["written"]["stripe"]["customer"]["email"] == "hashed"
    assert stack.pending(HASHED) == []


def test_connection_stays_paused_while_data_cannot_be_kept_out(fivetran: Fivetran, stack: Stack, new_run):
    for _ in range(2):
        assert stack.up(unit(sync=customers(emial="hashed"))) == "refused"
        assert "emial" in run.outcomes.failures()[FILE]
        assert fivetran.the("stripe")["paused"] is True
        assert stack.pending(unit(sync=customers(emial="hashed"))) == ["activation"]
        new_run()
    fivetran.forget_requests()
    assert stack.up(HASHED) == "connected"
    # Whatever Fivetran knew of the source by then: before the first row it is looked at again.
    assert "POST /v1/connections/{connection_id}/schemas/reload" in fivetran.writes()
    assert fivetran.the("stripe")["paused"] is False
    assert fivetran.the("stripe")["first_sync"]["written"]["stripe"]["customer"]["email"] == "hashed"


def test_activation_reports_that_a_running_connection_keeps_syncing(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit(sync=customers(email="hashed")))
    assert stack.up(unit(sync=customers(emial="hashed"))) == "refused"
    assert "Correct `sync`, then run again. The connection runs and syncs this data." in run.outcomes.failures()[FILE]
    assert "does not start" not in run.outcomes.failures()[FILE]


def test_activation_names_the_line_of_each_table_that_is_not_as_declared(
    fivetran: Fivetran, stack: Stack, new_run, tmp_path
):
    file = tmp_path / FILE
    file.parent.mkdir(parents=True)
    file.write_text(
        "connector:\n  sync:\n    schemas:\n      stripe:\n        tables:\n          customer:\n"
        "            columns:\n              emial: hashed\n"
    )
    run.declare(places=Places(tmp_path))
    assert stack.up(unit(sync=customers(emial="hashed"))) == "refused"
    lines = run.outcomes.failures()[FILE].splitlines()
    assert lines[0].startswith(f"{FILE}:2:3: Fivetran does not hash or exclude what `sync` declares")
    assert lines[1].startswith(f"    {FILE}:8:15: sync.schemas.stripe.tables.customer.columns.emial: ")
    assert ":8:15" not in str(stack.activation.state), "state holds no lines"


def test_activation_names_the_line_of_the_connector_whose_test_failed(
    fivetran: Fivetran, stack: Stack, new_run, tmp_path
):
    file = tmp_path / FILE
    file.parent.mkdir(parents=True)
    file.write_text("owners: [a]\nconnector:\n  service: stripe\n")
    run.declare(places=Places(tmp_path))
    fivetran.script_tests(target="stripe", runs=None, results=[BAD_TEST])
    assert stack.up(unit()) == "failed"
    assert run.outcomes.failures()[FILE].startswith(f"{FILE}:2:1: ")


def test_changed_selection_is_brought_to_a_running_connection_without_a_test(fivetran: Fivetran, stack: Stack):
    stack.up(HASHED)
    fivetran.forget_requests()
    changed = unit(sync=customers(email="hashed", phone="excluded"))
    assert stack.pending(changed) == ["activation"]
    assert stack.up(changed) == "connected"
    assert {write.rsplit("/", 1)[1] for write in fivetran.writes()} == {"schemas"}
    assert stack.pending(changed) == []


@pytest.mark.parametrize("paused", [None, "INC-1"])
def test_selection_changed_by_hand_is_drift_and_is_put_right(
    fivetran: Fivetran, stack: Stack, new_run, paused: str | None
):
    declared = unit(sync=customers(email="hashed"), paused=paused)
    stack.up(declared)
    tables = {"customer": {"enabled": True, "columns": {"email": {"enabled": True, "hashed": False}}}}
    fivetran.select("stripe", {"schemas": {"stripe": {"enabled": True, "tables": tables}}})
    new_run()
    stack.refresh()
    found = stack.activation.state["sync"]["schemas"]["stripe"]["tables"]["customer"]["columns"]
    assert found == {"email": "included"}
    assert stack.pending(declared) == ["activation"]
    stack.up(declared)
    new_run()
    stack.refresh()
    assert stack.pending(declared) == []


def test_activation_applies_tables_that_the_file_changes_while_paused(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit(sync=customers(email="hashed"), paused="INC-1"))
    changed = unit(sync=customers(email="hashed", phone="excluded"), paused="INC-1")
    assert stack.pending(changed) == ["activation"]
    stack.up(changed)
    new_run()
    stack.refresh()
    columns = stack.activation.state["sync"]["schemas"]["stripe"]["tables"]["customer"]["columns"]
    assert columns == {"email": "hashed", "phone": "excluded"}
    assert fivetran.the("stripe")["paused"] is True


def test_removed_selection_changes_nothing(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(HASHED)
    fivetran.forget_requests()
    assert stack.pending(unit()) == []
    new_run()
    stack.refresh()
    assert stack.pending(unit()) == []
    assert fivetran.writes() == []


def test_adoption_with_other_tables_is_rejected_without_apply_changes(fivetran: Fivetran, stack: Stack, new_run):
    made = fivetran.by_hand(succeeded_at="2026-01-01T00:00:00Z", is_historical_sync=False)
    fivetran.select("stripe", {"schemas": {"stripe": {"enabled": True, "tables": {"customer": {"enabled": True}}}}})
    assert stack.up(HASHED) == "refused"
    assert "columns.email: the file says 'hashed', Fivetran has 'included'" in run.outcomes.failures()[FILE]
    assert fivetran.writes() == []
    new_run()
    changing = unit(sync=customers(email="hashed"), adopt=Adopt(made, apply_changes=True))
    assert stack.up(changing) == "connected"
    new_run()
    stack.refresh()
    assert stack.pending(changing) == []


@pytest.mark.parametrize(("path", "status"), [("/columns$", 404), ("/reload$", 400), ("/schemas$", 404)])
def test_secret_that_fivetran_quotes_about_tables_is_in_no_state_and_no_log(
    fivetran: Fivetran, stack: Stack, caplog: pytest.LogCaptureFixture, path: str, status: int
):
    quoting = {"code": "NotFound_Table", "message": f"no table for {CANARY}"}
    fivetran.fault(path=path, count=None, kind="status", status=status, body=quoting)
    try:
        stack.up(unit(sync=customers(emial="hashed")))
        message = str(stack.activation.state)
    except Failed as failed:
        message = str(failed)
    assert CANARY not in message + caplog.text
    assert "no table for ******" in message + caplog.text
