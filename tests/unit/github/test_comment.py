"""The comment on a pull request, through the command and the local GitHub."""

from __future__ import annotations

from typing import Any

import pytest
from click import UsageError
from click.testing import CliRunner
from markdown_it import MarkdownIt
from tests.hub import UNIT, Hub
from tests.unit.cli.test_output import LINKED, Rendered
from tests.unit.review.documents import FINGERPRINT, item, review

from reconciler.cli.comment import comment
from simulator.github.state import Fault

FIRST, SECOND = "a" * 40, "b" * 40
BOT = "github-actions[bot]"


@pytest.fixture
def number(hub: Hub) -> int:
    hub.branch("change", {UNIT: "a: 1\n"})
    return hub.open("change")


def call(
    number: int,
    *more: str,
    commit: str = FIRST,
    text: str | None = "deletes a dataset",
    environment: str = "dev",
    document: str | None = None,
) -> None:
    arguments = ["--pull-request", str(number), "-e", environment, "--commit", commit, *more]
    found = document or (None if text is None else review(text, environment=environment))
    result = CliRunner().invoke(comment, [*arguments, *(["-"] if found else [])], input=found, standalone_mode=False)
    if result.exception:
        raise result.exception


def bodies(hub: Hub) -> list[str]:
    return [each.body for each in hub.repository.comments.values()]


def test_comment_is_one_for_each_environment(hub: Hub, number: int):
    for environment in ("dev", "prod", "dev"):
        call(number, environment=environment)
    assert len(bodies(hub)) == 2


def test_comment_is_found_on_a_later_page(hub: Hub, number: int):
    for each in range(120):
        hub.done("POST", f"/issues/{number}/comments", hub.people["eve"], {"body": f"text {each}"})
    call(number)
    call(number, text="second text")
    assert len(bodies(hub)) == 121
    assert "second text" in bodies(hub)[-1]


def test_comment_of_another_author_is_not_changed(hub: Hub, number: int):
    body = f"<!-- reconciler dev -->\n<!-- commit {FIRST} -->\nforged\n"
    hub.done("POST", f"/issues/{number}/comments", hub.people["eve"], {"body": body})
    call(number, commit=SECOND)
    call(number, "--superseded", commit="c" * 40, text=None)
    first, second = hub.repository.comments.values()
    assert first.body == body
    assert second.login == BOT


def test_comment_of_another_app_is_not_touched(hub: Hub, number: int, monkeypatch: pytest.MonkeyPatch):
    call(number)
    app = hub.state.add_app("own", "example", {"pull_requests": "write"})
    monkeypatch.setenv("GITHUB_TOKEN", hub.state.app_token(app, "example/data"))
    call(number)
    call(number)
    assert [each.login for each in hub.repository.comments.values()] == [BOT, "own[bot]"]


def test_comment_says_superseded_when_a_push_makes_it_stale(hub: Hub, number: int):
    call(number)
    call(number, "--superseded", commit=SECOND, text=None)
    (body,) = bodies(hub)
    assert "deletes a dataset" not in body
    assert f"superseded by commit {SECOND[:12]}" in body


def test_comment_marks_the_older_comments_of_all_stacks_without_naming_one(hub: Hub, number: int):
    for stack in ("dev", "dev.crm"):
        call(number, environment=stack)
    call(number, commit=SECOND, environment="prod")
    options = ["--pull-request", str(number), "--commit", SECOND, "--superseded"]
    done = CliRunner().invoke(comment, options)
    assert done.stderr.strip() == "marked as superseded: dev, dev.crm"
    assert ["superseded by commit" in body for body in bodies(hub)] == [True, True, False]


def test_comment_of_a_strangers_review_is_a_simulation_or_none(hub: Hub, number: int):
    with pytest.raises(UsageError, match="not a simulation"):
        call(number, "--simulated")
    call(number, "--simulated", document=review("deletes a dataset", simulated=True))
    (body,) = bodies(hub)
    assert FINGERPRINT not in body


def test_comment_keeps_a_bounded_history(hub: Hub, number: int):
    for each in range(30):
        call(number, commit=f"{each:040x}")
    (body,) = bodies(hub)
    assert body.count("<details>") == 1
    assert body.count("- 0") == 20


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize("fault", [{"drops": True}, {"status": 502, "text": "<html>"}], ids=["dropped", "502"])
def test_comment_is_written_once_when_the_answer_is_lost(hub: Hub, number: int, fault: dict[str, object]):
    hub.state.faults.append(Fault("POST", "/comments", is_lost=True, **fault))  # type: ignore[arg-type]
    call(number)
    assert len(bodies(hub)) == 1


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


def forged(body: str, page: str, elements: set[str]) -> list[str]:
    """Return what a comment has that its review's text brought with it."""
    rendered = Rendered()
    rendered.feed(MarkdownIt("gfm-like", {"linkify": False}).render(page))
    found = [f"<{element}>" for element in sorted(rendered.elements - elements)]
    own = f"Commit {FIRST[:12]}"  # GitHub links it
    found += [each for each in rendered.outside_code if LINKED.search(each) and each.strip() != own]
    found += [text for text in ("\u202e", "##[") if text in body]
    return found


@pytest.mark.parametrize("key", ["text", "file", "object", "unit"])
def test_comment_shows_a_forged_review_as_text(hub: Hub, number: int, key: str):
    wrong = {}
    for text in HOSTILE:
        hub.repository.comments.clear()
        call(number, text=None, document=review({**item("deletes"), key: text}, rejected=[text]))
        (body,) = bodies(hub)
        page = body.removeprefix(f"<!-- reconciler dev -->\n<!-- commit {FIRST} -->\n")
        wrong[text] = forged(body, page, {"h2", "h3", "ul", "li", "p", "code"})
        wrong[text] += [line for line in body.splitlines() if line.lstrip().startswith("::")]
    assert wrong == {text: [] for text in HOSTILE}


@pytest.mark.parametrize("key", ["noun", "name", "before", "after"])
def test_comment_shows_a_forged_line_for_several_as_text(hub: Hub, number: int, key: str):
    wrong = {}
    for text in HOSTILE:
        hub.repository.comments.clear()
        several = {"noun": "dataset", "name": "shop", "before": "grants x on ", "after": " to a", key: text}
        call(number, text=None, document=review(*([item(text, several=several)] * 3)))
        (body,) = bodies(hub)
        page = body.split("-->\n", 2)[2]
        wrong[text] = forged(body, page, {"h2", "h3", "ul", "li", "p", "code", "details", "summary"})
    assert wrong == {text: [] for text in HOSTILE}


def test_comment_of_a_million_lines_is_cut(hub: Hub, number: int):
    call(number, text=None, document=review("a\n" * 9_999, *("deletes" for _ in range(20_000))))
    assert len(bodies(hub)[0]) < 60_000


def test_comment_takes_no_markdown_made_elsewhere(hub: Hub, number: int):
    with pytest.raises(UsageError, match="not the output of"):
        call(number, text=None, document="## What a run of dev would do\n\nNothing.\n")
    with pytest.raises(UsageError, match="not about dev"):
        call(number, text=None, document=review(environment="prod"))
    assert bodies(hub) == []


def test_comment_says_that_a_review_is_simulated(hub: Hub, number: int):
    call(number, text=None, document=review("deletes", simulated=True))
    body = bodies(hub)[0]
    assert "## What a run of dev would do (simulated)\n\n> This is a simulation. No credential was used." in body
    assert FINGERPRINT not in body


def test_comment_says_on_top_that_code_changed(hub: Hub, number: int):
    call(number, "--code-changed", text=None, document=review("deletes"))
    lines = bodies(hub)[0].splitlines()
    assert lines[4].startswith("> This pull request changes code too. That code did not run for this review")


QUICK = {"looked_at": ["a", "b"], "not_looked_at": [f"u{number:03}" for number in range(998)], "reasons": []}


def test_quick_comment_names_units_that_it_does_not_cover_and_no_fingerprint(hub: Hub, number: int):
    call(number, document=review("deletes a dataset", quick=QUICK))
    (body,) = bodies(hub)
    assert "## What a run of dev would do (quick review)\n\n> This is a quick review. It covers 2 units" in body
    assert "with changed files: a and b. It does not cover 998 units: u000, u001," in body
    assert "u009 and 988 more. The full review replaces this one, and only that one can be approved." in body
    assert FINGERPRINT not in body
    assert "deletes a dataset" in body


@pytest.mark.parametrize(
    ("looked_at", "not_looked_at", "text"),
    [
        ([], ["a"], "No file of a unit changed. It does not cover 1 unit: a. The full review"),
        (["a"], [], "It covers 1 unit with changed files: a. The full review"),
        ([], [], "This is a quick review. The full review"),
    ],
)
def test_quick_comment_says_what_it_covers(hub: Hub, number: int, looked_at: Any, not_looked_at: Any, text: str):
    quick = {"looked_at": looked_at, "not_looked_at": not_looked_at, "reasons": []}
    call(number, document=review("deletes a dataset", quick=quick))
    assert text in bodies(hub)[0]


def test_quick_comment_says_why_it_covers_all_units(hub: Hub, number: int):
    quick = {"looked_at": ["a"], "not_looked_at": [], "reasons": ["environment"]}
    call(number, document=review("deletes a dataset", quick=quick))
    assert "It covers all units (1), because environment.yaml changed." in bodies(hub)[0]


def test_full_comment_replaces_the_quick_one_and_is_not_replaced_by_it(hub: Hub, number: int):
    quick, full = review("looks quickly", quick=QUICK), review("looks at all")
    call(number, document=quick)
    for document in (full, quick):
        call(number, document=document)
        (body,) = bodies(hub)
        assert "looks at all" in body
        assert FINGERPRINT in body
    call(number, "--superseded", commit=SECOND, text=None)
    call(number, commit=SECOND, document=quick)
    assert "looks quickly" in bodies(hub)[0]
