"""What needs attention in an environment: the sections of the report, its page and the issue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from reconciler.cli import masked_output
from reconciler.cli.environments import SelectedEnvironment, live_group
from reconciler.cli.group_members import describe_expiring_keys, find_undeclared_members
from reconciler.cli.masked_output import masked_unit_status
from reconciler.cli.output import Entry, Level
from reconciler.cli.progress import progress
from reconciler.cli.unmanaged import Unmanaged, find_unmanaged
from reconciler.google.bigquery.access import describe_lapse
from reconciler.health.expiring import expiring_units
from reconciler.health.fivetran_access import UndeclaredMember
from reconciler.health.last_run import Recorded
from reconciler.health.unit_status import PAUSED_BY_HAND, UnitStatus
from reconciler.health.unmanaged import UnmanagedDataset
from reconciler.model import Fleet, Unit, commands

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


@dataclass(frozen=True)
class LiveReport:
    """What was read about an environment: the status of each unit, and what no file declares."""

    statuses: Mapping[str, UnitStatus]
    unmanaged: Sequence[Unmanaged | UndeclaredMember]
    notes: Sequence[str] = ()
    """API keys of the group that expire, and what could not be read."""


def find_sections(
    selected: SelectedEnvironment, day: date, last: Mapping[str, Recorded], *, offline: bool = False
) -> Sections:
    """Read an environment, and return what needs attention: the entries of each section, in order."""
    return build_sections(selected, day, None if offline else read_live(selected, day, last))


def build_sections(selected: SelectedEnvironment, day: date, live: LiveReport | None) -> Sections:
    """Return what needs attention in an environment; without live readings what its files say."""
    found: Sections = {
        "ends": list(_expiring(selected.fleet, day)),
        "access": list(_expiring_access(selected.fleet, day)),
    }
    if live is not None:
        found = {**found, **_live_sections(selected, live)}
    return {key: found.get(key, ()) for key in HEADINGS}


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


def read_live(selected: SelectedEnvironment, day: date, last: Mapping[str, Recorded]) -> LiveReport:
    """Read what the sections need from Fivetran and BigQuery."""
    with progress("Reading connections"), live_group(selected.environment) as live:
        connections = live.connections
        statuses = {
            unit.name: masked_unit_status(unit, unit.connector, live.find_connection(unit), day, last.get(unit.name))
            for unit in selected.fleet.units
            if unit.connector is not None
        }
        members, unread = find_undeclared_members(live.client, live.group.id, selected.environment, day)
        notes = (*([unread] if unread else []), *describe_expiring_keys(live.client, day))
    return LiveReport(statuses, [*find_unmanaged(selected, connections, day), *members], notes)


def _live_sections(selected: SelectedEnvironment, live: LiveReport) -> Sections:
    """Return the sections about live resources.

    The next step is in the details, which the report leaves out.
    """
    units = [(unit, live.statuses[unit.name]) for unit in selected.fleet.units if unit.name in live.statuses]
    return {
        "to_see_to": [
            Entry("; ".join(messages), "failed", _steps(status), file=unit.file, owners=unit.owners)
            for unit, status in units
            if (messages := list(_needs_attention(status)))
        ]
        + [Entry(text, file=selected.environment.file) for text in live.notes],
        "awaited": [
            Entry(f"pending: {status.awaiting}", details=_steps(status), file=unit.file, owners=unit.owners)
            for unit, status in units
            if status.awaiting
        ],
        "paused_by_hand": [
            Entry(PAUSED_BY_HAND, details=(_resume_step(unit),), file=unit.file, owners=unit.owners)
            for unit, status in units
            if PAUSED_BY_HAND in status.findings
        ],
        "no_recent_success": [
            Entry(status.no_recent_success, "ok", file=unit.file, owners=unit.owners)
            for unit, status in units
            if status.no_recent_success
        ],
        "undeclared": [Entry(str(each), details=(_declare_step(selected, each),)) for each in live.unmanaged],
    }


def _steps(status: UnitStatus) -> tuple[str, ...]:
    """Return the next step: that of the findings, or a look at the connection's log."""
    if status.next_step is not None:
        return (status.next_step,)
    return () if status.connection is None else (f"look at its log: {masked_output.dashboard_url(status.connection)}",)


def _resume_step(unit: Unit) -> str:
    up = commands.up(commands.stack_of(unit.file), refresh=True)
    return (
        f"start it in Fivetran, or run {up} if no run has started it; or write `paused` with the reason in {unit.file}"
    )


def _declare_step(selected: SelectedEnvironment, each: Unmanaged | UndeclaredMember) -> str:
    """Return how to declare an unmanaged resource or member, or to end it."""
    if isinstance(each, UndeclaredMember):
        return f"declare it under `fivetran: access` in {selected.environment.file}, or revoke the role in Fivetran"
    named = ("--datasets", each.id) if isinstance(each, UnmanagedDataset) else (each.name,)
    write = commands.reconciler("import", *named, environment=selected.environment.name)
    return f"write its file with {write}, or name it under `ignore` in {selected.environment.file}"


def _needs_attention(status: UnitStatus) -> Iterator[str]:
    yield from (finding for finding in status.findings if finding != PAUSED_BY_HAND)
    if status.findings:
        yield from (f"Fivetran: {task}" for task in status.tasks)
