"""The status of a unit: findings, the pending action, the next step, its DAG. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from reconciler.fivetran.api import Connection
from reconciler.health.last_run import Recorded
from reconciler.health.lateness import describe_lateness, describe_silence, format_interval, format_time
from reconciler.health.next_step import last_run_findings, next_step
from reconciler.lifecycle.airflow import variable_name
from reconciler.model import AirflowSchedule, Connector, FivetranSchedule, Unit, commands

#: The finding about a connection that works and is paused, though its file does not pause it.
PAUSED_BY_HAND = "it is paused, and not by its file: a user paused it, or no run has started it yet"


@dataclass(frozen=True)
class AirflowReadiness:
    """Whether Airflow can start the syncs. The field names are keys of the JSON output."""

    variable: str
    """The Airflow variable that holds the connection's id."""
    connection: str | None
    safe: bool
    words: str
    """The same as a sentence, with every reason against it."""


@dataclass(frozen=True)
class UnitStatus:
    """The status of one unit. The field names are keys of the JSON output.

    States and times are Fivetran's; they are None if there is no connection, or Fivetran does not say.
    """

    unit: str
    file: str
    service: str
    connection: str | None = None
    setup_state: str | None = None
    sync_state: str | None = None
    paused: bool | None = None
    historical_sync_done: bool | None = None
    schedule: str = ""
    succeeded_at: str | None = None
    failed_at: str | None = None
    tasks: tuple[str, ...] = ()
    ended: str | None = None
    """Why the connection is paused permanently: it expired, or it is retired."""
    awaiting: str | None = None
    """What a person has to do before the connection works."""
    file_pause: str | None = None
    """Why its file pauses it, if it does."""
    airflow: AirflowReadiness | None = None
    no_recent_success: str | None = None
    """What is known of a connection that Airflow starts and that has not succeeded for a week."""
    findings: tuple[str, ...] = ()
    """What needs attention."""
    next_step: str | None = None
    """What to do about the findings, or after the pending action."""


def unit_status(
    unit: Unit,
    connector: Connector,
    live: Connection | None,
    today: date,
    last: Recorded | None,
    *,
    now: datetime,
    tasks: tuple[str, ...],
) -> UnitStatus:
    """Return the status of a unit.

    Args:
        unit: The unit.
        connector: Its connector.
        live: Its connection, as a list of the group's connections has it.
        today: The date by which pending actions are overdue.
        last: What the last run recorded in the stack's outputs, if known.
        now: The time by which syncs are late. Fivetran's times are real ones, also in a run for another date.
        tasks: Fivetran's tasks for the connection, masked.
    """
    ended = _ended(unit, today)
    if live is None:
        create = commands.up(commands.stack_of(unit.file))
        missing = () if ended else (f"Fivetran has no such connection: {create} creates it",)
        return UnitStatus(
            unit=unit.name,
            file=unit.file,
            service=connector.service,
            schedule=format_schedule(connector),
            file_pause=connector.paused,
            airflow=_airflow_readiness(connector, None, ["Fivetran has no such connection"]),
            findings=missing,
        )
    pending = None if ended else _pending_action(unit, connector, live, today)
    return UnitStatus(
        unit=unit.name,
        file=unit.file,
        service=connector.service,
        connection=live.id,
        setup_state=live.setup_state,
        sync_state=live.sync_state,
        paused=live.paused,
        historical_sync_done=None if live.is_historical_sync is None else not live.is_historical_sync,
        schedule=format_schedule(connector),
        succeeded_at=live.succeeded_at,
        failed_at=live.failed_at,
        tasks=tasks,
        ended=ended,
        awaiting=pending,
        file_pause=connector.paused,
        airflow=_airflow_readiness(connector, live, list(_reasons_against_syncs(connector, live, ended))),
        no_recent_success=None if ended else describe_silence(connector, live, now),
        findings=(
            *_findings(unit, connector, live, ended, pending, last),
            *([late] if not ended and (late := describe_lateness(connector, live, now)) else []),
        ),
        next_step=None if ended else next_step(unit, connector, live, pending, last),
    )


def _ended(unit: Unit, today: date) -> str | None:
    """Return why the unit's connection is paused permanently, if it is."""
    if unit.retire is not None:
        return f"it is retired ({unit.retire.ticket})"
    if isinstance(unit.expires, date) and unit.expires < today:
        return f"it expired on {unit.expires.isoformat()}"
    return None


def _pending_action(unit: Unit, connector: Connector, live: Connection, today: date) -> str | None:
    """Return what a person has to do before the connection works; None if that is overdue."""
    if live.setup_state == "connected":
        return None
    if connector.awaiting is not None:
        until = connector.awaiting.until
        return f"{connector.awaiting.what}, until {until}" if today.isoformat() <= until else None
    if connector.needs_consent:
        authorise = commands.reconciler("authorise", unit.name, environment=commands.environment_of(unit.file))
        return f"a user's consent: {authorise} prints a link for it"
    return None


def _findings(  # noqa: PLR0917 (each is another source of findings)
    unit: Unit, connector: Connector, live: Connection, ended: str | None, pending: str | None, last: Recorded | None
) -> Iterator[str]:
    up = commands.up(commands.stack_of(unit.file), refresh=True)
    if live.service != connector.service:
        yield f"its service is {live.service}, but its file says {connector.service}"
    if ended is not None:
        return
    if connector.awaiting is not None and pending is None and live.setup_state != "connected":
        yield f"overdue since {connector.awaiting.until}: {connector.awaiting.what}"
    if live.setup_state != "connected" and pending is None:
        yield _setup_state(live)
    if pending is None:
        yield from last_run_findings(last)
    if live.setup_state == "connected" and live.paused and connector.paused is None:
        yield PAUSED_BY_HAND
    if live.paused is False and connector.paused is not None:
        yield f"it is running, but its file pauses it ({connector.paused}): {up} pauses it again"
    by_fivetran = isinstance(connector.schedule, AirflowSchedule) and live.schedule_type not in (None, "manual")
    if by_fivetran and live.setup_state == "connected" and not live.paused:  # before that, no run sets a schedule
        yield f"Fivetran starts its syncs, but its file leaves that to Airflow: {up} corrects it"
    if live.failed_at is not None and live.failed_at > (live.succeeded_at or ""):
        yield f"its last sync failed at {format_time(live.failed_at)}"


def _reasons_against_syncs(connector: Connector, live: Connection, ended: str | None) -> Iterator[str]:
    """Return why an Airflow task that starts syncs would fail, or should not run."""
    if ended is not None:
        yield ended
    elif connector.paused is not None:
        yield f"its file pauses it ({connector.paused})"
    if live.setup_state != "connected":
        yield _setup_state(live)
    if live.paused is not False and connector.paused is None:
        yield "it is paused"
    if live.is_historical_sync is not False:
        yield "its historical sync is not done"


def _setup_state(live: Connection) -> str:
    return f"its setup state is {live.setup_state or 'unknown'}"


def _airflow_readiness(connector: Connector, live: Connection | None, reasons: list[str]) -> AirflowReadiness | None:
    if not isinstance(connector.schedule, AirflowSchedule):
        return None
    variable = variable_name(connector.schedule.task_id)
    if reasons or live is None:
        connection = None if live is None else live.id
        return AirflowReadiness(variable, connection, False, f"do not enable the DAG yet: {', '.join(reasons)}")
    return AirflowReadiness(variable, live.id, True, f"the DAG can be enabled with {variable} = {live.id}")


def format_schedule(connector: Connector) -> str:
    """Return when a connector syncs, as words: `every 6h`, `by Airflow: fivetran_stripe`."""
    schedule = connector.schedule
    if isinstance(schedule, FivetranSchedule):
        return format_interval(schedule)
    return f"by Airflow: {schedule.task_id}"
