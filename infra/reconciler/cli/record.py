"""`reconciler record`: create the check run that holds what a review found."""

from __future__ import annotations

import json
from typing import Any, TextIO

import click

from reconciler.cli import Exit
from reconciler.cli.comment import matches
from reconciler.github import reviewed
from reconciler.github.client import GitHub

environment_option = click.option(
    "--environment",
    "-e",
    required=True,
    metavar="NAME",
    callback=matches(r"[A-Za-z0-9_][A-Za-z0-9_-]*", "a folder's name"),
    help="The environment, by the name of its folder.",
)
commit_option = click.option(
    "--commit",
    required=True,
    metavar="SHA",
    callback=matches(r"[0-9a-f]{40}", "40 hexadecimal digits"),
    help="The commit.",
)
review_option = click.option(
    "--review",
    "file",
    type=click.File("r", encoding="utf-8"),
    required=True,
    help="The output of `reconciler review --format json`; - for stdin.",
)


def read_stops(file: TextIO, environment: str) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """Return the stop-class consequences of a review by fingerprint, and the scheduled ones."""
    try:
        content = json.load(file)
        right = content["environment"] == environment
        stops = {str(each["fingerprint"]): each for each in content["consequences"] if each["class"] == "stop"}
        scheduled = {str(each) for each in content["scheduled"]}
    except (ValueError, KeyError, TypeError) as error:
        raise click.UsageError("--review is no output of `reconciler review --format json`") from error
    if not right:
        raise click.UsageError(f"--review is not about {environment}")
    return stops, scheduled


@click.command()
@environment_option
@commit_option
@review_option
def record(environment: str, commit: str, file: TextIO) -> int:
    """Create the check run `reconciler/NAME` on a pull request's head, for `reconciler agrees` to read.

    Exit codes: 0 done, 2 wrong usage, 3 GitHub failed.
    """
    stops, _ = read_stops(file, environment)
    with GitHub.from_environment() as github:
        reviewed.record(github, environment, commit, stops)
    return Exit.FINE
