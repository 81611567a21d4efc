"""Read the files of a past day: the default branch's last commit by the end of that day, in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from reconciler.git.changes import find_commit
from reconciler.git.repository import COMMIT, Repository
from reconciler.model.errors import ReconcilerError, printable

#: Where the default branch is looked for, in this order, where `origin` does not name it.
_BRANCHES = ("refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


@dataclass(frozen=True)
class PastCommit:
    """A commit of the default branch."""

    commit: str
    at: datetime
    """When it was committed, in UTC."""
    branch: str
    """The branch, as people name it."""


def find_past_commit(repository: Repository, day: date, branch: str | None) -> PastCommit:
    """Return the last commit of a branch by the end of a day.

    The branch is followed along its first parents: the other parent of a merge was not on it before.

    Args:
        repository: The repository, with the history.
        day: The day, in UTC.
        branch: The branch; None for the default one.

    Raises:
        ReconcilerError: There is no such branch, or no commit by that day.
    """
    name = branch or _default_branch(repository)
    tip = find_commit(repository, name)
    # Git reads a small number of seconds as such only with a zone. The end of the day is the begin of the next one.
    end = int(datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC).timestamp()) - 1
    found = repository.run(
        "log", "-1", "--first-parent", "--no-show-signature", "--format=%H %ct", f"--before=@{end} +0000", tip, "--"
    )
    commit, _, seconds = found.decode("ascii", "replace").strip().partition(" ")
    shown = printable(name.removeprefix("refs/heads/").removeprefix("refs/remotes/"))
    if not COMMIT.fullmatch(commit):
        step = f"Name a later day, or fetch the whole history: {'`git fetch --unshallow`'}."
        raise ReconcilerError(f"{shown} has no commit by {day}\n    {step}")
    return PastCommit(commit, datetime.fromtimestamp(int(seconds), UTC), shown)


def _default_branch(repository: Repository) -> str:
    """Return the default branch: as `origin` has it, otherwise `main` or `master`."""
    try:
        answer = repository.run("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD").decode("utf-8", "replace")
    except ReconcilerError:
        answer = ""
    candidates = [name for name in (answer.strip(), *_BRANCHES) if _NAME.fullmatch(name)]
    for name in candidates:
        try:
            repository.run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except ReconcilerError:
            continue
        return name
    raise ReconcilerError("the repository has no branch main or master\n    Name the default branch with --branch.")
