"""A value with a stray line end: reported before it is sent, named again by a failed test, kept by `exact`."""

from __future__ import annotations

import logging
import threading

import pytest

from reconciler.fivetran.api import FivetranClient
from reconciler.resources.run.run import run

from .account import BAD_TEST, CANARY, FILE, KEY, Fivetran, unit
from .stack import Stack

EXACT = {**KEY, "exact": True}


def test_stray_line_end_is_reported_with_its_reference_and_not_sent(
    fivetran: Fivetran, stack: Stack, new_run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("STRIPE_KEY", f"{CANARY}\r\n")
    with caplog.at_level(logging.WARNING, "reconciler"):
        stack.up(unit())
    assert fivetran.the("stripe")["config"]["api_key"] == CANARY
    message = "the value of {env: STRIPE_KEY, version: 1} ends in a Windows line break, CRLF (not sent)"
    assert f"{FILE}: {message}. Add a version without it" in caplog.text
    assert CANARY not in caplog.text


def test_failed_test_names_the_odd_value_again(
    fivetran: Fivetran, stack: Stack, new_run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STRIPE_KEY", f"{CANARY} ")
    fivetran.script_tests(target="stripe", results=[BAD_TEST])
    assert stack.up(unit()) == "failed"
    assert (
        "config.api_key: the value of {env: STRIPE_KEY, version: 1} ends in a space or tab (sent as it is)."
        in (run.outcomes.failures()[FILE])
    )


def test_exact_reference_sends_the_value_as_kept_silently_and_is_a_change(
    fivetran: Fivetran, stack: Stack, new_run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("STRIPE_KEY", f"{CANARY}\n")
    stack.up(unit())
    new_run()
    caplog.clear()
    fivetran.forget_requests()
    exact = unit(api_key=EXACT)
    assert "connection" in stack.pending(exact)
    assert stack.up(exact) == "connected"
    assert fivetran.the("stripe")["config"]["api_key"] == f"{CANARY}\n"
    assert [write.rsplit("/", 1)[1] for write in fivetran.writes()] == ["{connection_id}", "test"]
    assert "line feed" not in caplog.text
    assert stack.pending(exact) == []


def test_key_that_is_rejected_while_reading_ahead_leaves_no_traceback(
    fivetran: Fivetran, stack: Stack, new_run, recwarn: pytest.WarningsRecorder
):
    stack.up(unit())
    fivetran.fault(kind="unauthorized", count=None)
    new_run()
    run.account.expect(["stripe"], with_tables=[])

    run.account.reject_key()
    run.account._try_prefetch(fivetran.group)
    assert not recwarn.list


def test_no_error_while_reading_ahead_leaves_a_traceback(fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch):
    printed: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", printed.append)

    def connect() -> FivetranClient:
        raise RuntimeError("cannot schedule new futures after shutdown")

    run.start(connect)
    run.account.expect(["stripe"], with_tables=[])
    run.account.begin_refresh(fivetran.group)
    for thread in threading.enumerate():
        if thread.name == "read-ahead":
            thread.join()
    assert printed == []
