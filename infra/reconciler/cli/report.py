"""`reconciler report`: print the page for a weekly look at an environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import IO

import click

from reconciler.cli import Exit
from reconciler.cli.environments import SelectedEnvironment, live_group, select_environment
from reconciler.cli.group_members import describe_expiring_keys, find_undeclared_members
from reconciler.cli.masked_output import masked_unit_status
from reconciler.cli.options import environment_option, format_option, outputs_option, specs_option, today_option
from reconciler.cli.output import Entry, Level, Page, Reporter, Section, progress
from reconciler.cli.unmanaged import find_unmanaged
from reconciler.google.bigquery.access import describe_lapse
from reconciler.health.expiring import expiring_units
from reconciler.health.last_run import Recorded, recorded
from reconciler.health.unit_status import PAUSED_BY_HAND, UnitStatus
from reconciler.model import Fleet

#: The sections of the page in order: their keys in the JSON output, and their headings.
HEADINGS = {
    "to_see_to": "Needs attention",
    "awaited": "Pending",
    "paused_by_hand": "Paused by hand",
    "no_recent_success": "Started by Airflow, without a success for a week",
    "ends": "Expiring and retired",
    "access": "Expiring access",
    "undeclared": "Unmanaged",
}

#: Entries by section.
Sections = Mapping[str, Sequence[Entry]]


@click.command()
@specs_option
@today_option
@environment_option
@click.option("--offline", is_flag=True, help="Read only the files: expiring units, and expiring access.")
@outputs_option
@format_option("Print for people, for programs, or in Markdown for a page on GitHub.")
def report(
    specs: Path,
    day: date,
    environment: str | None,
    *,
    offline: bool,
    outputs: IO[str] | None,
    reporter: Reporter,
) -> int:
    """Print what needs attention in an environment, as a weekly report.

    Lists failing and late connections, pending actions and connections that a user paused; expiring units and expiring
    access; unmanaged connections and datasets with their age. A connection is late if its last success is older than
    its schedule allows; Airflow's schedules are not known. Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET (a read-only
    key is enough) and Google's application-default credentials; with --offline none of them.

    Exit codes: 0 done, whatever is listed, 1 the files have problems, 2 wrong usage, 3 Fivetran or Google failed.
    """
    if offline and outputs is not None:
        raise click.UsageError("choose either --offline or --from-outputs")
    selected = select_environment(specs, environment, day)
    last = recorded(outputs) if outputs is not None else {}
    found = find_sections(selected, day, last, offline=offline)
    reporter.report(_page(selected.environment.name, day, found))
    return Exit.FINE


def find_sections(
    selected: SelectedEnvironment, day: date, last: Mapping[str, Recorded], *, offline: bool = False
) -> Sections:
    """Return what needs attention in an environment: the entries of each section, in order."""
    found: Sections = {
        "ends": list(_expiring(selected.fleet, day)),
        "access": list(_expiring_access(selected.fleet, day)),
    }
    if not offline:
        found = {**found, **_read_live(selected, day, last)}
    return {key: found.get(key, ()) for key in HEADINGS}


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


def _expiring(fleet: Fleet, day: date) -> Iterator[Entry]:
    """Return the expiring units, the next one first; then the retired units, whose files can be deleted."""
    for each in sorted(expiring_units(fleet, day), key=lambda each: (each.removed_on, each.file)):
        dates = f"expires on {each.expires}, removed on {each.removed_on}"
        level: Level = "ok" if each.stage == "ahead" else "warning"
        yield Entry(f"{each.stage}: {each.words or dates}", level, file=each.file, owners=each.owners)
    for unit in fleet.units:
        if unit.retire is not None:
            yield Entry(
                f"retired ({unit.retire.ticket}): delete the file after a run has paused its connection",
                file=unit.file,
                owners=unit.owners,
            )


def _expiring_access(fleet: Fleet, day: date) -> Iterator[Entry]:
    """Return the access that expires soon, in the words of `validate`."""
    for unit in fleet.units:
        for grant in (grant for dataset in unit.datasets for grant in dataset.access):
            if message := describe_lapse(grant, fleet.environment.policy.people, day):
                yield Entry(message, file=unit.file, owners=unit.owners)
    for grant in fleet.environment.fivetran_access or ():
        if message := describe_lapse(grant, fleet.environment.policy.people, day):
            yield Entry(message, file=fleet.environment.file)


def _read_live(selected: SelectedEnvironment, day: date, last: Mapping[str, Recorded]) -> Sections:
    """Return the sections that need Fivetran and BigQuery."""
    with progress("Reading connections"), live_group(selected.environment) as live:
        connections = live.connections
        units = [
            (
                unit,
                masked_unit_status(unit, unit.connector, live.find_connection(unit), day, last.get(unit.name)),
            )
            for unit in selected.fleet.units
            if unit.connector is not None
        ]
        members, unread = find_undeclared_members(live.client, live.group.id, selected.environment, day)
        keys = describe_expiring_keys(live.client, day)
    unmanaged = [*find_unmanaged(selected, connections, day), *members]
    return {
        "to_see_to": [
            Entry("; ".join(messages), file=unit.file, owners=unit.owners)
            for unit, status in units
            if (messages := list(_needs_attention(status)))
        ]
        + [Entry(text, file=selected.environment.file) for text in (*([unread] if unread else []), *keys)],
        "awaited": [
            Entry(f"pending: {status.awaiting}", file=unit.file, owners=unit.owners)
            for unit, status in units
            if status.awaiting
        ],
        "paused_by_hand": [
            Entry(PAUSED_BY_HAND, file=unit.file, owners=unit.owners)
            for unit, status in units
            if PAUSED_BY_HAND in status.findings
        ],
        "no_recent_success": [
            Entry(status.no_recent_success, "ok", file=unit.file, owners=unit.owners)
            for unit, status in units
            if status.no_recent_success
        ],
        "undeclared": [Entry(str(each)) for each in unmanaged],
    }


def _needs_attention(status: UnitStatus) -> Iterator[str]:
    yield from (finding for finding in status.findings if finding != PAUSED_BY_HAND)
    if status.findings:
        yield from (f"Fivetran: {task}" for task in status.tasks)
