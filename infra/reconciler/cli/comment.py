"""`reconciler comment`: create or update the one comment of an environment on a pull request."""

from __future__ import annotations

from typing import BinaryIO

import click

from reconciler.cli import Exit
from reconciler.cli.options import commit_option, optional_stack_option, run_url_option
from reconciler.cli.output import REPORTERS, print_note
from reconciler.cli.review_page import LONGEST, build_page, cut_page, read_review
from reconciler.github.client import GitHub
from reconciler.github.comment import publish, supersede


@click.command()
@click.option("--pull-request", "number", type=click.IntRange(min=1), required=True, help="The pull request's number.")
@optional_stack_option
@commit_option
@run_url_option
@click.option(
    "--superseded",
    is_flag=True,
    help="Mark comments on older commits as superseded by this commit. Without -e, those of all stacks.",
)
@click.option("--code-changed", is_flag=True, help="State at the top that the pull request changes code too.")
@click.option("--simulated", is_flag=True, help="Accept only a simulation: the file's job read a stranger's files.")
@click.argument("file", type=click.File("rb"), required=False)
def comment(
    number: int,
    environment: str | None,
    commit: str,
    run_url: str,
    *,
    superseded: bool,
    code_changed: bool,
    simulated: bool,
    file: BinaryIO | None,
) -> int:
    """Write a review as a comment on a pull request.

    FILE is the output of `reconciler review --format json`.

    The file may come from a job that read a stranger's files: everything in it is shown as text.

    Each stack has one comment, which a later call edits. It never changes a comment of another author. A quick
    review does not replace the full one of the same commit.

    Reads GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL.

    Exit codes: 0 done; 2 wrong usage; 3 GitHub failed.
    """
    if superseded == (file is not None):
        raise click.UsageError("choose either FILE or --superseded")
    if file is not None and not environment:
        raise click.UsageError("name the stack of the review with -e")
    with GitHub.from_environment() as github:
        if file is None or not environment:
            done = supersede(github, number, environment, commit)
            print_note(f"marked as superseded: {', '.join(done)}" if done else "no older comment to mark")
        else:
            found = read_review(file, environment)
            if simulated and not found.simulated:
                raise click.UsageError("the review is not a simulation, so its fingerprints are not shown")
            page = cut_page(build_page(found, code_changed=code_changed), LONGEST)
            text = REPORTERS["github"].format_page(page)
            is_full = found.quick is None
            print_note(publish(github, number, environment, commit, text, run_url=run_url, is_full=is_full))
    return Exit.FINE
