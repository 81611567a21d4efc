"""`reconciler status`: show the status of each unit's connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import LiveGroup, find_unit, live_group, select_environment
from reconciler.cli.masked_output import masked_unit_status
from reconciler.cli.options import environment_option, format_option, outputs_option, specs_option
from reconciler.cli.output import Entry, Report, Reporter, print_note
from reconciler.cli.progress import progress
from reconciler.cli.status_wait import Duration, wait
from reconciler.health.last_run import Recorded, recorded
from reconciler.health.lateness import format_ago, format_time
from reconciler.health.unit_status import UnitStatus
from reconciler.model import Unit, commands
from reconciler.model.today import now, today

_SETUP_STYLES = {"connected": "green", "incomplete": "yellow", "broken": "red"}
_SYNC_STYLES = {"syncing": "cyan", "paused": "yellow", "rescheduled": "yellow"}

_COLUMNS = ("UNIT", "CONNECTION", "SETUP", "SYNC", "SCHEDULE", "LAST SUCCESS")


@click.command()
@specs_option
@environment_option
@format_option("Print for people, or for programs.", "text", "json")
@outputs_option
@click.option("--wait", "waits", is_flag=True, help="Wait until the DAGs of the units can be enabled.")
@click.option(
    "--timeout",
    type=Duration(),
    default="6h",
    show_default=True,
    metavar="TIME",
    help="With --wait: how long to wait, such as 30m.",
)
@click.option(
    "--interval",
    type=Duration(),
    default="15s",
    show_default=True,
    metavar="TIME",
    help="With --wait: the time between two requests.",
)
@click.argument("units", nargs=-1, metavar="[UNIT]...")
def status(
    *,
    specs: Path,
    environment: str | None,
    reporter: Reporter,
    outputs: tuple[IO[str], ...],
    waits: bool,
    timeout: timedelta,
    interval: timedelta,
    units: tuple[str, ...],
) -> int:
    """Show the status of the connections of an environment, or of some units.

    Prints for each connection its id, setup and sync states, schedule, and last successful sync in UTC. Below it are
    what needs attention, the pending action, the next step, and whether the DAG of its Airflow task can be enabled.

    With --wait and units, waits until their DAGs can be enabled. For a unit with a schedule of Fivetran's, waits until
    its historical sync is done. Stops at once if a unit needs attention.

    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET; a read-only key is enough. Reads two lists, however many units
    there are. The answers do not name failed setup tests, but the last run recorded them:
    `pulumi stack output --json --stack dev | reconciler status -e dev --from-outputs -`.

    Exit codes: 0 all fine or pending, or ready after --wait; 1 the files have problems or a connection needs attention;
    2 wrong usage; 3 Fivetran failed; 4 not ready within --timeout; 130 Ctrl-C.
    """
    selected = select_environment(specs, environment)
    wanted = [find_unit(selected.fleet, name) for name in dict.fromkeys(units)]
    if waits and not wanted:
        step = commands.reconciler("status", "--wait", "UNIT", environment=selected.environment.name)
        raise click.UsageError(f"name the units to wait for: {step}")
    last = recorded(*outputs)
    shown = [unit for unit in wanted or selected.fleet.units if unit.connector is not None]
    if waits:
        with live_group(selected.environment) as live:
            names = [unit.name for unit in shown]
            followed = wait(names, lambda: _statuses(shown, live.read_again(), last), timeout, interval)
        found, code = followed.statuses, followed.code
    else:
        with progress("Reading connections"), live_group(selected.environment) as live:
            found = _statuses(shown, live, last)
        code = Exit.FINDINGS if any(each.findings for each in found) else Exit.FINE
    reporter.report(_report(found, selected.environment.name))
    if code is Exit.TIMED_OUT:
        print_note(f"not ready after {timeout}\n    Run the command again to wait longer.")
    return code


def _statuses(units: Sequence[Unit], live: LiveGroup, last: Mapping[str, Recorded]) -> list[UnitStatus]:
    day = today()
    return [
        masked_unit_status(unit, unit.connector, live.find_connection(unit), day, last.get(unit.name))
        for unit in units
        if unit.connector is not None
    ]


def _report(found: Sequence[UnitStatus], environment: str) -> Report:
    entries = [
        Entry(
            each.unit,
            "failed" if each.findings else "warning" if each.awaiting else "ok",
            tuple(_details(each)),
            cells=_cells(each),
            styles=("", "", _SETUP_STYLES.get(each.setup_state or "", ""), _sync_style(each), "", ""),
        )
        for each in found
    ]
    return Report(entries, found, [_summary(environment, found)], columns=_COLUMNS)


def _cells(each: UnitStatus) -> tuple[str, ...]:
    last = "-"
    if each.succeeded_at:
        ago = format_ago(each.succeeded_at, now())
        last = f"{format_time(each.succeeded_at)} ({ago})" if ago else format_time(each.succeeded_at)
    return (each.unit, each.connection or "-", each.setup_state or "-", _sync(each) or "-", each.schedule, last)


def _sync(each: UnitStatus) -> str | None:
    return "paused" if each.paused else each.sync_state


def _sync_style(each: UnitStatus) -> str:
    return _SYNC_STYLES.get(_sync(each) or "", "")


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
