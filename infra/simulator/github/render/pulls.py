"""Pull requests and reviews, as the API shows them."""

from __future__ import annotations

from typing import Any

from simulator.github.git import Change, Commit
from simulator.github.render.issues import association, issue
from simulator.github.render.people import user
from simulator.github.render.repositories import repository
from simulator.github.render.shared import node_id
from simulator.github.request import Call
from simulator.github.state import Issue, Pull, Repository, Review


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
        "node_id": node_id("PullRequest", found.id),
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
    """Return the changed files of a pull request, since its merge base."""
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
        "node_id": node_id("PullRequestReview", found.id),
        "user": user(call, found.login),
        "body": found.body,
        "state": found.state,
        "html_url": link,
        "pull_request_url": url,
        "author_association": association(call, repository, found.login),
        "_links": {"html": {"href": link}, "pull_request": {"href": url}},
        "commit_id": found.commit,
    }
    return {**shown, "submitted_at": found.submitted} if found.submitted else shown
