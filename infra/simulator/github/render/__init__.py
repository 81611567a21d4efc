"""Objects of the local GitHub as the API shows them."""

from __future__ import annotations

from simulator.github.render.issues import comment, issue
from simulator.github.render.people import app, team, user
from simulator.github.render.pulls import pull, pull_changes, pull_commits, review
from simulator.github.render.repositories import change, commit, label, minimal_repository, repository
from simulator.github.render.runs import check_run, job, workflow_run

__all__ = [
    "app",
    "change",
    "check_run",
    "comment",
    "commit",
    "issue",
    "job",
    "label",
    "minimal_repository",
    "pull",
    "pull_changes",
    "pull_commits",
    "repository",
    "review",
    "team",
    "user",
    "workflow_run",
]
