"""Issues and their comments, which pull requests have too."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulator.github import render
from simulator.github.errors import invalid, not_allowed, not_found
from simulator.github.request import Call
from simulator.github.state import Comment, Issue, Repository

_LONGEST_BODY = 65_536
_LONGEST_TITLE = 256

#: A comment needs one of these: pull requests are issues as well. A person needs neither.
WRITE = {"issues": "write", "pull_requests": "write", "discuss": "read"}
READ = {"issues": "read", "pull_requests": "read"}


def checked_body(resource: str, body: object, *, required: bool = True) -> str | None:
    """Return a body that GitHub takes."""
    if body is None and not required:
        return None
    if not isinstance(body, str) or (required and not body.strip()):
        raise invalid(resource, "body", "missing_field")
    if len(body) > _LONGEST_BODY:
        text = f"body is too long (maximum is {_LONGEST_BODY} characters)"
        raise invalid(resource, "body", "custom", text)
    return body


def checked_title(resource: str, title: object) -> str:
    """Return a title that GitHub takes."""
    if not isinstance(title, str) or not title.strip():
        raise invalid(resource, "title", "missing_field")
    if len(title) > _LONGEST_TITLE:
        raise invalid(resource, "title", "custom", f"title is too long (maximum is {_LONGEST_TITLE} characters)")
    return title


async def list_issues(call: Call) -> web.Response:
    """List the issues and pull requests of a repository, the newest first."""
    repository = call.repository(**READ)
    state, labels = call.query("state", "open"), set(filter(None, call.query("labels").split(",")))
    creator, since = call.query("creator").lower(), call.query("since")
    found = [
        each
        for each in repository.issues.values()
        if state in ("all", each.state)
        and labels <= set(each.labels)
        and creator in ("", each.login.lower())
        and each.updated >= since
    ]
    by = "updated" if call.query("sort") == "updated" else "created"
    found.sort(key=lambda each: (getattr(each, by), each.number), reverse=call.query("direction", "desc") != "asc")
    return call.page([render.issue(call, repository, each) for each in found])


async def get_issue(call: Call) -> web.Response:
    """Get an issue."""
    repository = call.repository(**READ)
    return web.json_response(render.issue(call, repository, call.issue(repository)))


def new_issue(call: Call, repository: Repository, title: str, body: str | None) -> Issue:
    """Add an issue with the next number."""
    now = call.state.timestamp()
    number = max(repository.issues, default=0) + 1
    found = Issue(call.state.next_id(), number, call.actor.login, call.actor.app, title, body, now, now)
    repository.issues[number] = found
    return found


async def create_issue(call: Call) -> web.Response:
    """Create an issue. Labels are left out, without an error, unless the user may push."""
    repository = call.repository(issues="write", discuss="read")
    sent = await call.body()
    title = checked_title("Issue", sent.get("title"))
    found = new_issue(call, repository, title, checked_body("Issue", sent.get("body"), required=False))
    if call.may(repository, "issues", "write"):
        found.labels = _names(sent.get("labels", []))
    answer = web.json_response(render.issue(call, repository, found), status=201)
    answer.headers["Location"] = f"{call.base}/repos/{repository.name}/issues/{found.number}"
    return answer


def _names(labels: Any) -> list[str]:
    names = [each.get("name") if isinstance(each, dict) else each for each in labels]
    found = [each for each in names if isinstance(each, str)]
    if len(found) != len(names):
        raise invalid("Issue", "labels", "invalid")
    return list(dict.fromkeys(found))


async def update_issue(call: Call) -> web.Response:
    """Change an issue, as its author or a user with write access."""
    repository = call.repository(**WRITE)
    found = call.issue(repository)
    _may_edit(call, repository, found.login)
    sent = await call.body()
    if "title" in sent:
        found.title = checked_title("Issue", sent["title"])
    if "body" in sent:
        found.body = checked_body("Issue", sent["body"], required=False)
    if "labels" in sent and call.may(repository, "issues", "write"):
        found.labels = _names(sent["labels"])
    if "state" in sent:
        set_state(call, found, sent["state"], sent.get("state_reason"))
    found.updated = call.state.timestamp()
    return web.json_response(render.issue(call, repository, found))


def set_state(call: Call, found: Issue, state: object, reason: object = None) -> None:
    """Open or close an issue."""
    if state not in ("open", "closed"):
        raise invalid("Issue", "state", "invalid")
    if reason not in (None, "completed", "not_planned", "duplicate", "reopened"):
        raise invalid("Issue", "state_reason", "invalid")
    if state == found.state:
        return
    if state == "open" and found.pull is not None and found.pull.merged:
        raise invalid("PullRequest", "state", "custom", "state cannot be changed. The pull request is merged.")
    found.state = str(state)
    is_closed = state == "closed"
    found.closed = call.state.timestamp() if is_closed else None
    found.closed_by = call.actor.login if is_closed else None
    found.state_reason = str(reason) if reason else "completed" if is_closed else "reopened"


async def list_comments(call: Call) -> web.Response:
    """List the comments of an issue, the oldest first."""
    repository = call.repository(**READ)
    number = call.issue(repository).number
    found = [each for each in repository.comments.values() if each.number == number]
    return call.page([render.comment(call, repository, each) for each in found])


async def create_comment(call: Call) -> web.Response:
    """Comment on an issue."""
    repository = call.repository(**WRITE)
    issue = call.issue(repository)
    body = checked_body("IssueComment", (await call.body()).get("body")) or ""
    now = call.state.timestamp()
    found = Comment(call.state.next_id(), issue.number, call.actor.login, call.actor.app, body, now, now)
    repository.comments[found.id] = found
    issue.updated = now
    return web.json_response(render.comment(call, repository, found), status=201)


async def get_comment(call: Call) -> web.Response:
    """Get a comment."""
    repository = call.repository(**READ)
    return web.json_response(render.comment(call, repository, _comment(call, repository)))


async def update_comment(call: Call) -> web.Response:
    """Change a comment: its author, or who may write."""
    repository = call.repository(**WRITE)
    found = _comment(call, repository)
    _may_edit(call, repository, found.login)
    found.body = checked_body("IssueComment", (await call.body()).get("body")) or ""
    found.updated = call.state.timestamp()
    return web.json_response(render.comment(call, repository, found))


async def delete_comment(call: Call) -> web.Response:
    """Delete a comment; its author may, and users who may write."""
    repository = call.repository(**WRITE)
    found = _comment(call, repository)
    _may_edit(call, repository, found.login)
    del repository.comments[found.id]
    return web.Response(status=204)


def _comment(call: Call, repository: Repository) -> Comment:
    found = repository.comments.get(call.number("id"))
    if found is None:
        raise not_found()
    return found


def _may_edit(call: Call, repository: Repository, author: str) -> None:
    if author.lower() == call.actor.login.lower():
        return
    if not any(call.may(repository, name, "write") for name in ("issues", "pull_requests")):
        raise not_allowed(by_app=call.actor.app is not None)
