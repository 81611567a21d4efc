"""Which stop-class consequences were reviewed: the check run on the head that code owners approved."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from reconciler.github.client import GitHub
from reconciler.github.codeowners import CodeOwners
from reconciler.github.history import History
from reconciler.model.errors import ReconcilerError
from reconciler.review.consequence import FINGERPRINT

#: GitHub Actions' App, whose token every workflow of a repository has.
ACTIONS = "github-actions"
_LONGEST = 60_000
_MOST_FILES = 3000


def record(github: GitHub, environment: str, commit: str, fingerprints: Iterable[str], app: int | None) -> None:
    """Create the check run on a commit that holds what a review of it found.

    Args:
        github: The repository, with a token of the App that `reviewed` counts.
        environment: The environment's name.
        commit: The head of the pull request.
        fingerprints: Those of the stop-class consequences.
        app: The id of the GitHub App that the token has to be of. Without it, GitHub Actions'.
    """
    found = sorted(set(fingerprints))
    text = json.dumps({"environment": environment, "commit": commit, "fingerprints": found})
    if len(text) > _LONGEST:
        raise ReconcilerError("the review has more consequences than one check run holds\n    Split the pull request.")
    output = {"title": "Review", "summary": f"{len(found)} to approve", "text": text}
    body = {"name": f"reconciler/{environment}", "head_sha": commit, "status": "completed", "conclusion": "success"}

    def find() -> dict[str, Any] | None:
        same = [each for each in _runs(github, environment, commit, app) if (each["output"] or {}).get("text") == text]
        return same[0] if same else None

    created = github.create("/check-runs", {**body, "output": output}, find)
    if not _is_of(created, app):
        raise ReconcilerError(
            f"the token is of the GitHub App {_name(created)}, and a merge counts {_wanted(app)}\n"
            "    Set GITHUB_TOKEN to a token of that App, or --app to the id of the token's."
        )


def reviewed(
    github: GitHub, environment: str, commit: str, app: int | None, *, since: str
) -> tuple[set[str], list[str]]:
    """Return the fingerprints that were reviewed for a push, and why a pull request does not count.

    Args:
        github: The repository.
        environment: The environment's name.
        commit: The pushed commit.
        app: The id of the GitHub App whose check runs count. Without it, GitHub Actions'.
        since: The commit before the push, so that all pull requests that it has brought count.
    """
    history = History(github)
    found: set[str] = set()
    reasons = []
    pulls = history.merged(since, commit)
    for pull in pulls:
        number = pull["number"]
        approved, reason = _approved(github, history, pull)
        if reason:
            reasons.append(f"#{number}: {reason}")
            continue
        recorded = _recorded(github, environment, pull["head"]["sha"], approved, app)
        if recorded is None:
            run = f"no check run reconciler/{environment} of {_wanted(app)} from before its approval"
            reasons.append(f"#{number}: {run}")
            continue
        found |= recorded
    return found, reasons if pulls else ["no pull request was merged with this push"]


def _approved(github: GitHub, history: History, pull: dict[str, Any]) -> tuple[str, str]:
    """Return the time at which owners of every touched file had approved the head, or why they have not."""
    number = pull["number"]
    approvals = _approvals(github, pull)
    if not approvals:
        return "", "no one but its author has approved its last commit"
    files = github.list(f"/pulls/{number}/files")
    if not files or len(files) >= _MOST_FILES:
        return "", f"it touches no file, or {_MOST_FILES:,} files or more"
    before = history.commit_before(pull)
    owners = _owners(github, before) if before else None
    if owners is None:
        return "", "its base branch has no CODEOWNERS file that can be read"
    judges = _Owners(github, owners)
    since = ""
    for path in sorted({path for file in files for path in (file["filename"], file.get("previous_filename")) if path}):
        times = [at for login, at in approvals.items() if judges.own(path, login)]
        if not times:
            return "", judges.explain(path)
        # Two owners of one file: the later has seen what was recorded meanwhile.
        since = min(since or max(times), max(times))
    return since, ""


def _approvals(github: GitHub, pull: dict[str, Any]) -> dict[str, str]:
    """Return who approves the head, and since when: the last word of each but the author."""
    last: dict[str, dict[str, Any]] = {}
    for review in github.list(f"/pulls/{pull['number']}/reviews"):
        if review.get("user") and review["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            last[review["user"]["login"].lower()] = review
    return {
        login: review["submitted_at"]
        for login, review in last.items()
        if review["state"] == "APPROVED"
        and review["commit_id"] == pull["head"]["sha"]
        and login != ((pull.get("user") or {}).get("login") or "").lower()
    }


class _Owners:
    """The owners of files, with what was asked about teams."""

    def __init__(self, github: GitHub, rules: CodeOwners) -> None:
        self._github = github
        self._rules = rules
        self._known: dict[tuple[str, str], bool | None] = {}

    def own(self, path: str, login: str) -> bool:
        """Return whether a user is an owner of a file."""
        return any(self._is_owner(owner, login) for owner in self._rules.of(path))

    def explain(self, path: str) -> str:
        """Return why no approval is of an owner of this file."""
        owners = self._rules.of(path)
        if not owners:
            return f"CODEOWNERS names no owner of {path}"
        unread = sorted({owner for (owner, _), known in self._known.items() if known is None and owner in owners})
        if unread:
            return f"GITHUB_TOKEN may not read the members of {', '.join(unread)}, which owns {path}"
        return f"no approval of its last commit by an owner of {path} ({', '.join(owners)})"

    def _is_owner(self, owner: str, login: str) -> bool:
        if (owner, login) not in self._known:
            organisation, _, team = owner.removeprefix("@").lower().partition("/")
            if not owner.startswith("@"):
                self._known[owner, login] = False  # an address: GitHub does not say whose
            elif team:
                self._known[owner, login] = self._github.is_team_member(organisation, team, login)
            else:
                self._known[owner, login] = organisation == login
        return self._known[owner, login] is True


def _owners(github: GitHub, commit: str) -> CodeOwners | None:
    for path in (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"):
        found = github.get(f"/contents/{path}", missing=True, ref=commit)
        if found is not None:
            if not isinstance(found, dict) or found.get("encoding") != "base64":
                return None  # a folder, or larger than GitHub reads
            return CodeOwners(base64.b64decode(found["content"]).decode("utf-8", "replace"))
    return None


def _is_of(run: dict[str, Any], app: int | None) -> bool:
    """Return whether a check run was created by the App with this id, or else by GitHub Actions."""
    found = run.get("app") or {}
    return found.get("slug") == ACTIONS if app is None else found.get("id") == app


def _name(run: dict[str, Any]) -> str:
    found = run.get("app") or {}
    return f"{found.get('slug')} ({found.get('id')})"


def _wanted(app: int | None) -> str:
    return ACTIONS if app is None else f"the App {app}"


def _runs(github: GitHub, environment: str, head: str, app: int | None) -> list[dict[str, Any]]:
    name = f"reconciler/{environment}"
    query = {"check_name": name, "filter": "all", **({} if app is None else {"app_id": str(app)})}
    runs = github.list(f"/commits/{head}/check-runs", "check_runs", **query)
    return [run for run in runs if _is_of(run, app) and (run["name"], run["head_sha"]) == (name, head)]


def _recorded(github: GitHub, environment: str, head: str, before: str, app: int | None) -> set[str] | None:
    runs = _runs(github, environment, head, app)
    own = [run for run in runs if run.get("completed_at") and run["completed_at"] <= before]
    if not own:
        return None
    try:
        content = json.loads(max(own, key=lambda run: run["id"])["output"]["text"])
        found = set(content["fingerprints"])
        right = (content["environment"], content["commit"]) == (environment, head)
    except (ValueError, TypeError, KeyError):
        return None
    return found if right and all(FINGERPRINT.fullmatch(str(each)) for each in found) else None
