"""`reconciler expiring`: what ends when, and in which stage of that it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.environments import choose_all
from reconciler.cli.options import environments_option, format_option, specs_option, today_option
from reconciler.cli.output import annotation
from reconciler.health.expiring import Ending, endings
from reconciler.lifecycle.expiry import Stage

_COLUMNS = ("FILE", "STAGE", "EXPIRES", "REMOVED ON", "OWNERS")


@click.command()
@specs_option
@today_option
@environments_option
@format_option("For people, for programs, or as annotations in GitHub Actions of what ends soon or has ended.")
def expiring(specs: Path, day: date, environments: tuple[str, ...], style: str) -> int:
    """Print the units that expire, the next one first, and the stage that each is in.

    `ahead`; `warned`, in the last days; `paused`, in the days of grace after the last good day; `removed`, when the
    next run removes it or one has done so. Needs neither credentials nor a network. That something ends is no finding.

    Exit codes: 0 done, 1 the files have problems, 2 wrong usage.
    """
    found = sorted(
        (each for fleet in choose_all(specs, environments, day) for each in endings(fleet, day)),
        key=lambda each: (each.removed_on, each.file),
    )
    report = _REPORTS[style](found)
    if report:
        click.echo(report)
    click.echo(_summary(found), err=True)
    return Exit.FINE


def _summary(found: Sequence[Ending]) -> str:
    counts = {stage.value: sum(1 for each in found if each.stage == stage.value) for stage in Stage}
    return ", ".join(f"{number} {stage}" for stage, number in counts.items() if number) or "nothing expires"


def _text(found: Sequence[Ending]) -> str:
    rows = [(each.file, each.stage, each.expires, each.removed_on, ", ".join(each.owners)) for each in found]
    if not rows:
        return ""
    widths = [max(map(len, cells)) for cells in zip(_COLUMNS, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (_COLUMNS, *rows)
    )


def _json(found: Sequence[Ending]) -> str:
    return json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False)


def _github(found: Iterable[Ending]) -> str:
    return "\n".join(annotation("warning", each.words, file=each.file) for each in found if each.words)


_REPORTS = {"text": _text, "json": _json, "github": _github}
