"""`reconciler record`: create the check run that holds what a review found."""

from __future__ import annotations

from typing import BinaryIO

import click

from reconciler.cli import Exit
from reconciler.cli.options import app_option, commit_option, named_environment_option
from reconciler.cli.review_page import read_review
from reconciler.github import reviewed
from reconciler.github.client import GitHub
from reconciler.model.errors import ReconcilerError
from reconciler.review.review_document import Item, ReviewDocument

review_option = click.option(
    "--review",
    "file",
    type=click.File("rb"),
    required=True,
    help="The output of `reconciler review --format json`; - for stdin.",
)


def read_comparable(file: BinaryIO, environment: str) -> ReviewDocument:
    """Return a review that can be recorded and compared.

    Raises `ReconcilerError` for a review of a run that is rejected, which has no consequences, for a simulation, and
    for a quick review.
    """
    found = read_review(file, environment)
    if found.simulated:
        raise ReconcilerError(
            f"the review of {environment} is a simulation, which can be neither recorded nor compared\n"
            "    Review the environment without `--base`."
        )
    if found.quick is not None:
        raise ReconcilerError(
            f"the review of {environment} is a quick one, which can be neither recorded nor compared\n"
            "    Review the environment without `--changed`."
        )
    if found.rejected:
        raise ReconcilerError(
            f"the run of {environment} is rejected, so there is nothing to compare\n"
            "    Read why in the review, correct that, and review again."
        )
    return found


def stops_of(found: ReviewDocument) -> dict[str, Item]:
    """Return the stop-class consequences of a review by fingerprint."""
    return {each.fingerprint: each for each in found.items if each.fingerprint is not None}


@click.command()
@named_environment_option
@commit_option
@review_option
@app_option
def record(environment: str, commit: str, file: BinaryIO, app: int | None) -> int:
    """Create the check run `reconciler/NAME` on a pull request's head, for `reconciler agrees` to read.

    With --app, GITHUB_TOKEN has to be an installation token of that GitHub App.

    Exit codes: 0 done; 2 wrong usage; 3 GitHub failed.
    """
    stops = stops_of(read_comparable(file, environment))
    with GitHub.from_environment() as github:
        reviewed.record(github, environment, commit, stops, app)
    return Exit.FINE
