"""Issues and comments, as the API shows them."""

from __future__ import annotations

from typing import Any

from simulator.github.render.people import app, user
from simulator.github.render.repositories import label
from simulator.github.render.shared import node_id
from simulator.github.request import Call
from simulator.github.state import Comment, Issue, Repository


def association(call: Call, found: Repository, login: str) -> str:
    """Return what an author is to a repository."""
    if call.state.account(login).type == "Bot":
        return "NONE"
    roles = {name.lower(): role for name, role in found.roles.items()}
    return "COLLABORATOR" if login.lower() in roles else "NONE"


def issue(call: Call, repository: Repository, found: Issue) -> dict[str, Any]:
    """Return an issue; a pull request is one too."""
    url = f"{call.base}/repos/{repository.name}/issues/{found.number}"
    kind = "issues" if found.pull is None else "pull"
    page = f"{call.host}/{repository.name}/{kind}/{found.number}"
    shown = {
        "id": found.id,
        "node_id": node_id("Issue", found.id),
        "url": url,
        "repository_url": f"{call.base}/repos/{repository.name}",
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": page,
        "number": found.number,
        "state": found.state,
        "state_reason": found.state_reason,
        "title": found.title,
        "body": found.body,
        "user": user(call, found.login),
        "labels": [label(call, repository, each) for each in found.labels],
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "locked": False,
        "active_lock_reason": None,
        "comments": sum(each.number == found.number for each in repository.comments.values()),
        "closed_at": found.closed,
        "closed_by": user(call, found.closed_by) if found.closed_by else None,
        "created_at": found.created,
        "updated_at": found.updated,
        "author_association": association(call, repository, found.login),
        "performed_via_github_app": app(call, found.app) if found.app else None,
    }
    if found.pull is not None:
        api = f"{call.base}/repos/{repository.name}/pulls/{found.number}"
        addresses = {"url": api, "html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch"}
        shown |= {"draft": found.pull.draft, "pull_request": {**addresses, "merged_at": found.pull.merged}}
    return shown


def comment(call: Call, repository: Repository, found: Comment) -> dict[str, Any]:
    """Return a comment."""
    url = f"{call.base}/repos/{repository.name}/issues"
    kind = "issues" if repository.issues[found.number].pull is None else "pull"
    return {
        "id": found.id,
        "node_id": node_id("IssueComment", found.id),
        "url": f"{url}/comments/{found.id}",
        "html_url": f"{call.host}/{repository.name}/{kind}/{found.number}#issuecomment-{found.id}",
        "issue_url": f"{url}/{found.number}",
        "user": user(call, found.login),
        "body": found.body,
        "created_at": found.created,
        "updated_at": found.updated,
        "author_association": association(call, repository, found.login),
        "performed_via_github_app": app(call, found.app) if found.app else None,
    }
