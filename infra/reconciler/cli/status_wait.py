"""Follow units until their syncs may start: set-up, then the historical sync."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

import click

from reconciler.cli import Exit
from reconciler.cli.progress import follow
from reconciler.fivetran.api.errors import (
    ApiError,
    FivetranError,
    RateLimited,
    ServerError,
    TransportError,
    UnexpectedAnswer,
)
from reconciler.health.unit_status import PAUSED_BY_HAND, UnitStatus
from reconciler.model import commands

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


#: Failures that pass by themselves, unlike a key that Fivetran rejects.
_PASSING = (TransportError, ServerError, RateLimited, UnexpectedAnswer)


class Readiness(Enum):
    """Whether a unit is ready, can become ready, or needs attention."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"
    """It needs attention: waiting changes nothing."""


class Duration(click.ParamType[timedelta]):
    """A time such as `90s`, `30m`, `6h` or `2d`."""

    name = "duration"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the time."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,5})([smhd])", value)
        if found is None:
            self.fail("expected a number with s, m, h or d, such as 30m", param, ctx)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


@dataclass(frozen=True)
class Followed:
    """The statuses at the end, and the exit code that follows from them."""

    statuses: Sequence[UnitStatus]
    code: Exit


def outcome(status: UnitStatus) -> Readiness:
    """Return whether a unit is ready, can become ready by itself, or needs attention.

    Ready is a unit whose DAG can be enabled, or whose first sync by Fivetran's own schedule is done.
    """
    is_paused_by_file = status.file_pause is not None and status.setup_state == "connected"
    if status.findings or status.ended is not None or is_paused_by_file:
        return Readiness.FAILED
    if status.airflow is not None:
        return Readiness.READY if status.airflow.safe else Readiness.WAITING
    done = status.setup_state == "connected" and status.paused is False and status.historical_sync_done
    return Readiness.READY if done else Readiness.WAITING


def describe(status: UnitStatus) -> str:
    """Return the step that a unit is in."""
    match outcome(status):
        case Readiness.READY:
            return status.airflow.words if status.airflow else "ready: its historical sync is done"
        case Readiness.FAILED:
            pause = f"its file pauses it ({status.file_pause})" if status.file_pause is not None else None
            reasons = [*status.findings, *filter(None, (status.ended, pause))]
            return f"needs attention: {'; '.join(reasons)}"
    if status.setup_state != "connected":
        return f"set-up is {status.setup_state or 'unknown'}: waiting for {status.awaiting or 'Fivetran'}"
    if not status.historical_sync_done:
        return f"historical sync: {status.sync_state or 'unknown'}"
    return "waiting for Fivetran to start it"


def _unstarted(status: UnitStatus) -> str:
    return f"set up: waiting for {commands.up(commands.stack_of(status.file), refresh=True)}, which starts it"


def _reason(error: FivetranError) -> str:
    """Return why a look failed, without Fivetran's message, which may quote a secret."""
    return f"Fivetran answered {error.status}" if isinstance(error, ApiError) else str(getattr(error, "reason", error))


def wait(
    units: Sequence[str], look: Callable[[], Sequence[UnitStatus]], limit: timedelta, interval: timedelta
) -> Followed:
    """Read the status until every unit is ready or needs attention, or until the timeout.

    If Fivetran or the network fails, the command shows that and asks again after the interval.

    Raises KeyboardInterrupt on Ctrl-C, after the last step of each unit is printed.
    """
    end = time.monotonic() + limit.total_seconds()
    statuses: Sequence[UnitStatus] = ()
    pending = set[str]()
    with follow() as show:
        while True:
            try:
                statuses = look()
            except _PASSING as error:
                for unit in units:
                    show(unit, f"not known at the moment: {_reason(error)}; trying again")
                outcomes = {Readiness.WAITING}
            else:
                pending |= {each.unit for each in statuses if each.setup_state != "connected"}
                # A connection that this command has seen before it was set up is paused until a run starts it.
                unstarted = {each.unit for each in statuses if each.findings == (PAUSED_BY_HAND,)} & pending
                for status in statuses:
                    show(status.unit, _unstarted(status) if status.unit in unstarted else describe(status))
                outcomes = {Readiness.WAITING if each.unit in unstarted else outcome(each) for each in statuses}
            left = end - time.monotonic()
            if Readiness.WAITING not in outcomes:
                return Followed(statuses, Exit.FINDINGS if Readiness.FAILED in outcomes else Exit.FINE)
            if left <= 0:
                return Followed(statuses, Exit.TIMED_OUT)
            time.sleep(min(interval.total_seconds(), left))
