"""Which stop-class consequences were reviewed: the check run on the head that code owners approved."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from reconciler.github.client import GitHub
from reconciler.github.codeowners import CodeOwners
from reconciler.model.errors import ReconcilerError
from reconciler.review.consequence import FINGERPRINT

#: GitHub Actions' App, whose token every workflow of a repository has.
ACTIONS = "github-actions"
_LONGEST = 60_000
_MOST_FILES = 3000


def record(github: GitHub, environment: str, commit: str, fingerprints: Iterable[str], app: int | None = None) -> None:
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
    created = github.post("/check-runs", {**body, "output": output})
    if not _is_of(created, app):
        raise ReconcilerError(
            f"the token is of the GitHub App {_name(created)}, and `reconciler agrees` counts {_wanted(app)}\n"
            "    Set GITHUB_TOKEN to a token of that App, or --app to the id of the token's."
        )


def reviewed(github: GitHub, environment: str, commit: str, app: int | None = None) -> tuple[set[str], list[str]]:
    """Return the fingerprints that were reviewed for a pushed commit, and why a pull request does not count.

    Args:
        github: The repository.
        environment: The environment's name.
        commit: The pushed commit.
        app: The id of the GitHub App whose check runs count. Without it, GitHub Actions'.
    """
    found: set[str] = set()
    reasons = []
    pulls = [each for each in github.list(f"/commits/{commit}/pulls") if _is_merged_as(each, github, commit)]
    for pull in pulls:
        approvals = _approvals(github, pull)
        if approvals is None:
            reasons.append(f"#{pull['number']}: no approval of its last commit by a code owner of every file")
            continue
        recorded = _recorded(github, environment, pull["head"]["sha"], min(approvals), app)
        if recorded is None:
            run = f"no check run reconciler/{environment} of {_wanted(app)} from before its approval"
            reasons.append(f"#{pull['number']}: {run}")
            continue
        found |= recorded
    return found, reasons if pulls else ["no pull request was merged as this commit"]


def _is_merged_as(pull: dict[str, Any], github: GitHub, commit: str) -> bool:
    base = pull["base"]
    own = base["repo"]["full_name"] == github.repository and base["ref"] == base["repo"]["default_branch"]
    return own and bool(pull.get("merged_at")) and pull.get("merge_commit_sha") == commit


def _approvals(github: GitHub, pull: dict[str, Any]) -> list[str] | None:
    """Return when the owners approved the head; `None` unless each touched file has an owner who did."""
    number, author = pull["number"], pull["user"]["login"].lower()
    last: dict[str, dict[str, Any]] = {}
    for review in github.list(f"/pulls/{number}/reviews"):
        if review.get("user") and review["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            last[review["user"]["login"].lower()] = review
    approved = {
        login: review["submitted_at"]
        for login, review in last.items()
        if review["state"] == "APPROVED" and review["commit_id"] == pull["head"]["sha"] and login != author
    }
    files = github.list(f"/pulls/{number}/files")
    owners = _owners(github, pull["base"]["sha"])
    if owners is None or not files or len(files) >= _MOST_FILES:
        return None
    counted: list[str] = []
    known: dict[tuple[str, str], bool] = {}
    paths = {path for file in files for path in (file["filename"], file.get("previous_filename")) if path}
    for path in sorted(paths):
        here = []
        for owner in owners.of(path):
            for login, at in approved.items():
                if (owner, login) not in known:
                    known[owner, login] = _is_owner(github, owner, login)
                here += [at] if known[owner, login] else []
        if not here:
            return None
        counted.append(min(here))
    return counted


def _is_owner(github: GitHub, owner: str, login: str) -> bool:
    name = owner.removeprefix("@").lower()
    if not owner.startswith("@"):
        return False
    organisation, _, team = name.partition("/")
    return github.is_team_member(organisation, team, login) if team else name == login


def _owners(github: GitHub, commit: str) -> CodeOwners | None:
    for path in (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"):
        found = github.get(f"/contents/{path}", missing=True, ref=commit)
        if found is not None:
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


def _recorded(github: GitHub, environment: str, head: str, before: str, app: int | None) -> set[str] | None:
    name = f"reconciler/{environment}"
    query = {"check_name": name, "filter": "all", **({} if app is None else {"app_id": str(app)})}
    runs = github.list(f"/commits/{head}/check-runs", "check_runs", **query)
    own = [
        run
        for run in runs
        if _is_of(run, app)
        and (run["name"], run["head_sha"]) == (name, head)
        and run.get("completed_at")
        and run["completed_at"] <= before
    ]
    if not own:
        return None
    try:
        content = json.loads(max(own, key=lambda run: run["id"])["output"]["text"])
        found = set(content["fingerprints"])
        right = (content["environment"], content["commit"]) == (environment, head)
    except (ValueError, TypeError, KeyError):
        return None
    return found if right and all(FINGERPRINT.fullmatch(str(each)) for each in found) else None
