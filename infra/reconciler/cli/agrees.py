"""`reconciler agrees`: check that a merge does only what was reviewed."""

from __future__ import annotations

from typing import BinaryIO

import click

from reconciler.cli import Exit
from reconciler.cli.options import app_option, commit_option, named_environment_option
from reconciler.cli.output import print_note, print_text, without_commands
from reconciler.cli.record import read_stops, review_option
from reconciler.github.client import GitHub
from reconciler.github.reviewed import reviewed
from reconciler.model.errors import printable


@click.command()
@named_environment_option
@commit_option
@review_option
@app_option
@click.option("--approve", "approved", multiple=True, metavar="FINGERPRINT", help="Approve this one; repeatable.")
def agrees(environment: str, commit: str, file: BinaryIO, app: int | None, approved: tuple[str, ...]) -> int:
    """Compare a fresh review with what code owners approved for the pushed commit.

    What was reviewed is in a check run of the pull request's head. With --app only check runs of that GitHub App count.
    Without it those of GitHub Actions do, which any workflow of the repository can write, on any branch.

    Exit codes: 0 all is reviewed, scheduled or approved, 1 something is new, 2 wrong usage, 3 GitHub failed.
    """
    stops, scheduled = read_stops(file, environment)
    new = sorted(set(stops) - scheduled - {each for value in approved for each in value.split(",")})
    reasons: list[str] = []
    if new:
        with GitHub.from_environment() as github:
            known, reasons = reviewed(github, environment, commit, app)
        new = [each for each in new if each not in known]
    if not new:
        return Exit.FINE
    for each in new:
        found = stops[each]
        line = f":{found.line}" if found.line else ""
        print_text(without_commands(printable(f"{found.file}{line}: not reviewed: {found.text} [{each}]")))
    for reason in reasons:
        print_note(reason)
    print_text(f"    Have a code owner approve that, and run again with `--approve {','.join(new)}`.")
    return Exit.FINDINGS
