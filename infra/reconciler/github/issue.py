"""The one issue of an environment: opened, changed, closed and opened again."""

from __future__ import annotations

import re
from typing import Any, Literal

from reconciler.github.client import GitHub
from reconciler.model.errors import ReconcilerError

#: Characters of an issue: GitHub rejects more than 65,536.
LONGEST = 60_000
_LONGEST_TITLE = 256
_LABEL = "reconciler"
#: The last line, which changes with each run and is not a reason for an edit.
_RUN = re.compile(r"\n\n<!-- run -->[^\n]*\n?\Z")
#: A name that GitHub would notify, also behind a backslash: it looks at the rendered text.
_MENTION = re.compile(r"@(?=[A-Za-z0-9])")
_OWNER = re.compile(r"@[A-Za-z0-9](?:[A-Za-z0-9-]*)(?:/[A-Za-z0-9._-]+)?")

Change = Literal["opened", "reopened", "changed", "unchanged", "closed", "none"]


def keep_issue(
    github: GitHub, environment: str, title: str, text: str, *, owners: tuple[str, ...], run_url: str
) -> tuple[Change, str]:
    """Make the environment's issue say what a text says.

    Args:
        github: The repository. The function never changes an issue of another author or App.
        environment: The environment's name.
        title: The issue's title.
        text: Markdown, with the important part first. Nothing in it notifies anyone.
        owners: People and teams to notify, as CODEOWNERS names them.
        run_url: The address of the run.

    Returns:
        What was done, and the issue's address; the address is empty if there is no issue.
    """
    found = _find(github, environment)
    body = _body(environment, text, owners, run_url)
    if len(title) > _LONGEST_TITLE:
        raise ReconcilerError(f"the title has more than {_LONGEST_TITLE} characters\n    Give a shorter one.")
    if found is None:
        sent = {"title": title, "body": body, "labels": [_LABEL]}
        created = github.create("/issues", sent, lambda: _find(github, environment))
        return "opened", str(created["html_url"])
    changes: dict[str, Any] = {}
    if _without_run(found["body"] or "") != _without_run(body) or found["title"] != title:
        changes = {"title": title, "body": body}
    is_closed = found["state"] == "closed"
    if is_closed:
        changes["state"] = "open"
    if changes:
        github.patch(f"/issues/{found['number']}", changes)
    return "reopened" if is_closed else "changed" if changes else "unchanged", str(found["html_url"])


def close_issue(github: GitHub, environment: str, *, run_url: str) -> tuple[Change, str]:
    """Close the environment's issue, if one is open."""
    found = _find(github, environment, state="open")
    if found is None:
        return "none", ""
    body = _body(environment, "No findings.", (), run_url)
    github.patch(f"/issues/{found['number']}", {"body": body, "state": "closed", "state_reason": "completed"})
    return "closed", str(found["html_url"])


def defuse_mentions(text: str) -> str:
    """Return Markdown in which no name is a mention, by a character without width behind each `@`."""
    return _MENTION.sub("@\u200b", text)


def cut(text: str, longest: int) -> str:
    """Return the first lines of a text that fit, and how many are left out."""
    if len(text) <= longest:
        return text
    lines = text.splitlines()
    kept: list[str] = []
    room = longest - 100
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, "", f"{len(lines) - len(kept):,} more lines are in the run's summary."])


def _marker(environment: str) -> str:
    return f"<!-- reconciler: {environment} -->"


def _find(github: GitHub, environment: str, *, state: str = "all") -> dict[str, Any] | None:
    """Return the environment's issue: the open one, or else the last."""
    author, marker = github.login(), _marker(environment)
    # A person may have removed the label, so without a result every page is read.
    for query in ({"labels": _LABEL}, {}):
        own = [
            each
            for each in github.list("/issues", state=state, **query)
            if (each.get("user") or {}).get("login") == author
            and (each.get("body") or "").startswith(f"{marker}\n")
            and "pull_request" not in each
        ]
        if own:
            return max(own, key=lambda each: (each["state"] == "open", each["number"]))
    return None


def _body(environment: str, text: str, owners: tuple[str, ...], run_url: str) -> str:
    notified = " ".join(each for each in dict.fromkeys(owners) if _OWNER.fullmatch(each))
    end = f"\n\n<!-- run -->Written by [a run]({run_url}).\n" if run_url else "\n\n<!-- run -->\n"
    start = f"{_marker(environment)}\n" + (f"Owners: {notified}\n\n" if notified else "")
    # Owners come first, so that a long text does not cut them off.
    return f"{start}{cut(defuse_mentions(text.strip()), LONGEST - len(start) - len(end))}{end}"


def _without_run(body: str) -> str:
    return _RUN.sub("", body.replace("\r\n", "\n"))
