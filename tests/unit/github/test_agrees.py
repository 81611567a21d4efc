"""The commands `record` and `agrees`, against the local GitHub."""

from __future__ import annotations

import json

import pytest
from click import Command
from click.testing import CliRunner
from tests.unit.github.test_reviewed import HEAD, MERGE, ONE, TWO, merged  # noqa: F401
from tests.unit.review.documents import item, review

from reconciler.cli.agrees import agrees
from reconciler.cli.record import record


def stops(*fingerprints: str, scheduled: tuple[str, ...] = ()) -> str:
    found = [item("deletes", fingerprint=each, file="connectors/dev/x.yaml", line=3) for each in fingerprints]
    return review(*found, scheduled=list(scheduled))


def run(document: str, *more: str):
    arguments = ["-e", "dev", "--commit", MERGE, "--review", "-", *more]
    result = CliRunner().invoke(agrees, arguments, input=document, standalone_mode=False)
    assert result.exception is None
    return result


@pytest.mark.usefixtures("merged")
def test_agrees_accepts_what_is_reviewed_scheduled_or_approved():
    assert run(stops(ONE)).return_value == 0
    assert run(stops(ONE, TWO, scheduled=(TWO,))).return_value == 0
    assert run(stops(ONE, TWO), "--approve", TWO).return_value == 0


@pytest.mark.usefixtures("merged")
def test_agrees_names_what_is_new_and_how_to_approve_it():
    result = run(stops(ONE, TWO))
    assert result.return_value == 1
    assert f"connectors/dev/x.yaml:3: not reviewed: deletes [{TWO}]" in result.output
    assert f"--approve {TWO}" in result.output
    assert ONE not in result.output


@pytest.mark.parametrize("fingerprint", [None, "x; rm -r ~", "9978CFEF8F8D379A", ""])
def test_agrees_rejects_a_fingerprint_of_another_form(fingerprint: object):
    document = json.loads(stops(ONE))
    document["consequences"][0]["fingerprint"] = fingerprint
    arguments = ["-e", "dev", "--commit", MERGE, "--review", "-"]
    result = CliRunner().invoke(agrees, arguments, input=json.dumps(document), standalone_mode=False)
    assert "no output of" in str(result.exception)


def test_agrees_rejects_the_review_of_a_rejected_run():
    arguments = ["-e", "dev", "--commit", MERGE, "--review", "-"]
    rejected = review(rejected=["x.yaml:1:1: no"])
    result = CliRunner().invoke(agrees, arguments, input=rejected, standalone_mode=False)
    assert "the run of dev is rejected" in str(result.exception)


def test_record_creates_the_check_run(served):
    state, _ = served
    arguments = ["-e", "dev", "--commit", HEAD, "--review", "-"]
    CliRunner().invoke(record, arguments, input=stops(ONE), standalone_mode=False)
    assert json.loads(state.check_runs[0]["output"]["text"])["fingerprints"] == [ONE]


@pytest.mark.parametrize("command", [agrees, record])
def test_simulated_review_is_neither_recorded_nor_compared(command: Command):
    simulated = review(item("deletes", ONE), simulated=True)
    arguments = ["-e", "dev", "--commit", MERGE, "--review", "-"]
    result = CliRunner().invoke(command, arguments, input=simulated, standalone_mode=False)
    assert "the review of dev is a simulation" in str(result.exception)
