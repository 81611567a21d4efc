"""The one issue of an environment, through the command and the local GitHub."""

from __future__ import annotations

from typing import Any

import pytest
from click import UsageError
from click.testing import CliRunner
from tests.hub import Hub

from reconciler.cli.issue import issue
from reconciler.github.client import GitHub
from reconciler.github.issue import LONGEST, keep_issue
from simulator.github.state import Fault

BOT = "github-actions[bot]"
MARKER = "<!-- reconciler: dev -->"


def call(text: str | None, *more: str, environment: str = "dev") -> str:
    body = ["--body", "-"] if text is not None else []
    arguments = ["--specs", ".", "-e", environment, *body, *more]
    result = CliRunner().invoke(issue, arguments, input=text, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output.partition(":")[0].strip()


def issues(hub: Hub) -> list[Any]:
    return list(hub.repository.issues.values())


def test_issue_is_opened_changed_closed_and_opened_again(hub: Hub):
    assert call("- late: shop") == "opened"
    assert call("- late: shop") == "unchanged"
    assert call("- late: shop\n- late: ads") == "changed"
    assert call("") == "closed"
    (found,) = issues(hub)
    assert (found.state, found.state_reason) == ("closed", "completed")
    assert call("- late: ads") == "reopened"
    assert (found.state, found.title, found.login) == ("open", "dev: what needs attention", BOT)
    assert "- late: ads" in found.body
    assert call(None, "--close") == "closed"
    assert len(issues(hub)) == 1


def test_issue_is_not_edited_when_only_the_run_is_another(hub: Hub):
    call("- late: shop", "--run-url", "https://example.com/1")
    assert call("- late: shop", "--run-url", "https://example.com/2") == "unchanged"
    assert "https://example.com/1" in issues(hub)[0].body


def test_issue_is_not_opened_when_nothing_is_left(hub: Hub):
    assert call(" \n") == "dev"
    assert issues(hub) == []


def test_issue_is_one_for_each_environment(hub: Hub):
    for environment in ("dev", "prod", "dev"):
        call("- late", environment=environment)
    assert len(issues(hub)) == 2


def test_issue_is_found_on_a_later_page_and_without_its_label(hub: Hub):
    call("- late: shop")
    issues(hub)[0].labels.clear()
    for number in range(120):
        hub.done("POST", "/issues", hub.people["eve"], {"title": str(number)})
    call("- late: ads")
    assert len(issues(hub)) == 121
    assert "- late: ads" in issues(hub)[0].body


@pytest.mark.parametrize("close", [True, False])
def test_issue_of_another_author_is_not_changed(hub: Hub, close: bool):
    sent = {"title": "mine", "body": f"{MARKER}\nforged", "labels": ["reconciler"]}
    hub.done("POST", "/issues", hub.people["ann"], sent)
    hub.branch("change", {"x": "1"})
    pull = {"title": "x", "head": "change", "base": "main", "body": f"{MARKER}\nx"}
    hub.done("POST", "/pulls", hub.bot, pull)
    call(None if close else "- late", *(["--close"] if close else []))
    assert [each.body for each in issues(hub)[:2]] == [f"{MARKER}\nforged", f"{MARKER}\nx"]
    assert [each.state for each in issues(hub)[:2]] == ["open", "open"]
    assert len(issues(hub)) == (2 if close else 3)


def test_issue_notifies_no_one_whom_its_text_names(hub: Hub):
    call("@ann \\@example/team (@bob) a@example.com `@eve`")
    body = issues(hub)[0].body
    assert "@ann" not in body
    assert "@example" not in body
    assert "@bob" not in body


def test_issue_notifies_owners_first(hub: Hub):
    with GitHub(hub.bot, "example/data", hub.url) as github:
        keep_issue(
            github, "dev", "x", "- late\n" * 20_000, owners=("@example/data", "@bob", "@bob", "@a b", "x@y"), run_url=""
        )
    body = issues(hub)[0].body
    assert body.splitlines()[1] == "Owners: @example/data @bob"
    assert len(body) <= LONGEST
    assert "more lines are in the run's summary" in body


@pytest.mark.usefixtures("no_waits")
def test_issue_is_opened_once_when_the_answer_is_lost(hub: Hub):
    hub.state.faults.append(Fault("POST", "/issues", drops=True, is_lost=True))
    assert call("- late") == "opened"
    assert len(issues(hub)) == 1


def test_issue_takes_one_source_of_its_text(hub: Hub):
    with pytest.raises(UsageError, match="choose one"):
        call("- late", "--close")
