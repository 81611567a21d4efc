"""`reconciler comment`: create or update the one comment of an environment on a pull request."""

from __future__ import annotations

from typing import TextIO

import click

from reconciler.cli import Exit
from reconciler.cli.options import commit_option, named_environment_option, run_url_option
from reconciler.cli.output import print_note
from reconciler.github.client import GitHub
from reconciler.github.comment import publish, supersede


@click.command()
@click.option("--pull-request", "number", type=click.IntRange(min=1), required=True, help="The pull request's number.")
@named_environment_option
@commit_option
@run_url_option
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
