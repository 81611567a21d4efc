"""`reconciler issue`: keep one issue per environment with what needs attention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import IO, BinaryIO, TextIO

import click

from reconciler.cli import Exit
from reconciler.cli.agrees import advise_on_drift
from reconciler.cli.environments import SelectedEnvironment, select_environment
from reconciler.cli.options import named_environment_option, outputs_option, run_url_option, specs_option, today_option
from reconciler.cli.output import REPORTERS, Entry, Page, Section, print_note
from reconciler.cli.report_sections import HEADINGS, find_sections
from reconciler.cli.review_page import cut_page, read_review, rejection
from reconciler.cli.write_files import write_file
from reconciler.github.client import GitHub
from reconciler.github.codeowners import CodeOwners
from reconciler.github.issue import close_issue, keep_issue
from reconciler.health.last_run import recorded
from reconciler.review.review_document import Item, ReviewDocument

#: The longest page: the issue has a frame of its own.
_LONGEST = 57_000

#: Where GitHub looks for the owners, in its order.
_CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")

_UNAPPLIED = {
    "rejected": "Why a run is rejected",
    "stop": "Not applied: needs approval",
    "note": "What a run would change",
}


@click.command()
@specs_option
@today_option
@named_environment_option
@click.option(
    "--review",
    "reviewed",
    type=click.File("rb"),
    multiple=True,
    metavar="FILE",
    help="The output of `reconciler review --refresh --format json`: drift, and changes that need approval; repeatable "
    "for an environment of several stacks.",
)
@outputs_option
@click.option(
    "--body",
    type=click.File("r", encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="Markdown, in place of a report.",
)
@click.option("--close", is_flag=True, help="Close the issue without reading anything.")
@click.option("--title", default="", help="The title.  [default: NAME: what needs attention]")
@run_url_option
@click.option(
    "--summary",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also append the whole page to this file: the job summary of GitHub Actions.",
)
def issue(
    *,
    specs: Path,
    day: date,
    environment: str,
    reviewed: tuple[BinaryIO, ...],
    outputs: tuple[IO[str], ...],
    body: TextIO | None,
    close: bool,
    title: str,
    run_url: str,
    summary: Path | None,
) -> int:
    """Open, change or close the one issue of an environment.

    It lists what `reconciler report` lists, and drift from --review. A run without findings closes it, and a later one
    with findings opens it again. It notifies the owners that CODEOWNERS names for each file with a finding, and for
    undeclared resources those of environment.yaml. With --body a file is the text, and no owner is notified. The
    command never changes an issue of another author. Reads GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL.

    Exit codes: 0 done; 1 the files have problems; 2 wrong usage; 3 Fivetran, Google or GitHub failed.
    """
    if close + (body is not None) + bool(reviewed or outputs) > 1:
        raise click.UsageError("choose one of --body, --close, and --review with --from-outputs")
    owners: tuple[str, ...] = ()
    text = ""
    if body is not None:
        text = body.read().strip()
    elif not close:
        selected = select_environment(specs, environment, day)
        page = _page(selected, day, reviewed, outputs)
        if any(entry.level != "ok" for section in page.filled for entry in section.entries):
            text = REPORTERS["github"].format_page(cut_page(page, _LONGEST))
            owners = _owners(page.filled, selected.environment.file)
        if summary is not None:
            before = summary.read_text(encoding="utf-8") if summary.is_file() else ""
            write_file(summary, f"{before}{REPORTERS['github'].format_page(page)}\n")
    with GitHub.from_environment() as github:
        if text:
            title = title or f"{environment}: what needs attention"
            done, address = keep_issue(github, environment, title, text, owners=owners, run_url=run_url)
        else:
            done, address = close_issue(github, environment, run_url=run_url)
    print_note(f"{done}: {address}" if address else f"{environment}: no findings, and no open issue")
    return Exit.FINE


def _page(selected: SelectedEnvironment, day: date, reviewed: Sequence[BinaryIO], outputs: tuple[IO[str], ...]) -> Page:
    environment = selected.environment.name
    documents = [read_review(each, *selected.environment.all_stacks) for each in reviewed]
    document = ReviewDocument(
        environment,
        tuple(item for each in documents for item in each.items),
        rejected=tuple(text for each in documents for text in each.rejected),
    )
    waiting = {each.environment: _unscheduled(each.items) for each in documents}
    found = find_sections(selected, day, recorded(*outputs))
    return Page(
        [
            *_unapplied(_unscheduled(document.items), document),
            *(Section(HEADINGS[key], entries) for key, entries in found.items()),
        ],
        empty="no findings",
        title=f"What needs attention in {environment}",
        introduction=[advise_on_drift(stack, items) for stack, items in waiting.items() if items],
    )


def _unscheduled(items: Iterable[Item]) -> list[Item]:
    return [each for each in items if not each.scheduled and each.severity != "detail"]


def _unapplied(items: Sequence[Item], document: ReviewDocument) -> list[Section]:
    """Return what a run would do: it was not applied, or it is drift."""
    found = {severity: [each for each in items if each.severity == severity] for severity in ("stop", "note")}
    entries = {
        severity: [
            Entry(
                each.text, file=each.file or None, line=each.line, column=each.column or 1, mark=each.fingerprint or ""
            )
            for each in same
        ]
        for severity, same in found.items()
    }
    entries["rejected"] = [entry for each in document.rejected for entry in rejection(each)]
    return [Section(heading, entries[key]) for key, heading in _UNAPPLIED.items()]


def _owners(sections: Iterable[Section], environment_file: str) -> tuple[str, ...]:
    """Return who owns the files of the findings, as the repository's CODEOWNERS names them."""
    file = next((each for each in map(Path, _CODEOWNERS) if each.is_file()), None)
    if file is None:
        return ()
    rules = CodeOwners(file.read_text(encoding="utf-8", errors="replace"))
    entries: Sequence[Entry] = [entry for section in sections for entry in section.entries if entry.level != "ok"]
    files = sorted({entry.file or environment_file for entry in entries})
    return tuple(dict.fromkeys(owner for each in files for owner in rules.of(each) if owner.startswith("@")))
