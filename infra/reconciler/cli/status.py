"""`reconciler status`: show the status of each unit's connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import find_unit, live_group, select_environment
from reconciler.cli.masked_output import masked_unit_status
from reconciler.cli.options import environment_option, format_option, outputs_option, specs_option
from reconciler.cli.output import Entry, Report, Reporter, progress
from reconciler.health.last_run import recorded
from reconciler.health.lateness import format_time
from reconciler.health.unit_status import UnitStatus
from reconciler.model.today import today

_COLUMNS = ("UNIT", "CONNECTION", "SETUP", "SYNC", "SCHEDULE", "LAST SUCCESS")


@click.command()
@specs_option
@environment_option
@format_option("Print for people, or for programs.", "text", "json")
@outputs_option
@click.argument("units", nargs=-1, metavar="[UNIT]...")
def status(
    specs: Path, environment: str | None, reporter: Reporter, outputs: IO[str] | None, units: tuple[str, ...]
) -> int:
    """Show the status of the connections of an environment, or of some units.

    Prints for each connection its id, its setup and sync states, its schedule and its last successful sync, in UTC;
    then what needs attention, the pending action, the next step, and whether the DAG of its Airflow task can be
    enabled.

    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET; a read-only key is enough. Reads two lists, however many units
    there are. The answers do not name failed setup tests, but the last run recorded them:
    `pulumi stack output --json --stack dev | reconciler status -e dev --from-outputs -`.

    Exit codes: 0 all fine or pending, 1 the files have problems or a connection needs attention, 2 wrong usage, 3
    Fivetran failed.
    """
    selected = select_environment(specs, environment)
    wanted = [find_unit(selected.fleet, name) for name in dict.fromkeys(units)] or selected.fleet.units
    last = recorded(outputs) if outputs is not None else {}
    with progress("Reading connections"), live_group(selected.environment) as live:
        day = today()
        found = [
            masked_unit_status(unit, unit.connector, live.find_connection(unit), day, last.get(unit.name))
            for unit in wanted
            if unit.connector is not None
        ]
    reporter.report(_report(found, selected.environment.name))
    return Exit.FINDINGS if any(each.findings for each in found) else Exit.FINE


def _report(found: Sequence[UnitStatus], environment: str) -> Report:
    entries = [
        Entry(
            each.unit,
            "failed" if each.findings else "warning" if each.awaiting else "ok",
            tuple(_details(each)),
            cells=_cells(each),
        )
        for each in found
    ]
    return Report(entries, found, [_summary(environment, found)], columns=_COLUMNS)


def _cells(each: UnitStatus) -> tuple[str, ...]:
    sync = "paused" if each.paused else each.sync_state
    last = each.succeeded_at and format_time(each.succeeded_at)
    return (each.unit, each.connection or "-", each.setup_state or "-", sync or "-", each.schedule, last or "-")


def _details(each: UnitStatus) -> Iterator[str]:
    """Return what the states do not show."""
    yield from (f"! {finding}" for finding in each.findings)
    yield from (f"Fivetran: {task}" for task in each.tasks)
    if each.no_recent_success is not None:
        yield each.no_recent_success
    if each.ended is not None and each.airflow is None:
        yield f"paused permanently: {each.ended}"
    if each.awaiting is not None:
        yield f"pending: {each.awaiting}"
    if each.next_step is not None:
        yield f"next: {each.next_step}"
    if each.airflow is not None:
        yield each.airflow.words


def _summary(environment: str, found: Sequence[UnitStatus]) -> str:
    faulty = sum(bool(each.findings) for each in found)
    pending = sum(bool(each.awaiting and not each.findings) for each in found)
    counts = {
        "fine": len(found) - faulty - pending,
        "pending": pending,
        "needs attention" if faulty == 1 else "need attention": faulty,
    }
    summary = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    return f"{environment}: {summary or 'no connectors'}"
