"""The one comment of an environment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from reconciler.github.client import GitHub
from reconciler.model.errors import ReconcilerError

#: Characters of a comment: GitHub rejects more than 65,536.
LONGEST = 60_000
_MOST_HISTORY = 20
_HISTORY = re.compile(r"\n<details><summary>Earlier commits</summary>\n\n((?:- [^\n]*\n)*)\n</details>\n*\Z")
#: At the end of the second line of a comment with a full review.
_FULL = "<!-- full review -->"
_MARKER = re.compile(r"<!-- reconciler ([A-Za-z0-9_.-]+) -->\n")
_COMMIT = re.compile(r"<!-- commit ([0-9a-f]{40}) -->")


def publish(
    github: GitHub,
    number: int,
    environment: str,
    commit: str,
    text: str,
    *,
    run_url: str,
    is_full: bool = True,
) -> str:
    """Create or update the comment with a review of a commit, and return its address.

    A quick review, which is not full, leaves the full one of the same commit as it is.
    """
    found = _find(github, number, environment)
    if found and not is_full and _commit(found["body"]) == commit and _is_full(found["body"]):
        return str(found["html_url"])
    history = _history(found["body"], commit) if found else []
    link = f" ([run]({run_url}))" if run_url else ""
    body = _body(environment, commit, f"{text.strip()}\n\nCommit {commit[:12]}{link}", history, is_full=is_full)
    if found:
        return str(github.patch(f"/issues/comments/{found['id']}", {"body": body})["html_url"])
    created = github.create(f"/issues/{number}/comments", {"body": body}, lambda: _find(github, number, environment))
    return str(created["html_url"])


def supersede(github: GitHub, number: int, environment: str | None, commit: str) -> list[str]:
    """Mark comments on older commits as superseded, of one stack or of all; return the stacks."""
    done = []
    for found in _own_comments(github, number):
        marker = _MARKER.match(found["body"])
        if marker is None or environment not in (None, marker[1]) or _commit(found["body"]) in (None, commit):
            continue
        text = f"**{marker[1]}**: superseded by commit {commit[:12]}; its preview has begun."
        body = _body(marker[1], commit, text, _history(found["body"], commit))
        github.patch(f"/issues/comments/{found['id']}", {"body": body})
        done.append(marker[1])
    return done


def _marker(environment: str) -> str:
    return f"<!-- reconciler {environment} -->"


def _find(github: GitHub, number: int, environment: str) -> dict[str, Any] | None:
    found = (each for each in _own_comments(github, number) if each["body"].startswith(_marker(environment)))
    return next(found, None)


def _own_comments(github: GitHub, number: int) -> Iterator[dict[str, Any]]:
    author = github.login()
    for comment in github.list(f"/issues/{number}/comments"):
        if (comment.get("user") or {}).get("login") == author and comment.get("body"):
            yield comment


def _commit(body: str) -> str | None:
    found = _COMMIT.search(body)
    return found[1] if found else None


def _is_full(body: str) -> bool:
    return any(line.endswith(_FULL) for line in body.splitlines()[1:2])


def _history(body: str, commit: str) -> list[str]:
    body = body.replace("\r\n", "\n")
    found = _HISTORY.search(body)
    lines = found[1].splitlines() if found else []
    old = _commit(body)
    if old not in (None, commit):
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines.insert(0, f"- {old} superseded by {commit} on {now}")
    return lines[:_MOST_HISTORY]


def _body(environment: str, commit: str, text: str, history: list[str], *, is_full: bool = False) -> str:
    body = f"{_marker(environment)}\n<!-- commit {commit} -->{_FULL if is_full else ''}\n{text}\n"
    if history:
        lines = "".join(f"{line}\n" for line in history)
        body += f"\n<details><summary>Earlier commits</summary>\n\n{lines}\n</details>\n"
    if len(body) >= LONGEST:
        raise ReconcilerError(
            f"the comment has {len(body):,} characters, and {LONGEST:,} are too many\n    Print a shorter review."
        )
    return body
