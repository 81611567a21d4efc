"""The commands `record` and `agrees`, against the local GitHub."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click import Command, UsageError
from click.testing import CliRunner, Result
from tests.hub import UNIT, Hub
from tests.unit.review.documents import item, review

from reconciler.cli.agrees import agrees
from reconciler.cli.record import record
from reconciler.model.errors import ReconcilerError

ONE, TWO = "1" * 16, "2" * 16
ANY = "a" * 40


def stops(*fingerprints: str, scheduled: tuple[str, ...] = (), environment: str = "dev") -> str:
    found = [
        item("deletes", fingerprint=each, file="connectors/dev/x.yaml", line=3, scheduled=each in scheduled)
        for each in fingerprints
    ]
    return review(*found, scheduled=list(scheduled), environment=environment)


def invoke(command: Command, document: str, *more: str, stack: str = "dev") -> Result:
    arguments = ["-e", stack, "--review", "-", *more]
    result = CliRunner().invoke(command, arguments, input=document, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


@pytest.fixture
def merged(hub: Hub) -> str:
    """The commit of a pull request that was reviewed with fingerprint ONE."""
    hub.branch("change", {UNIT: "a: 1\n"})
    number = hub.open("change")
    invoke(record, stops(ONE), "--commit", hub.pull(number)["head"]["sha"])
    hub.review(number)
    return hub.merge(number)


def test_agrees_accepts_what_is_reviewed_scheduled_or_approved(merged: str):
    assert invoke(agrees, stops(ONE), "--commit", merged).return_value == 0
    assert invoke(agrees, stops(ONE, TWO, scheduled=(TWO,)), "--commit", merged).return_value == 0
    result = invoke(agrees, stops(ONE, TWO), "--commit", merged, "--approve", f"{TWO},{'3' * 16}", "--approve", "")
    assert result.return_value == 0
    assert "dev: 1 reviewed, 1 approved" in result.output
    assert f"{'3' * 16} is approved, but this run does nothing with that fingerprint" in result.output


@pytest.mark.parametrize("command", [agrees, record])
def test_reviews_of_any_workflow_do_not_count_where_the_app_is_empty(
    merged: str, monkeypatch: pytest.MonkeyPatch, command: Command
):
    # GitHub gives a job an empty variable for one that the repository does not have.
    monkeypatch.setenv("RECONCILER_GITHUB_APP", "")
    with pytest.raises(UsageError, match="RECONCILER_GITHUB_APP is empty"):
        invoke(command, stops(ONE), "--commit", merged)


def test_agrees_names_the_folder_of_a_stack_to_approve(merged: str):
    done = invoke(agrees, stops(ONE, TWO, environment="dev.crm"), "--commit", merged, stack="dev.crm")
    command = f"`gh workflow run merge.yml -f environment=dev -f folder=crm -f fingerprints={ONE},{TWO}`"
    assert f"{command}. A reviewer of the environment approve-dev then" in done.output


def test_agrees_names_what_is_new_and_how_to_approve_it(merged: str):
    result = invoke(agrees, stops(ONE, TWO, "3" * 16), "--commit", merged)
    assert result.return_value == 1
    assert f"connectors/dev/x.yaml:3:1: not reviewed: deletes [{TWO}]" in result.output
    command = f"`gh workflow run merge.yml -f environment=dev -f fingerprints={TWO},{'3' * 16}`"
    assert f"    Approve it with {command}. A reviewer of the environment approve-dev" in result.output
    assert ONE not in result.output


def test_agrees_says_why_a_pull_request_does_not_count(hub: Hub):
    hub.branch("change", {UNIT: "a: 1\n"})
    number = hub.open("change")
    result = invoke(agrees, stops(ONE), "--commit", hub.merge(number))
    assert f"\n    #{number}: no one but its author has approved its last commit\n" in result.output


def test_agrees_asks_github_only_when_something_is_left(hub: Hub):
    assert invoke(agrees, stops(), "--commit", ANY).return_value == 0
    assert invoke(agrees, stops(ONE, scheduled=(ONE,)), "--commit", ANY).return_value == 0
    assert hub.state.requests == []


def test_agrees_accepts_only_what_is_scheduled_when_no_commit_was_pushed(hub: Hub):
    assert invoke(agrees, stops(ONE, scheduled=(ONE,)), "--scheduled").return_value == 0
    result = invoke(agrees, stops(ONE, TWO, scheduled=(ONE,)), "--scheduled")
    assert result.return_value == 1
    assert f"fingerprints={TWO}`" in result.output
    assert hub.state.requests == []


def test_agrees_requires_scheduled_changes_when_no_commit_was_pushed():
    drift = item("changes the schedule", None, kind="schedule_changed", file="connectors/dev/x.yaml", line=3)
    lapsed = item("removes the lapsed role", None, kind="access_revoked", scheduled=True)
    quota = item("sends about 3 requests", None, kind="quota")
    unchecked = item("cannot check whether the group can be renamed", None, kind="unchecked")
    result = invoke(agrees, review(lapsed, quota, unchecked), "--scheduled")
    assert (result.return_value, "dev: 1 scheduled" in result.output) == (0, True)
    result = invoke(agrees, review(drift, lapsed, quota), "--scheduled")
    assert result.return_value == 1
    command = "`gh workflow run merge.yml -f environment=dev -f refresh=true`"
    assert result.output == (
        "connectors/dev/x.yaml:3:1: not scheduled: changes the schedule\n"
        f"    Undo what was changed by hand, or apply the files with {command}.\n"
    )


@pytest.mark.parametrize("more", [(), ("--scheduled", "--commit", ANY), ("--scheduled", "--since", ANY)])
def test_agrees_needs_a_commit_or_scheduled(more: tuple[str, ...]):
    with pytest.raises(UsageError, match="either --commit"):
        invoke(agrees, stops(ONE), *more)


@pytest.mark.parametrize("value", ["x; rm -r ~", "1" * 15, "A" * 16, "--force"])
def test_agrees_rejects_what_is_not_a_fingerprint_to_approve(value: str):
    with pytest.raises(UsageError, match="is not a fingerprint"):
        invoke(agrees, stops(ONE), "--commit", ANY, f"--approve={value}")


@pytest.mark.parametrize("fingerprint", [None, "x; rm -r ~", "9978CFEF8F8D379A", ""])
def test_agrees_rejects_a_fingerprint_of_another_form(fingerprint: object):
    document = json.loads(stops(ONE))
    document["consequences"][0]["fingerprint"] = fingerprint
    with pytest.raises(UsageError, match="not the output of"):
        invoke(agrees, json.dumps(document), "--commit", ANY)


def test_agrees_rejects_the_review_of_a_rejected_run():
    with pytest.raises(Exception, match="the run of dev is rejected"):
        invoke(agrees, review(rejected=["x.yaml:1:1: no"]), "--commit", ANY)


def test_record_creates_the_check_run(hub: Hub):
    invoke(record, stops(ONE), "--commit", hub.main)
    (run,) = hub.repository.check_runs.values()
    content: dict[str, Any] = json.loads(run.output["text"])
    assert content == {"environment": "dev", "commit": hub.main, "fingerprints": [ONE]}


@pytest.mark.parametrize("command", [agrees, record])
def test_simulated_review_is_neither_recorded_nor_compared(command: Command):
    simulated = review(item("deletes", ONE), simulated=True)
    with pytest.raises(Exception, match="the review of dev is a simulation"):
        invoke(command, simulated, "--commit", ANY)


@pytest.mark.parametrize("command", [record, agrees])
def test_quick_review_is_neither_recorded_nor_compared(command: Command, hub: Hub):
    quick = {"looked_at": ["a"], "not_looked_at": ["b"], "reasons": []}
    with pytest.raises(ReconcilerError, match="the review of dev is a quick one"):
        invoke(command, review("deletes", quick=quick), "--commit", ANY)
    assert not hub.repository.check_runs
