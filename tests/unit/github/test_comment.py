"""The comment on a pull request, through the command and the local GitHub."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from reconciler.cli.comment import comment
from reconciler.github.client import GitHub
from reconciler.model.errors import RemoteError
from simulator.github.app import State

FIRST, SECOND = "a" * 40, "b" * 40
REPOSITORY = "example/data"
BOT = "github-actions[bot]"


def call(*more: str, commit: str = FIRST, text: str | None = "- deletes a dataset", environment: str = "dev") -> None:
    arguments = ["--pull-request", "7", "-e", environment, "--commit", commit, *more]
    result = CliRunner().invoke(comment, [*arguments, *(["-"] if text else [])], input=text, standalone_mode=False)
    if result.exception:
        raise result.exception


def add(state: State, login: str, body: str) -> None:
    state.last_id += 1
    address = "https://example.com"
    found = {"id": state.last_id, "body": body, "user": {"login": login}, "html_url": address}
    state.issues[REPOSITORY, 7].append(found)


def test_comment_is_one_for_each_environment(served):
    state, _ = served
    for environment in ("dev", "prod", "dev"):
        call(environment=environment)
    assert len(state.issues[REPOSITORY, 7]) == 2


def test_comment_is_found_on_a_later_page(served):
    state, _ = served
    for number in range(120):
        add(state, "eve", f"text {number}")
    call()
    call(text="- second text")
    assert len(state.issues[REPOSITORY, 7]) == 121
    assert "second text" in state.issues[REPOSITORY, 7][-1]["body"]


def test_comment_of_someone_else_is_not_touched(served):
    state, _ = served
    body = f"<!-- reconciler dev -->\n<!-- commit {FIRST} -->\nforged\n"
    add(state, "eve", body)
    call(commit=SECOND)
    call("--superseded", commit="c" * 40, text=None)
    first, second = state.issues[REPOSITORY, 7]
    assert first["body"] == body
    assert second["user"]["login"] == BOT


def test_comment_says_superseded_when_a_push_makes_it_stale(served):
    state, _ = served
    call()
    call("--superseded", commit=SECOND, text=None)
    body = state.issues[REPOSITORY, 7][0]["body"]
    assert "deletes a dataset" not in body
    assert f"superseded by commit {SECOND[:12]}" in body


def test_comment_keeps_a_bounded_history(served):
    state, _ = served
    for number in range(30):
        call(commit=f"{number:040x}")
    body = state.issues[REPOSITORY, 7][0]["body"]
    assert body.count("<details>") == 1
    assert body.count("- 0") == 20


def test_comment_waits_for_the_secondary_rate_limit(served):
    state, url = served
    state.limited, state.retry_after = 2, 7
    waits: list[float] = []
    with GitHub("bot-token", REPOSITORY, url, sleep=waits.append) as github:
        assert github.list("/issues/7/comments") == []
    assert waits == [7, 7]


def test_error_of_github_does_not_show_the_token(served):
    _, url = served
    with GitHub("wrong-token", REPOSITORY, url) as github, pytest.raises(RemoteError) as found:
        github.list("/issues/7/comments")
    assert "wrong-token" not in f"{found.value} {found.value.unmasked_message}"
    assert "401" in str(found.value)
