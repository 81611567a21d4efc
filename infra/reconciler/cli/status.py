"""`reconciler status`: how each unit's connection stands, in Fivetran's states and in plain words."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import choose, live_group, unit_named
from reconciler.cli.foreign_text import standing_of
from reconciler.cli.options import environment_option, format_option, outputs_option, specs_option
from reconciler.cli.output import progress
from reconciler.health.unit_status import Standing, at
from reconciler.model.today import today
from reconciler.stack.outputs import recorded

_COLUMNS = ("UNIT", "CONNECTION", "SET-UP", "SYNC", "SCHEDULE", "LAST SUCCESS")


@click.command()
@specs_option
@environment_option
@format_option("For people, or for programs.", "text", "json")
@outputs_option
@click.argument("units", nargs=-1, metavar="[UNIT]...")
def status(specs: Path, environment: str | None, style: str, outputs: IO[str] | None, units: tuple[str, ...]) -> int:
    """Print how the connections of an environment are, or those of some units.

    For each: its id in Fivetran, whether it is set up, what it is doing, who starts its syncs, when one last succeeded;
    and in words what is wrong, what is awaited and from whom, what to do next, and whether the DAG of an Airflow task
    may be enabled. Times are in UTC. Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET; a read-only key is enough. Asks
    Fivetran for lists only, however many units there are; it does not tell in them which setup test failed, but the
    last run has kept that: `pulumi stack output --json --stack dev | reconciler status -e dev --from-outputs -`.

    Exit codes: 0 all is well or awaited, 1 somebody has to see to something, 2 wrong usage, 3 Fivetran failed.
    """
    chosen = choose(specs, environment)
    wanted = [unit_named(chosen.fleet, name) for name in dict.fromkeys(units)] or chosen.fleet.units
    last = recorded(outputs) if outputs is not None else {}
    with progress("Reading connections"), live_group(chosen.environment) as live:
        day = today()
        found = [
            standing_of(unit, unit.connector, live.of(unit), day, last.get(unit.name))
            for unit in wanted
            if unit.connector is not None
        ]
    if style == "json":
        click.echo(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False))
    elif found and sys.stdout.isatty():
        _table(found)
    elif found:
        click.echo("\n".join(_lines(found)))
    click.echo(_summary(chosen.environment.name, found), err=True)
    return Exit.FINDINGS if any(each.findings for each in found) else Exit.FINE


def _cells(each: Standing) -> tuple[str, ...]:
    sync = "paused" if each.paused else each.sync_state
    last = each.succeeded_at and at(each.succeeded_at)
    return (each.unit, each.connection or "-", each.setup_state or "-", sync or "-", each.schedule, last or "-")


def _words(each: Standing) -> Iterator[str]:
    """What there is to say besides the states."""
    yield from (f"! {finding}" for finding in each.findings)
    yield from (f"Fivetran: {task}" for task in each.tasks)
    if each.ended is not None and each.airflow is None:
        yield f"paused for good: {each.ended}"
    if each.awaiting is not None:
        yield f"awaits {each.awaiting}"
    if each.next_step is not None:
        yield f"next: {each.next_step}"
    if each.airflow is not None:
        yield each.airflow.words


def _lines(found: Sequence[Standing]) -> Iterator[str]:
    """A line a unit, its cells below each other, and under it its words."""
    rows = [_COLUMNS, *(_cells(each) for each in found)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_COLUMNS))]
    for row, words in zip(rows, [iter(()), *(_words(each) for each in found)], strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        yield from (f"    {line}" for line in words)


def _table(found: Sequence[Standing]) -> None:
    from rich.console import Console  # noqa: PLC0415 (slow to import, and only for a terminal)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*_COLUMNS, "TO KNOW", show_lines=True)
    for each in found:
        style = "red" if each.findings else "yellow" if each.awaiting else ""
        table.add_row(*(Text(cell) for cell in _cells(each)), Text("\n".join(_words(each)), style))
    Console().print(table)


def _summary(environment: str, found: Sequence[Standing]) -> str:
    faulty = sum(1 for each in found if each.findings)
    awaited = sum(1 for each in found if each.awaiting and not each.findings)
    counts = [(len(found) - faulty - awaited, "fine"), (awaited, "awaited"), (faulty, "to see to")]
    said = ", ".join(f"{number} {word}" for number, word in counts if number)
    return f"{environment}: {said or 'no connectors'}"
