"""`reconciler comment`: create or update the one comment of an environment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TextIO

import click

from reconciler.cli import Exit
from reconciler.cli.output import print_note
from reconciler.github.client import GitHub
from reconciler.github.comment import publish, supersede


def matches(pattern: str, wanted: str) -> Callable[[click.Context, click.Parameter, str], str]:
    """Return a check of an option's value."""

    def check(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
        if value and not re.fullmatch(pattern, value):
            raise click.BadParameter(f"expected {wanted}")
        return value

    return check


@click.command()
@click.option("--pull-request", "number", type=click.IntRange(min=1), required=True, help="The pull request's number.")
@click.option(
    "--environment",
    "-e",
    required=True,
    metavar="NAME",
    callback=matches(r"[A-Za-z0-9_][A-Za-z0-9_-]*", "a folder's name"),
    help="The environment, by the name of its folder.",
)
@click.option(
    "--commit",
    required=True,
    metavar="SHA",
    callback=matches(r"[0-9a-f]{40}", "40 hexadecimal digits"),
    help="The commit that was reviewed.",
)
@click.option(
    "--run-url",
    default="",
    metavar="URL",
    callback=matches(r"https?://[^\s()<>]+", "an address"),
    help="The address of the run, which the comment links to.",
)
@click.option("--superseded", is_flag=True, help="Mark an older commit's comment as superseded by this commit.")
@click.argument("file", type=click.File("r", encoding="utf-8"), required=False)
def comment(number: int, environment: str, commit: str, run_url: str, *, superseded: bool, file: TextIO | None) -> int:
    """Write FILE, the output of `reconciler review --format github`, as a comment on a pull request.

    Each environment has one comment, which a later call edits. A comment of someone else is never touched. Reads
    GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL.

    Exit codes: 0 done, 2 wrong usage, 3 GitHub failed.
    """
    if superseded == (file is not None):
        raise click.UsageError("give either FILE or --superseded")
    with GitHub.from_environment() as github:
        if file is None:
            done = supersede(github, number, environment, commit)
            print_note("marked the comment as superseded" if done else "no older comment to mark")
        else:
            print_note(publish(github, number, environment, commit, file.read(), run_url=run_url))
    return Exit.FINE
