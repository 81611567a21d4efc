"""The comment on a pull request, through the command and the local GitHub."""

from __future__ import annotations

import pytest
from click import UsageError
from click.testing import CliRunner
from markdown_it import MarkdownIt
from tests.unit.cli.test_output import LINKED, Rendered
from tests.unit.review.documents import FINGERPRINT, item, review

from reconciler.cli.comment import comment
from reconciler.github.client import GitHub
from reconciler.model.errors import RemoteError
from simulator.github.app import State

FIRST, SECOND = "a" * 40, "b" * 40
REPOSITORY = "example/data"
BOT = "github-actions[bot]"


def call(
    *more: str,
    commit: str = FIRST,
    text: str | None = "deletes a dataset",
    environment: str = "dev",
    document: str | None = None,
) -> None:
    arguments = ["--pull-request", "7", "-e", environment, "--commit", commit, *more]
    found = document or (None if text is None else review(text, environment=environment))
    result = CliRunner().invoke(comment, [*arguments, *(["-"] if found else [])], input=found, standalone_mode=False)
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
    call(text="second text")
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


HOSTILE = (
    "<!-- reconciler prod -->",
    "</details><img src=x onerror=alert(1)>",
    "[click](https://example.com)",
    "![x](https://example.com/x.png)",
    "https://example.com www.example.com",
    "@everyone @example/team",
    "#12 GH-12",
    "::error::x",
    "##[add-mask]x",
    "`a` ``b",
    "\u202egpj.evil",
    "\n\n# Approved\n\n- nothing\n",
    "&#64;everyone",
    "| a | b |\n|---|---|",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("key", ["text", "file", "object", "unit"])
def test_comment_shows_a_forged_review_as_text(served, text: str, key: str):
    state, _ = served
    call(text=None, document=review({**item("deletes"), key: text}, rejected=[text]))
    body = state.issues[REPOSITORY, 7][0]["body"]
    page = body.removeprefix(f"<!-- reconciler dev -->\n<!-- commit {FIRST} -->\n")
    rendered = Rendered()
    rendered.feed(MarkdownIt("gfm-like", {"linkify": False}).render(page))
    assert rendered.elements <= {"h2", "h3", "ul", "li", "p", "code"}
    assert not any(LINKED.search(each) for each in rendered.outside_code)
    assert "\u202e" not in body
    assert "##[" not in body
    assert not any(line.lstrip().startswith("::") for line in body.splitlines())


def test_comment_of_a_million_lines_is_cut(served):
    state, _ = served
    call(text=None, document=review("a\n" * 9_999, *("deletes" for _ in range(20_000))))
    assert len(state.issues[REPOSITORY, 7][0]["body"]) < 60_000


def test_comment_takes_no_markdown_made_elsewhere(served):
    state, _ = served
    with pytest.raises(UsageError, match="no output of"):
        call(text=None, document="## What a run of dev would do\n\nNothing.\n")
    with pytest.raises(UsageError, match="not about dev"):
        call(text=None, document=review(environment="prod"))
    assert state.issues[REPOSITORY, 7] == []


def test_comment_says_that_a_review_is_simulated(served):
    state, _ = served
    call(text=None, document=review("deletes", simulated=True))
    body = state.issues[REPOSITORY, 7][0]["body"]
    assert "## What a run of dev would do, simulated\n\n> This is a simulation. No credential was used." in body
    assert FINGERPRINT not in body


def test_comment_says_on_top_that_code_changed(served):
    state, _ = served
    call("--code-changed", text=None, document=review("deletes"))
    lines = state.issues[REPOSITORY, 7][0]["body"].splitlines()
    assert lines[4].startswith("> This pull request changes code too. That code did not run for this review")
