"""`reconciler agrees`: check that a merge does only what was reviewed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import BinaryIO

import click

from reconciler.cli import Exit
from reconciler.cli.options import app_option, named_environment_option, sha_option
from reconciler.cli.output import print_note, print_text, without_commands
from reconciler.cli.record import read_comparable, review_option, stops_of
from reconciler.github.client import GitHub
from reconciler.github.reviewed import reviewed
from reconciler.model import commands
from reconciler.model.errors import printable
from reconciler.review.consequence import FINGERPRINT
from reconciler.review.review_document import Item, ReviewDocument

#: The workflow that applies merges, and whose dispatch approves.
_WORKFLOW = "merge.yml"

#: The kinds of consequences that change nothing.
_NO_CHANGES = frozenset({"quota", "unchecked"})


@click.command()
@named_environment_option
@sha_option("--commit", "The commit that was pushed.")
@sha_option("--since", "The commit before the push, if it has brought several pull requests.")
@click.option("--scheduled", "scheduled_only", is_flag=True, help="Accept only changes that a file has scheduled.")
@review_option
@app_option
@click.option("--approve", "approvals", multiple=True, metavar="FINGERPRINT", help="Approve this one; repeatable.")
def agrees(
    *,
    environment: str,
    commit: str,
    since: str,
    scheduled_only: bool,
    file: BinaryIO,
    app: int | None,
    approvals: tuple[str, ...],
) -> int:
    """Compare a fresh review with what code owners approved for a push.

    A check run on the head of each pull request records what was reviewed. With --app only check runs of that GitHub
    App count. Without it those of GitHub Actions do, which any workflow of the repository can write, on any branch.
    With --since all pull requests that were merged between the two commits count.

    With --scheduled no pull request counts, and every change must be scheduled, not only those that need approval. A
    change is scheduled by a date in a file, or by a retirement, that an earlier run recorded.

    Exit codes: 0 all is reviewed, scheduled or approved; 1 something is new; 2 wrong usage; 3 GitHub failed.
    """
    if bool(commit) == scheduled_only or (since and scheduled_only):
        raise click.UsageError("choose either --commit, with or without --since, or --scheduled")
    document = read_comparable(file, environment)
    stops, scheduled = stops_of(document), document.scheduled
    approved = _fingerprints(approvals)
    if scheduled_only:
        return _print_unscheduled(document, approved)
    left = set(stops) - scheduled - approved
    known: set[str] = set()
    reasons: list[str] = []
    if left:
        with GitHub.from_environment() as github:
            known, reasons = reviewed(github, environment, commit, app, since=since)
    new = sorted(left - known, key=lambda each: (stops[each].file, stops[each].line or 0, each))
    for each in sorted(approved - set(stops)):
        print_note(f"{each} is approved, but this run does nothing with that fingerprint")
    if not new:
        parts = {"reviewed": left & known, "scheduled": set(stops) & scheduled, "approved": set(stops) & approved}
        counts = [f"{len(found)} {name}" for name, found in parts.items() if found]
        print_note(f"{environment}: {', '.join(counts) or 'nothing needs approval'}")
        return Exit.FINE
    _print_new({each: stops[each] for each in new}, reasons, environment)
    return Exit.FINDINGS


def _fingerprints(values: tuple[str, ...]) -> set[str]:
    """Return the fingerprints of options that may hold several, with commas or spaces between them."""
    found = {each for value in values for each in value.replace(",", " ").split()}
    if wrong := sorted(each for each in found if not FINGERPRINT.fullmatch(each)):
        raise click.BadParameter(f"{wrong[0]!r} is not a fingerprint: expected 16 hexadecimal digits")
    return found


def _print_unscheduled(document: ReviewDocument, approved: set[str]) -> int:
    """Print what no file has scheduled; return the exit code."""
    environment = document.environment
    changes = [each for each in document.items if each.kind not in _NO_CHANGES]
    found = [each for each in changes if not each.scheduled and each.fingerprint not in approved]
    if not found:
        count = sum(each.scheduled for each in changes)
        print_note(f"{environment}: {f'{count} scheduled' if count else 'nothing changes'}")
        return Exit.FINE
    for each in found:
        mark = f" [{each.fingerprint}]" if each.fingerprint else ""
        print_text(without_commands(printable(f"{each.place or environment}: not scheduled: {each.text}{mark}")))
    print_text(f"    {advise_on_drift(environment, found)}")
    return Exit.FINDINGS


def advise_on_drift(environment: str, found: Iterable[Item]) -> str:
    """Return what a person can do about changes that the daily run does not apply."""
    fingerprints = [each.fingerprint for each in found if each.fingerprint]
    inputs = [*_stack_inputs(environment), "refresh=true"]
    inputs += [f"fingerprints={','.join(fingerprints)}"] if fingerprints else []
    return f"Undo what was changed by hand, or apply the files with {_command(inputs)}."


def _stack_inputs(stack: str) -> tuple[str, ...]:
    environment, _, folder = stack.partition(".")
    return (f"environment={environment}", *([f"folder={folder}"] if folder else []))


def _command(inputs: Iterable[str]) -> str:
    return commands.shell("gh", "workflow", "run", _WORKFLOW, *(word for each in inputs for word in ("-f", each)))


def _print_new(new: Mapping[str, Item], reasons: list[str], environment: str) -> None:
    for fingerprint, found in new.items():
        place = ":".join(str(each) for each in (found.file, found.line, found.column) if each) or environment
        print_text(without_commands(printable(f"{place}: not reviewed: {found.text} [{fingerprint}]")))
    for reason in reasons:
        print_text(without_commands(printable(f"    {reason}")))
    inputs = (*_stack_inputs(environment), f"fingerprints={','.join(new)}")
    reviewers = f"A reviewer of the environment approve-{environment.partition('.')[0]}"
    print_text(f"    Approve it with {_command(inputs)}. {reviewers} then allows the run.")
