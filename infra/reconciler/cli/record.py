"""`reconciler record`: create the check run that holds what a review found."""

from __future__ import annotations

import json
from typing import Any, TextIO

import click

from reconciler.cli import Exit
from reconciler.cli.options import app_option, commit_option, named_environment_option
from reconciler.github import reviewed
from reconciler.github.client import GitHub
from reconciler.model import commands
from reconciler.model.errors import ReconcilerError
from reconciler.review.consequence import FINGERPRINT

review_option = click.option(
    "--review",
    "file",
    type=click.File("r", encoding="utf-8"),
    required=True,
    help="The output of `reconciler review --format json`; - for stdin.",
)


def read_stops(file: TextIO, environment: str) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """Return the stop-class consequences of a review by fingerprint, and the scheduled ones.

    Raises `ReconcilerError` for a review of a run that is rejected: it has no consequences, and is no agreement.
    """
    try:
        content = json.load(file)
        right = content["environment"] == environment
        stops = {str(each["fingerprint"]): each for each in content["consequences"] if each["class"] == "stop"}
        scheduled = {str(each) for each in content["scheduled"]}
        rejected = bool(content.get("rejected"))
        if not all(FINGERPRINT.fullmatch(each) for each in {*stops, *scheduled}):
            raise ValueError("a fingerprint has another form")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        command = commands.reconciler("review", "--format", "json", environment=environment)
        raise click.UsageError(f"--review is no output of {command}") from error
    if not right:
        raise click.UsageError(f"--review is not about {environment}")
    if rejected:
        raise ReconcilerError(
            f"the run of {environment} is rejected, so there is nothing to compare\n"
            "    Read why in the review, correct that, and review again."
        )
    return stops, scheduled


@click.command()
@named_environment_option
@commit_option
@review_option
@app_option
def record(environment: str, commit: str, file: TextIO, app: int | None) -> int:
    """Create the check run `reconciler/NAME` on a pull request's head, for `reconciler agrees` to read.

    With --app, GITHUB_TOKEN has to be an installation token of that GitHub App.

    Exit codes: 0 done, 2 wrong usage, 3 GitHub failed.
    """
    stops, _ = read_stops(file, environment)
    with GitHub.from_environment() as github:
        reviewed.record(github, environment, commit, stops, app)
    return Exit.FINE
