"""The repository: commits, comparisons and files."""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web

from simulator.github import render
from simulator.github.errors import ApiError, not_found
from simulator.github.request import Call
from simulator.github.state import Issue, Pull, Repository

_LARGEST_JSON = 1_000_000
_LARGEST = 100_000_000
_MOST_COMPARED = 250
_MOST_FILES = 300


async def get_repository(call: Call) -> web.Response:
    """Get the repository."""
    return web.json_response(render.repository(call, call.repository(metadata="read")))


async def list_commits(call: Call) -> web.Response:
    """List commits, the newest first."""
    repository = call.repository(contents="read")
    name = call.query("sha") or repository.default_branch
    head = repository.git.resolve(name)
    if head is None:
        raise not_found()
    return call.page([render.commit(call, repository, each) for each in repository.git.log(head)])


async def get_commit(call: Call) -> web.Response:
    """Get a commit with its files."""
    repository = call.repository(contents="read")
    found = repository.git.commit(call.commit(repository, call.path("ref")))
    changes = repository.git.changes(found.parents[0], found.sha) if found.parents else []
    shown = render.commit(call, repository, found)
    shown["stats"] = {
        "total": sum(each.additions + each.deletions for each in changes),
        "additions": sum(each.additions for each in changes),
        "deletions": sum(each.deletions for each in changes),
    }
    shown["files"] = [render.change(call, repository, found.sha, each) for each in changes[:_MOST_FILES]]
    return web.json_response(shown)


async def get_git_commit(call: Call) -> web.Response:
    """Get a commit as git has it."""
    repository = call.repository(contents="read")
    if repository.git.resolve(call.path("ref")) != call.path("ref"):
        raise not_found()
    shown = render.commit(call, repository, repository.git.commit(call.path("ref")))
    inner = shown["commit"]
    unsigned = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
    same = {name: shown[name] for name in ("sha", "node_id", "html_url", "parents")}
    parts = {name: inner[name] for name in ("author", "committer", "message", "tree", "url")}
    return web.json_response({**same, **parts, "verification": unsigned})


async def pulls_of_commit(call: Call) -> web.Response:
    """List the merged pull request that brought a commit to the default branch; else those that have it."""
    repository = call.repository(pull_requests="read", contents="read")
    sha = call.commit(repository, call.path("ref"))
    default = repository.git.branch(repository.default_branch)
    is_in = default is not None and repository.git.contains(default, sha)
    found = [
        issue
        for issue, pull in repository.pulls()
        if sha in pull.introduced or (not is_in and _has(repository, issue, pull, sha))
    ]
    return call.page([render.pull(call, repository, each) for each in found])


def _has(repository: Repository, issue: Issue, pull: Pull, sha: str) -> bool:
    if issue.state != "open" and not pull.merged:
        return False
    return any(each.sha == sha for each in render.pull_commits(repository, pull))


async def compare(call: Call) -> web.Response:
    """Compare two commits: what the second has that the first lacks, the oldest first."""
    repository = call.repository(contents="read")
    base_name, dots, head_name = call.path("basehead").partition("...")
    base, head = repository.git.resolve(base_name), repository.git.resolve(head_name)
    if not dots or base is None or head is None:
        raise not_found()
    git = repository.git
    parted = git.merge_base(base, head)
    if parted is None:
        raise ApiError(404, f"No common ancestor between {base_name} and {head_name}.")
    commits = list(reversed(git.log(head, base)))
    behind = git.count(base, head)
    paged = "page" in call.request.query or "per_page" in call.request.query
    size, number = (call.page_size(), call.page_number()) if paged else (_MOST_COMPARED, 1)
    part = commits[(number - 1) * size : number * size] if paged else commits[-_MOST_COMPARED:]
    states = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind", (False, False): "identical"}
    page = f"{call.host}/{repository.name}/compare/{base_name}...{head_name}"
    shown: dict[str, Any] = {
        "url": f"{call.base}/repos/{repository.name}/compare/{base_name}...{head_name}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": render.commit(call, repository, git.commit(base)),
        "merge_base_commit": render.commit(call, repository, git.commit(parted)),
        "status": states[bool(commits), bool(behind)],
        "ahead_by": len(commits),
        "behind_by": behind,
        "total_commits": len(commits),
        "commits": [render.commit(call, repository, each) for each in part],
    }
    if number == 1:
        changes = git.changes(parted, head)[:_MOST_FILES]
        shown["files"] = [render.change(call, repository, head, each) for each in changes]
    answer = web.json_response(shown)
    if paged:
        call.link(answer, len(commits), number, size)
    return answer


async def get_content(call: Call) -> web.Response:
    """Get a file, or the list of what a folder has."""
    repository = call.repository(contents="read")
    name, path = call.query("ref") or repository.default_branch, call.path("path").strip("/")
    commit = repository.git.resolve(name)
    if commit is None:
        raise ApiError(404, f"No commit found for the ref {name}")
    if ".." in path.split("/"):
        raise ApiError(400, "path contains a malformed path component")
    if (found := repository.git.file(commit, path)) is None:
        entries = repository.git.folder_entries(commit, path)
        if entries is None:
            raise not_found()
        kinds = {"blob": "file", "tree": "dir"}
        return web.json_response(
            [
                _entry(call, repository, commit, kind=kinds.get(kind, kind), sha=sha, path=file)
                for kind, sha, file in entries
            ]
        )
    blob, content = found
    if len(content) > _LARGEST:
        raise ApiError(403, "This API returns blobs up to 100 MB in size.")
    if "raw" in call.request.headers.get("Accept", ""):
        return web.Response(body=content, content_type="application/vnd.github.raw+json")
    shown = _entry(call, repository, commit, kind="file", sha=blob, path=path, size=len(content))
    if len(content) > _LARGEST_JSON:
        return web.json_response({**shown, "content": "", "encoding": "none"})
    text = base64.encodebytes(content).decode()
    return web.json_response({**shown, "content": text, "encoding": "base64"})


def _entry(
    call: Call, repository: Repository, commit: str, *, kind: str, sha: str, path: str, size: int = 0
) -> dict[str, Any]:
    url = f"{call.base}/repos/{repository.name}/contents/{path}?ref={commit}"
    git_url = f"{call.base}/repos/{repository.name}/git/{'blobs' if kind == 'file' else 'trees'}/{sha}"
    page = f"{call.host}/{repository.name}/{'blob' if kind == 'file' else 'tree'}/{commit}/{path}"
    return {
        "type": kind,
        "size": size,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "url": url,
        "git_url": git_url,
        "html_url": page,
        "download_url": f"{call.host}/{repository.name}/raw/{commit}/{path}" if kind == "file" else None,
        "_links": {"self": url, "git": git_url, "html": page},
    }


async def get_branch(call: Call) -> web.Response:
    """Get a branch."""
    repository = call.repository(contents="read")
    name = call.path("branch")
    sha = repository.git.branch(name)
    if sha is None:
        raise ApiError(404, "Branch not found")
    url = f"{call.base}/repos/{repository.name}/branches/{name}"
    return web.json_response(
        {
            "name": name,
            "commit": render.commit(call, repository, repository.git.commit(sha)),
            "_links": {"html": f"{call.host}/{repository.name}/tree/{name}", "self": url},
            "protected": False,
            "protection": {"enabled": False},
            "protection_url": f"{url}/protection",
        }
    )
