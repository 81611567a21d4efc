"""`reconciler report`: print the page for a weekly look at an environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import select_environment
from reconciler.cli.options import environment_option, format_option, outputs_option, specs_option, today_option
from reconciler.cli.output import Page, Reporter, Section, print_note
from reconciler.cli.report_sections import HEADINGS, Sections, find_sections
from reconciler.cli.write_files import require_writable, write_file
from reconciler.health.last_run import Recorded, recorded
from reconciler.model.commands import count


@click.command()
@specs_option
@today_option
@environment_option
@click.option("--offline", is_flag=True, help="Read only the files: expiring units, and expiring access.")
@outputs_option
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a page of the whole estate instead, of all environments unless -e names one; it loads nothing.",
)
@format_option("Print for people, for programs, or in Markdown for a page on GitHub.")
def report(
    specs: Path,
    day: date,
    environment: str | None,
    *,
    offline: bool,
    outputs: tuple[IO[str], ...],
    html: Path | None,
    reporter: Reporter,
) -> int:
    """Print what needs attention in an environment, as a weekly report.

    Lists failing and late connections, pending actions and connections that a user paused. Lists expiring units,
    expiring access, and unmanaged connections and datasets with their age. A connection is late if its last success is
    older than its schedule allows; Airflow's schedules are not known. Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET (a
    read-only key is enough) and Google's application-default credentials; with --offline none of them.

    With --html it writes one page for a browser: each unit with its owners, expiry, schedule and state, and who can
    read its data until when. The page also has what needs attention, what ends next, and a picture from sources to
    DAGs. It names what could not be read. Keep it where only the readers of the files can see it.

    Exit codes: 0 done, whatever is listed; 1 the files have problems; 2 wrong usage; 3 Fivetran or Google failed, and
    a page is written without their data.
    """
    if offline and outputs:
        raise click.UsageError("choose either --offline or --from-outputs")
    if html is not None:
        if outputs and environment is None:
            raise click.UsageError("--from-outputs is about one environment: name it with -e")
        return _write_page(html, specs, environment, day, recorded(*outputs) if outputs else None, offline=offline)
    selected = select_environment(specs, environment, day)
    last = recorded(*outputs)
    found = find_sections(selected, day, last, offline=offline)
    reporter.report(_page(selected.environment.name, day, found))
    return Exit.FINE


def _write_page(
    file: Path, specs: Path, environment: str | None, day: date, last: Mapping[str, Recorded] | None, *, offline: bool
) -> int:
    from reconciler.cli.estate_page import collect_estate  # noqa: PLC0415 (only a page needs it)
    from reconciler.estate.page import render  # noqa: PLC0415

    require_writable(file)
    found = collect_estate(specs, environment, day, last, offline=offline)
    write_file(file, render(found.estate))
    units, failing = count(len(found.estate.rows), "unit"), len(found.estate.attention)
    print_note(
        f"wrote {file}: {units}, {count(failing, 'entry') if failing == 1 else f'{failing:,} entries'} to look at"
    )
    for reading in found.estate.readings:
        for text in reading.not_read:
            print_note(f"not read in {reading.environment}: {text}")
    return Exit.FINE if found.is_complete else Exit.REMOTE_FAILED


def _page(environment: str, day: date, found: Sections) -> Page:
    records = {
        key: [{"text": each.text, "file": each.file, "owners": each.owners} for each in entries]
        for key, entries in found.items()
    }
    return Page(
        [Section(HEADINGS[key], entries) for key, entries in found.items()],
        title=f"{environment} on {day}",
        empty="no findings",
        record={"environment": environment, "day": str(day), **records},
    )
