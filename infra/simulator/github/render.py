"""Objects of the local GitHub as the API shows them."""

from __future__ import annotations

import base64
from typing import Any

from simulator.github.git import Change, Commit
from simulator.github.request import Call
from simulator.github.state import App, CheckRun, Comment, Issue, Pull, Repository, Review, Team, WorkflowRun

#: What each event leads to when the time is asked for in a field that nothing here sets.
_EPOCH = "2026-01-01T00:00:00Z"


def _node(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def user(call: Call, login: str) -> dict[str, Any]:
    """Return an account."""
    account = call.state.account(login)
    url = f"{call.base}/users/{account.login}"
    lists = ("followers", "organizations", "repos", "subscriptions", "received_events")
    return {
        "login": account.login,
        "id": account.id,
        "node_id": _node("User", account.id),
        "avatar_url": f"{call.host}/avatars/{account.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{call.host}/{account.login}",
        **{f"{name}_url": f"{url}/{name}" for name in lists},
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "events_url": f"{url}/events{{/privacy}}",
        "type": account.type,
        "site_admin": False,
    }


def app(call: Call, found: App) -> dict[str, Any]:
    """Return an App."""
    return {
        "id": found.id,
        "slug": found.slug,
        "node_id": _node("App", found.id),
        "owner": user(call, found.owner),
        "name": found.slug,
        "description": "",
        "external_url": f"{call.host}/{found.owner}",
        "html_url": f"{call.host}/apps/{found.slug}",
        "created_at": _EPOCH,
        "updated_at": _EPOCH,
        "permissions": found.permissions,
        "events": [],
    }


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
        "node_id": _node("Repository", found.id),
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
        "pushed_at": _EPOCH,
        "created_at": _EPOCH,
        "updated_at": _EPOCH,
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
        "node_id": _node("Label", number),
        "url": f"{call.base}/repos/{found.name}/labels/{name}",
        "name": name,
        "description": "",
        "color": "ededed",
        "default": False,
    }


def _association(call: Call, found: Repository, login: str) -> str:
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
        "node_id": _node("Issue", found.id),
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
        "author_association": _association(call, repository, found.login),
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
        "node_id": _node("IssueComment", found.id),
        "url": f"{url}/comments/{found.id}",
        "html_url": f"{call.host}/{repository.name}/{kind}/{found.number}#issuecomment-{found.id}",
        "issue_url": f"{url}/{found.number}",
        "user": user(call, found.login),
        "body": found.body,
        "created_at": found.created,
        "updated_at": found.updated,
        "author_association": _association(call, repository, found.login),
        "performed_via_github_app": app(call, found.app) if found.app else None,
    }


def _end(call: Call, name: str, ref: str, sha: str) -> dict[str, Any]:
    where = call.state.repositories.get(name.lower())
    owner = name.partition("/")[0]
    shown = repository(call, where) if where is not None else None
    return {"label": f"{owner}:{ref}", "ref": ref, "sha": sha, "user": user(call, owner), "repo": shown}


def pull(call: Call, repository: Repository, found: Issue, *, full: bool = False) -> dict[str, Any]:
    """Return a pull request; `full` as when it is asked for alone."""
    has = found.pull
    assert has is not None  # noqa: S101
    url = f"{call.base}/repos/{repository.name}/pulls/{found.number}"
    page = f"{call.host}/{repository.name}/pull/{found.number}"
    about = issue(call, repository, found)
    same: tuple[str, ...] = (
        "number",
        "state",
        "title",
        "body",
        "user",
        "labels",
        "assignee",
        "assignees",
        "milestone",
        "locked",
    )
    same += ("active_lock_reason", "closed_at", "created_at", "updated_at", "author_association")
    shown = {
        "id": found.id,
        "node_id": _node("PullRequest", found.id),
        "url": url,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": about["url"],
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{call.base}/repos/{repository.name}/pulls/comments{{/number}}",
        "comments_url": about["comments_url"],
        "statuses_url": f"{call.base}/repos/{repository.name}/statuses/{has.head_sha}",
        **{name: about[name] for name in same},
        "draft": has.draft,
        "requested_reviewers": [],
        "requested_teams": [],
        "merged_at": has.merged,
        "merge_commit_sha": has.merge_commit,
        "auto_merge": None,
        "head": _end(call, has.head_repository, has.head_ref, has.head_sha),
        "base": _end(call, repository.name, has.base_ref, has.base_sha),
    }
    parts = ("comments", "commits", "statuses", "review_comments", "review_comment")
    links = {name: {"href": shown[f"{name}_url"]} for name in parts}
    shown["_links"] = {
        **links,
        "html": {"href": page},
        "issue": {"href": about["url"]},
        "self": {"href": url},
    }
    return {**shown, **_counts(call, repository, has)} if full else shown


def _counts(call: Call, repository: Repository, has: Pull) -> dict[str, Any]:
    changes, commits = pull_changes(repository, has), pull_commits(repository, has)
    is_open = has.merged is None
    return {
        "merged": not is_open,
        "merged_by": user(call, has.merged_by) if has.merged_by else None,
        "mergeable": True if is_open else None,
        "rebaseable": True if is_open else None,
        "mergeable_state": "clean" if is_open else "unknown",
        "comments": 0,
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(commits),
        "changed_files": len(changes),
        "additions": sum(each.additions for each in changes),
        "deletions": sum(each.deletions for each in changes),
    }


def pull_changes(repository: Repository, has: Pull) -> list[Change]:
    """Return the changed files of a pull request: from where it parted from its base."""
    parted = repository.git.merge_base(has.base_sha, has.head_sha) or has.base_sha
    return repository.git.changes(parted, has.head_sha)


def pull_commits(repository: Repository, has: Pull) -> list[Commit]:
    """Return the commits of a pull request, the oldest first."""
    return list(reversed(repository.git.log(has.head_sha, has.base_sha)))


def review(call: Call, repository: Repository, number: int, found: Review) -> dict[str, Any]:
    """Return a review."""
    page = f"{call.host}/{repository.name}/pull/{number}"
    link = f"{page}#pullrequestreview-{found.id}"
    url = f"{call.base}/repos/{repository.name}/pulls/{number}"
    shown = {
        "id": found.id,
        "node_id": _node("PullRequestReview", found.id),
        "user": user(call, found.login),
        "body": found.body,
        "state": found.state,
        "html_url": link,
        "pull_request_url": url,
        "author_association": _association(call, repository, found.login),
        "_links": {"html": {"href": link}, "pull_request": {"href": url}},
        "commit_id": found.commit,
    }
    return {**shown, "submitted_at": found.submitted} if found.submitted else shown


def check_run(call: Call, repository: Repository, found: CheckRun) -> dict[str, Any]:
    """Return a check run."""
    url = f"{call.base}/repos/{repository.name}/check-runs/{found.id}"
    output = {name: found.output.get(name) for name in ("title", "summary", "text")}
    return {
        "id": found.id,
        "node_id": _node("CheckRun", found.id),
        "name": found.name,
        "head_sha": found.head,
        "external_id": found.external_id,
        "url": url,
        "html_url": f"{call.host}/{repository.name}/runs/{found.id}",
        "details_url": found.details_url or f"{call.host}/{repository.name}/runs/{found.id}",
        "status": found.status,
        "conclusion": found.conclusion,
        "started_at": found.started,
        "completed_at": found.completed,
        "output": {**output, "annotations_count": 0, "annotations_url": f"{url}/annotations"},
        "check_suite": {"id": found.app.id},
        "app": app(call, found.app),
        "pull_requests": [],
    }


def commit(call: Call, repository: Repository, found: Commit) -> dict[str, Any]:
    """Return a commit."""
    url = f"{call.base}/repos/{repository.name}"
    page = f"{call.host}/{repository.name}/commit"
    sides = {"author": found.author, "committer": found.committer}
    return {
        "sha": found.sha,
        "node_id": _node("Commit", int(found.sha[:8], 16)),
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


def workflow_run(call: Call, repository: Repository, found: WorkflowRun) -> dict[str, Any]:
    """Return a run of a workflow."""
    url = f"{call.base}/repos/{repository.name}/actions/runs/{found.id}"
    workflow = repository.workflow_ids.get(found.path, 0)
    at = repository.git.commit(found.head)
    who = {"name": at.author.name, "email": at.author.email}
    minimal = minimal_repository(call, repository)
    return {
        "id": found.id,
        "name": found.name,
        "node_id": _node("WorkflowRun", found.id),
        "head_branch": found.branch,
        "head_sha": found.head,
        "path": f"{found.path}",
        "display_title": found.name,
        "run_number": found.number,
        "run_attempt": found.attempt,
        "event": found.event,
        "status": found.status,
        "conclusion": found.conclusion,
        "workflow_id": workflow,
        "check_suite_id": found.id,
        "check_suite_node_id": _node("CheckSuite", found.id),
        "url": url,
        "html_url": f"{call.host}/{repository.name}/actions/runs/{found.id}",
        "pull_requests": [],
        "created_at": found.created,
        "updated_at": found.updated,
        "run_started_at": found.created,
        "actor": user(call, found.actor),
        "triggering_actor": user(call, found.actor),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{call.base}/repos/{repository.name}/check-suites/{found.id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": None,
        "workflow_url": f"{call.base}/repos/{repository.name}/actions/workflows/{workflow}",
        "head_commit": {
            "id": at.sha,
            "tree_id": at.tree,
            "message": at.message,
            "timestamp": at.committer.date,
            "author": who,
            "committer": who,
        },
        "repository": minimal,
        "head_repository": minimal,
    }


def job(call: Call, repository: Repository, run: WorkflowRun, known: dict[str, Any]) -> dict[str, Any]:
    """Return a job of a run."""
    number = known.get("id", run.id)
    api, page = f"{call.base}/repos/{repository.name}/actions", f"{call.host}/{repository.name}/actions/runs/{run.id}"
    return {
        "id": number,
        "run_id": run.id,
        "run_url": f"{api}/runs/{run.id}",
        "run_attempt": run.attempt,
        "node_id": _node("Job", number),
        "head_sha": run.head,
        "head_branch": run.branch,
        "workflow_name": run.name,
        "url": f"{api}/jobs/{number}",
        "html_url": f"{page}/job/{number}",
        "check_run_url": f"{call.base}/repos/{repository.name}/check-runs/{number}",
        "name": "job",
        "status": run.status,
        "conclusion": run.conclusion,
        "created_at": run.created,
        "started_at": run.created,
        "completed_at": run.updated if run.status == "completed" else None,
        "steps": [],
        "labels": [],
        **dict.fromkeys(("runner_id", "runner_name", "runner_group_id", "runner_group_name")),
        **known,
    }


def team(call: Call, found: Team) -> dict[str, Any]:
    """Return a team."""
    url = f"{call.base}/organizations/{call.state.account(found.organisation).id}/team/{found.id}"
    return {
        "id": found.id,
        "node_id": _node("Team", found.id),
        "url": url,
        "html_url": f"{call.host}/orgs/{found.organisation}/teams/{found.slug}",
        "name": found.slug,
        "slug": found.slug,
        "description": "",
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "pull",
        "type": "organization",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "parent": None,
        "created_at": _EPOCH,
        "updated_at": _EPOCH,
        "members_count": len(found.members),
        "repos_count": 0,
        "organization": _organisation(call, found.organisation),
    }


def _organisation(call: Call, login: str) -> dict[str, Any]:
    account = user(call, login)
    url = f"{call.base}/orgs/{account['login']}"
    same = {name: account[name] for name in ("login", "id", "node_id", "avatar_url", "html_url", "type")}
    lists = {f"{name}_url": f"{url}/{name}" for name in ("repos", "events", "hooks", "issues")}
    members = {"members_url": f"{url}/members{{/member}}", "public_members_url": f"{url}/public_members{{/member}}"}
    flags = {"has_organization_projects": True, "has_repository_projects": True}
    numbers = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = {"created_at": _EPOCH, "updated_at": _EPOCH, "archived_at": None}
    return {**same, "url": url, "description": None, **lists, **members, **flags, **numbers, **times}
