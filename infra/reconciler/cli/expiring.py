"""`reconciler expiring`: list the units that expire, and the stage that each is in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.environments import select_fleets
from reconciler.cli.options import environments_option, format_option, specs_option, today_option
from reconciler.cli.output import Entry, Report, Reporter
from reconciler.health.expiring import ExpiringUnit, expiring_units
from reconciler.lifecycle.expiry import Stage

_COLUMNS = ("FILE", "STAGE", "EXPIRES", "REMOVED ON", "OWNERS")


@click.command()
@specs_option
@today_option
@environments_option
@format_option(
    "Print for people, for programs, or as annotations in GitHub Actions of units near or past their expiry."
)
def expiring(specs: Path, day: date, environments: tuple[str, ...], reporter: Reporter) -> int:
    """Print the units that expire, the next one first, and the stage of each.

    The stages are `ahead`; `warned`, in the last days; `paused`, in the days of grace after the last day; and
    `removed`, from the day on which a run removes the unit. Needs neither credentials nor a network. An expiry is no
    finding.

    Exit codes: 0 done; 1 the files have problems; 2 wrong usage.
    """
    fleets = select_fleets(specs, environments, day)
    found = sorted(
        (each for fleet in fleets for each in expiring_units(fleet, day)),
        key=lambda each: (each.removed_on, each.file),
    )
    reporter.report(_report(found))
    return Exit.FINE


def _report(found: Sequence[ExpiringUnit]) -> Report:
    counts = {stage.value: sum(each.stage == stage.value for each in found) for stage in Stage}
    summary = ", ".join(f"{number} {stage}" for stage, number in counts.items() if number) or "nothing expires"
    entries = [
        Entry(
            each.words or "",
            "warning" if each.words else "ok",
            file=each.file,
            cells=(each.file, each.stage, each.expires, each.removed_on, ", ".join(each.owners)),
        )
        for each in found
    ]
    return Report(entries, found, [summary], columns=_COLUMNS)
