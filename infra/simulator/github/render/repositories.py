"""Repositories, their labels and commits, as the API shows them."""

from __future__ import annotations

from typing import Any

from simulator.github.git import Change, Commit
from simulator.github.render.people import user
from simulator.github.render.shared import EPOCH, node_id
from simulator.github.request import Call
from simulator.github.state import Repository


def minimal_repository(call: Call, found: Repository) -> dict[str, Any]:
    """Return a repository as other objects have it."""
    name = found.name.partition("/")[2]
    url = f"{call.base}/repos/{found.name}"
    templates = {
        "archive": "/{archive_format}{/ref}",
        "assignees": "{/user}",
        "blobs": "/git/blobs{/sha}",
        "branches": "{/branch}",
        "collaborators": "{/collaborator}",
        "comments": "{/number}",
        "commits": "{/sha}",
        "compare": "/{base}...{head}",
        "contents": "/{+path}",
        "git_commits": "/git/commits{/sha}",
        "git_refs": "/git/refs{/sha}",
        "git_tags": "/git/tags{/sha}",
        "issue_comment": "/issues/comments{/number}",
        "issue_events": "/issues/events{/number}",
        "issues": "{/number}",
        "keys": "{/key_id}",
        "labels": "{/name}",
        "milestones": "{/number}",
        "notifications": "{?since,all,participating}",
        "pulls": "{/number}",
        "releases": "{/id}",
        "statuses": "/{sha}",
        "trees": "/git/trees{/sha}",
    }
    plain: tuple[str, ...] = (
        "contributors",
        "deployments",
        "downloads",
        "events",
        "forks",
        "hooks",
        "languages",
        "merges",
    )
    plain += ("stargazers", "subscribers", "subscription", "tags", "teams")
    return {
        "id": found.id,
        "node_id": node_id("Repository", found.id),
        "name": name,
        "full_name": found.name,
        "private": found.is_private,
        "owner": user(call, found.owner),
        "html_url": f"{call.host}/{found.name}",
        "description": None,
        "fork": found.parent is not None,
        "url": url,
        **{f"{each}_url": f"{url}/{each}{text}" for each, text in templates.items()},
        **{f"{each}_url": f"{url}/{each}" for each in plain},
    }


def repository(call: Call, found: Repository) -> dict[str, Any]:
    """Return a repository."""
    owner = found.name.partition("/")[0]
    return {
        **minimal_repository(call, found),
        "git_url": f"git:{call.host.partition(':')[2]}/{found.name}.git",
        "ssh_url": f"git@{call.request.host}:{found.name}.git",
        "clone_url": f"{call.host}/{found.name}.git",
        "svn_url": f"{call.host}/{found.name}",
        "mirror_url": None,
        "homepage": None,
        "language": None,
        **dict.fromkeys(("forks", "forks_count", "stargazers_count", "watchers", "watchers_count", "size"), 0),
        **dict.fromkeys(("open_issues", "open_issues_count"), sum(x.state == "open" for x in found.issues.values())),
        "default_branch": found.default_branch,
        "topics": [],
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled", "is_template"), False),
        "visibility": "private" if found.is_private else "public",
        "pushed_at": EPOCH,
        "created_at": EPOCH,
        "updated_at": EPOCH,
        "permissions": {
            "admin": call.may(found, "administration", "admin"),
            "push": call.may(found, "contents", "write"),
            "pull": call.may(found, "contents", "read"),
        },
        "license": None,
        "allow_squash_merge": True,
        "allow_merge_commit": True,
        "allow_rebase_merge": True,
        "organization": user(call, owner),
        "network_count": 0,
        "subscribers_count": 0,
    }


def label(call: Call, found: Repository, name: str) -> dict[str, Any]:
    """Return a label."""
    number = found.labels.setdefault(name, call.state.next_id())
    return {
        "id": number,
        "node_id": node_id("Label", number),
        "url": f"{call.base}/repos/{found.name}/labels/{name}",
        "name": name,
        "description": "",
        "color": "ededed",
        "default": False,
    }


def commit(call: Call, repository: Repository, found: Commit) -> dict[str, Any]:
    """Return a commit."""
    url = f"{call.base}/repos/{repository.name}"
    page = f"{call.host}/{repository.name}/commit"
    sides = {"author": found.author, "committer": found.committer}
    return {
        "sha": found.sha,
        "node_id": node_id("Commit", int(found.sha[:8], 16)),
        "url": f"{url}/commits/{found.sha}",
        "html_url": f"{page}/{found.sha}",
        "comments_url": f"{url}/commits/{found.sha}/comments",
        "author": None,
        "committer": None,
        "parents": [
            {"sha": each, "url": f"{url}/commits/{each}", "html_url": f"{page}/{each}"} for each in found.parents
        ],
        "commit": {
            **{name: {"name": who.name, "email": who.email, "date": who.date} for name, who in sides.items()},
            "message": found.message,
            "tree": {"sha": found.tree, "url": f"{url}/git/trees/{found.tree}"},
            "url": f"{url}/git/commits/{found.sha}",
            "comment_count": 0,
        },
    }


def change(call: Call, repository: Repository, commit: str, found: Change) -> dict[str, Any]:
    """Return a changed file."""
    shown = {
        "sha": found.blob,
        "filename": found.path,
        "status": found.status,
        "additions": found.additions,
        "deletions": found.deletions,
        "changes": found.additions + found.deletions,
        "blob_url": f"{call.host}/{repository.name}/blob/{commit}/{found.path}",
        "raw_url": f"{call.host}/{repository.name}/raw/{commit}/{found.path}",
        "contents_url": f"{call.base}/repos/{repository.name}/contents/{found.path}?ref={commit}",
    }
    return {**shown, "previous_filename": found.previous} if found.previous else shown
