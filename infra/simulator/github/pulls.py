"""Pull requests: their files and commits, reviews, and merges of all three kinds."""

from __future__ import annotations

from aiohttp import web

from simulator.github import render
from simulator.github.errors import ApiError, invalid, not_found
from simulator.github.git import Conflict
from simulator.github.issues import checked_body, checked_title, new_issue, set_state
from simulator.github.request import Call
from simulator.github.state import Issue, Pull, Repository, Review

_READ = {"pull_requests": "read"}
_WRITE = {"pull_requests": "write", "discuss": "read"}
_MOST_FILES = 3000
_MOST_COMMITS = 250
_EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


async def list_pulls(call: Call) -> web.Response:
    """List pull requests, the newest first."""
    repository = call.repository(**_READ)
    state, head, base = call.query("state", "open"), call.query("head"), call.query("base")
    found = [
        issue
        for issue, pull in repository.pulls()
        if state in ("all", issue.state)
        and head in ("", f"{pull.head_repository.partition('/')[0]}:{pull.head_ref}")
        and base in ("", pull.base_ref)
    ]
    found.sort(key=lambda each: each.number, reverse=call.query("direction", "desc") != "asc")
    return call.page([render.pull(call, repository, each) for each in found])


async def get_pull(call: Call) -> web.Response:
    """Get a pull request."""
    repository = call.repository(**_READ)
    issue, _ = call.pull(repository)
    return web.json_response(render.pull(call, repository, issue, full=True))


async def create_pull(call: Call) -> web.Response:
    """Open a pull request, also from a fork."""
    repository = call.repository(**_WRITE)
    sent = await call.body()
    title = checked_title("PullRequest", sent.get("title"))
    body = checked_body("PullRequest", sent.get("body"), required=False)
    base, head = str(sent.get("base", "")), str(sent.get("head", ""))
    owner, _, ref = head.rpartition(":")
    source = _fork(call, repository, owner) if owner else repository
    base_sha = repository.git.branch(base)
    if base_sha is None:
        raise invalid("PullRequest", "base", "invalid")
    head_sha = source.git.branch(ref) if source is not None else None
    if source is None or head_sha is None:
        raise invalid("PullRequest", "head", "invalid")
    if source is not repository:
        repository.git.fetch(source.git.folder, ref)
    if not repository.git.log(head_sha, base_sha, limit=1):
        raise invalid("PullRequest", "", "custom", f"No commits between {base} and {head}")
    for issue, pull in repository.pulls():
        if issue.state == "open" and (pull.head_repository, pull.head_ref, pull.base_ref) == (source.name, ref, base):
            text = f"A pull request already exists for {source.owner}:{ref}."
            raise invalid("PullRequest", "", "custom", text)
    found = new_issue(call, repository, title, body)
    found.pull = Pull(source.name, ref, head_sha, base, base_sha, draft=bool(sent.get("draft")))
    call.state.sync(repository)
    return web.json_response(render.pull(call, repository, found, full=True), status=201)


def _fork(call: Call, repository: Repository, owner: str) -> Repository | None:
    if owner.lower() == repository.owner.lower():
        return repository
    forks = (each for each in call.state.repositories.values() if each.parent == repository.name)
    return next((each for each in forks if each.owner.lower() == owner.lower()), None)


async def update_pull(call: Call) -> web.Response:
    """Change the title, the body or the state."""
    repository = call.repository(**_WRITE)
    issue, _ = call.pull(repository)
    sent = await call.body()
    if "title" in sent:
        issue.title = checked_title("PullRequest", sent["title"])
    if "body" in sent:
        issue.body = checked_body("PullRequest", sent["body"], required=False)
    if "state" in sent:
        set_state(call, issue, sent["state"])
    issue.updated = call.state.timestamp()
    return web.json_response(render.pull(call, repository, issue, full=True))


async def list_files(call: Call) -> web.Response:
    """List the changed files: at most 3,000."""
    repository = call.repository(**_READ)
    _, pull = call.pull(repository)
    found = render.pull_changes(repository, pull)[:_MOST_FILES]
    return call.page([render.change(call, repository, pull.head_sha, each) for each in found])


async def list_commits(call: Call) -> web.Response:
    """List the commits: at most 250."""
    repository = call.repository(**_READ)
    _, pull = call.pull(repository)
    found = render.pull_commits(repository, pull)[:_MOST_COMMITS]
    return call.page([render.commit(call, repository, each) for each in found])


async def is_merged(call: Call) -> web.Response:
    """Answer whether a pull request was merged."""
    _, pull = call.pull(call.repository(**_READ))
    if pull.merged is None:
        raise not_found()
    return web.Response(status=204)


async def merge(call: Call) -> web.Response:
    """Merge a pull request: a merge commit, one commit of all, or its commits one by one."""
    repository = call.repository(contents="write")
    issue, pull = call.pull(repository)
    sent = await call.body()
    if issue.state != "open" or pull.draft:
        raise ApiError(405, "Pull Request is not mergeable")
    if sent.get("sha") not in (None, pull.head_sha):
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    method = sent.get("merge_method", "merge")
    if method not in ("merge", "squash", "rebase"):
        raise invalid("PullRequest", "merge_method", "invalid")
    title = str(sent.get("commit_title") or "")
    sha = merge_pull(call, repository, issue, str(method), title=title, text=str(sent.get("commit_message") or ""))
    return web.json_response({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def merge_pull(
    call: Call, repository: Repository, issue: Issue, method: str, *, title: str = "", text: str = ""
) -> str:
    """Merge a pull request into its base branch; returns the commit that the branch is at then."""
    pull, git = issue.pull, repository.git
    assert pull is not None  # noqa: S101
    base = git.branch(pull.base_ref)
    if base is None:
        raise ApiError(405, "Base branch does not exist")
    who = call.state.signature(call.actor.login)
    own = git.log(pull.head_sha, base)
    try:
        if method == "rebase":
            created = git.rebase(git.merge_base(base, pull.head_sha) or base, base, pull.head_sha, who)
            sha, brought = (created or [base])[-1], created
        elif method == "squash":
            message = f"{title or f'{issue.title} (#{issue.number})'}\n\n{text}".strip()
            author = git.commit(own[-1].sha).author if own else who
            sha = git.create(git.merged_tree(base, pull.head_sha), [base], message, author, who)
            brought = [sha]
        else:
            head = f"{pull.head_repository.partition('/')[0]}/{pull.head_ref}"
            message = f"{title or f'Merge pull request #{issue.number} from {head}'}\n\n{text or issue.title}".strip()
            sha = git.create(git.merged_tree(base, pull.head_sha), [base, pull.head_sha], message, who)
            brought = [sha, *(each.sha for each in own)]
    except Conflict:
        raise ApiError(405, "Pull Request is not mergeable") from None
    git.update(f"refs/heads/{pull.base_ref}", sha)
    now = call.state.timestamp()
    pull.merged, pull.merged_by, pull.merge_commit = now, call.actor.login, sha
    pull.introduced = frozenset(brought)
    issue.state, issue.closed, issue.closed_by, issue.updated = "closed", now, call.actor.login, now
    return sha


async def list_reviews(call: Call) -> web.Response:
    """List the reviews, the oldest first; a pending one is shown to its author only."""
    repository = call.repository(**_READ)
    issue, pull = call.pull(repository)
    found = [each for each in pull.reviews if each.state != "PENDING" or each.login == call.actor.login]
    return call.page([render.review(call, repository, issue.number, each) for each in found])


async def create_review(call: Call) -> web.Response:
    """Review a pull request; without an event the review is pending."""
    repository = call.repository(**_WRITE)
    issue, pull = call.pull(repository)
    sent = await call.body()
    event = sent.get("event") or "PENDING"
    if event not in (*_EVENTS, "PENDING"):
        raise invalid("PullRequestReview", "event", "invalid")
    _may_submit(call, issue, str(event), sent.get("body"))
    commit = sent.get("commit_id") or pull.head_sha
    known = {pull.head_sha, *(each.sha for each in render.pull_commits(repository, pull))}
    if commit not in known:
        raise ApiError(422, "Unprocessable Entity", errors=["commit_id is not part of the pull request"])
    now = None if event == "PENDING" else call.state.timestamp()
    state = _EVENTS.get(str(event), "PENDING")
    found = Review(call.state.next_id(), call.actor.login, state, str(sent.get("body") or ""), str(commit), now)
    pull.reviews.append(found)
    return web.json_response(render.review(call, repository, issue.number, found))


def _may_submit(call: Call, issue: Issue, event: str, body: object) -> None:
    own = issue.login.lower() == call.actor.login.lower()
    if own and event in ("APPROVE", "REQUEST_CHANGES"):
        verb = "approve" if event == "APPROVE" else "request changes on"
        raise ApiError(422, "Unprocessable Entity", errors=[f"Can not {verb} your own pull request"])
    if event in ("REQUEST_CHANGES", "COMMENT") and not str(body or "").strip():
        raise ApiError(422, "Unprocessable Entity", errors=["Body can't be blank"])


async def submit_review(call: Call) -> web.Response:
    """Submit a pending review."""
    repository = call.repository(**_WRITE)
    issue, pull = call.pull(repository)
    found = _review(call, pull)
    sent = await call.body()
    if found.login != call.actor.login or found.state != "PENDING" or sent.get("event") not in _EVENTS:
        raise ApiError(422, "Unprocessable Entity")
    _may_submit(call, issue, str(sent["event"]), sent.get("body"))
    found.state, found.submitted = _EVENTS[sent["event"]], call.state.timestamp()
    found.body = str(sent.get("body") or found.body)
    return web.json_response(render.review(call, repository, issue.number, found))


async def dismiss_review(call: Call) -> web.Response:
    """Dismiss an approval or a request for changes."""
    repository = call.repository(pull_requests="write")
    issue, pull = call.pull(repository)
    found = _review(call, pull)
    if not str((await call.body()).get("message") or "").strip():
        raise ApiError(422, "Unprocessable Entity", errors=["Message can't be blank"])
    if found.state not in ("APPROVED", "CHANGES_REQUESTED"):
        text = f"Can not dismiss a {found.state.lower()} pull request review"
        raise ApiError(422, "Unprocessable Entity", errors=[text])
    found.state = "DISMISSED"
    return web.json_response(render.review(call, repository, issue.number, found))


def _review(call: Call, pull: Pull) -> Review:
    number = call.number("review")
    for each in pull.reviews:
        if each.id == number:
            return each
    raise not_found()
