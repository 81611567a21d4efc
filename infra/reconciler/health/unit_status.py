"""How a unit's connection stands: what is wrong, what is awaited, what to do next, whether its DAG may run. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from reconciler.fivetran.api import Connection
from reconciler.health.next_step import next_step, of_the_last_run
from reconciler.lifecycle.airflow import variable_name
from reconciler.model import SYNC_INTERVALS, AirflowSchedule, Connector, FivetranSchedule, Unit, commands
from reconciler.stack.outputs import Recorded

#: The finding about a connection that works and is paused, though its file does not say so.
PAUSED_BY_HAND = "it is paused and the file gives no reason: somebody paused it, or no run has started it yet"

_WORDS = {minutes: word for word, minutes in SYNC_INTERVALS.items()}


@dataclass(frozen=True)
class HandOver:
    """Whether Airflow may start the syncs: the variable, the id it is to hold, and in words what is in the way."""

    variable: str
    connection: str | None
    safe: bool
    words: str


@dataclass(frozen=True)
class Standing:
    """One unit. States and times are Fivetran's; None where there is no connection, or nothing was said."""

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
    """Why its connection is paused for good."""
    awaiting: str | None = None
    airflow: HandOver | None = None
    findings: tuple[str, ...] = ()
    """What somebody has to see to, in words."""
    next_step: str | None = None
    """What to do about it, or after what is awaited."""


def standing(
    unit: Unit,
    connector: Connector,
    live: Connection | None,
    today: date,
    last: Recorded | None = None,
    *,
    tasks: tuple[str, ...] = (),
) -> Standing:
    """How a unit stands, with the connection as a list of the group has it, and what the last run left, if known.

    `tasks` are what Fivetran wants done, as they may be shown.
    """
    ended = _ended(unit, today)
    if live is None:
        make = commands.up(commands.environment_of(unit.file))
        missing = () if ended else (f"Fivetran has no such connection: {make} makes it",)
        return Standing(
            unit=unit.name,
            file=unit.file,
            service=connector.service,
            schedule=_schedule(connector),
            airflow=_hand_over(connector, None, ["there is no connection"]),
            findings=missing,
        )
    awaiting = None if ended else _awaiting(unit, connector, live, today)
    return Standing(
        unit=unit.name,
        file=unit.file,
        service=connector.service,
        connection=live.id,
        setup_state=live.setup_state,
        sync_state=live.sync_state,
        paused=live.paused,
        historical_sync_done=None if live.is_historical_sync is None else not live.is_historical_sync,
        schedule=_schedule(connector),
        succeeded_at=live.succeeded_at,
        failed_at=live.failed_at,
        tasks=tasks,
        ended=ended,
        awaiting=awaiting,
        airflow=_hand_over(connector, live, list(_in_the_way(connector, live, ended))),
        findings=tuple(_findings(unit, connector, live, ended, awaiting, last)),
        next_step=None if ended else next_step(unit, connector, live, awaiting, last),
    )


def _ended(unit: Unit, today: date) -> str | None:
    """Why the unit's connection is paused for good, if it is."""
    if unit.retire is not None:
        return f"it retires ({unit.retire.ticket})"
    if isinstance(unit.expires, date) and unit.expires < today:
        return f"it expired on {unit.expires.isoformat()}"
    return None


def _awaiting(unit: Unit, connector: Connector, live: Connection, today: date) -> str | None:
    """What a person has to do before the connection works; None when it works, or when the time for it is over."""
    if live.setup_state == "connected":
        return None
    if connector.awaiting is not None:
        until = connector.awaiting.until
        return f"{connector.awaiting.what}, until {until}" if today.isoformat() <= until else None
    if connector.needs_consent:
        link = commands.reconciler("authorise", unit.name, environment=commands.environment_of(unit.file))
        return f"somebody's consent: {link} makes a link for it"
    return None


def _findings(  # noqa: PLR0917 (each is another source of findings)
    unit: Unit, connector: Connector, live: Connection, ended: str | None, awaiting: str | None, last: Recorded | None
) -> Iterator[str]:
    up = commands.up(commands.environment_of(unit.file), refresh=True)
    if live.service != connector.service:
        yield f"it is a connection of service {live.service}, and the file says {connector.service}"
    if ended is not None:
        return
    if connector.awaiting is not None and awaiting is None and live.setup_state != "connected":
        yield f"{connector.awaiting.what} has not happened, and was awaited until {connector.awaiting.until}"
    if live.setup_state != "connected" and awaiting is None:
        yield f"its set-up is {live.setup_state or 'unknown'}"
    if awaiting is None:
        yield from of_the_last_run(last)
    if live.setup_state == "connected" and live.paused and connector.paused is None:
        yield PAUSED_BY_HAND
    if live.paused is False and connector.paused is not None:
        yield f"it runs, and its file pauses it ({connector.paused}): {up} pauses it again"
    if isinstance(connector.schedule, AirflowSchedule) and live.schedule_type not in (None, "manual"):
        yield f"Fivetran starts its syncs, and the file leaves that to Airflow: {up} puts it right"
    if live.failed_at is not None and live.failed_at > (live.succeeded_at or ""):
        yield f"its last sync failed, at {at(live.failed_at)}"


def _in_the_way(connector: Connector, live: Connection, ended: str | None) -> Iterator[str]:
    """What keeps an Airflow task that starts syncs from working, or from being wanted."""
    if ended is not None:
        yield ended
    elif connector.paused is not None:
        yield f"its file pauses it ({connector.paused})"
    if live.setup_state != "connected":
        yield f"its set-up is {live.setup_state or 'unknown'}"
    if live.paused is not False and connector.paused is None:
        yield "it is paused"
    if live.is_historical_sync is not False:
        yield "its first sync of the whole history is not done"


def _hand_over(connector: Connector, live: Connection | None, in_the_way: list[str]) -> HandOver | None:
    if not isinstance(connector.schedule, AirflowSchedule):
        return None
    variable = variable_name(connector.schedule.task_id)
    if in_the_way or live is None:
        found = None if live is None else live.id
        return HandOver(variable, found, False, f"do not enable the DAG yet: {', '.join(in_the_way)}")
    return HandOver(variable, live.id, True, f"the DAG may be enabled, with {variable} = {live.id}")


def _schedule(connector: Connector) -> str:
    schedule = connector.schedule
    if isinstance(schedule, FivetranSchedule):
        return f"daily at {schedule.daily_at}" if schedule.daily_at else f"every {_WORDS[schedule.every_minutes]}"
    return f"by Airflow: {schedule.task_id}"


def at(moment: str) -> str:
    """An ISO moment of Fivetran's, in UTC, for people: `2026-11-24 18:00`."""
    return moment[:16].replace("T", " ")
