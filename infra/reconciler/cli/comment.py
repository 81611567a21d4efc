"""`reconciler comment`: create or update the one comment of an environment on a pull request."""

from __future__ import annotations

from typing import BinaryIO

import click

from reconciler.cli import Exit
from reconciler.cli.options import commit_option, named_environment_option, run_url_option
from reconciler.cli.output import REPORTERS, print_note
from reconciler.cli.review_page import LONGEST, build_page, cut_page, read_review
from reconciler.github.client import GitHub
from reconciler.github.comment import publish, supersede


@click.command()
@click.option("--pull-request", "number", type=click.IntRange(min=1), required=True, help="The pull request's number.")
@named_environment_option
@commit_option
@run_url_option
@click.option("--superseded", is_flag=True, help="Mark an older commit's comment as superseded by this commit.")
@click.option("--code-changed", is_flag=True, help="Say on top that the pull request changes code too.")
@click.argument("file", type=click.File("rb"), required=False)
def comment(
    number: int,
    environment: str,
    commit: str,
    run_url: str,
    *,
    superseded: bool,
    code_changed: bool,
    file: BinaryIO | None,
) -> int:
    """Write a review as a comment on a pull request.

    FILE is the output of `reconciler review --format json`.

    The file may come from a job that read a stranger's files: everything in it is shown as text.

    Each environment has one comment, which a later call edits. It never changes a comment of another author. A quick
    review does not replace the full one of the same commit.

    Reads GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL.

    Exit codes: 0 done; 2 wrong usage; 3 GitHub failed.
    """
    if superseded == (file is not None):
        raise click.UsageError("give either FILE or --superseded")
    found = None if file is None else read_review(file, environment)
    with GitHub.from_environment() as github:
        if found is None:
            done = supersede(github, number, environment, commit)
            print_note("marked the comment as superseded" if done else "no older comment to mark")
        else:
            page = cut_page(build_page(found, code_changed=code_changed), LONGEST)
            text = REPORTERS["github"].format_page(page)
            is_full = found.quick is None
            print_note(publish(github, number, environment, commit, text, run_url=run_url, is_full=is_full))
    return Exit.FINE
