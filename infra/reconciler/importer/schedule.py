"""The `schedule` of a live connection."""

from __future__ import annotations

import keyword
import re
from collections.abc import Container
from itertools import count

from reconciler.fivetran.api import Connection
from reconciler.importer.draft import FILL_IN
from reconciler.model import SYNC_INTERVALS, AirflowSchedule, FivetranSchedule

_DAILY = SYNC_INTERVALS["24h"]
_HOUR = re.compile(r"[01][0-9]|2[0-3]")
_TASK = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_TASK = 200


def schedule_of(
    connection: Connection, unit: str, environment: str, known_task: str | None, taken: Container[str]
) -> tuple[AirflowSchedule | FivetranSchedule, str | None]:
    """Return the schedule, and the comment above it.

    A connection whose syncs Fivetran does not start gets `by: airflow`. `known_task` is the task whose variable has the
    connection's id; without one, the file gets a new name that is not in `taken`.
    """
    if connection.schedule_type == "manual":
        if known_task is not None and _is_task(known_task):
            return AirflowSchedule(known_task), None
        task = _free_task(unit, environment, taken)
        return AirflowSchedule(task), f"{FILL_IN} the Airflow task that starts the syncs"
    if connection.sync_frequency == _DAILY and connection.daily_sync_time:
        hour = connection.daily_sync_time.partition(":")[0].zfill(2)
        if _HOUR.fullmatch(hour):
            return FivetranSchedule(_DAILY, f"{hour}:00"), None
        return FivetranSchedule(
            _DAILY
        ), f"Fivetran has {connection.daily_sync_time!r} as the hour; files cannot declare that."
    minutes = connection.sync_frequency
    if minutes is None:
        return FivetranSchedule(), None
    nearest = min(SYNC_INTERVALS.values(), key=lambda offered: abs(offered - minutes))
    odd = f"Fivetran syncs every {minutes} minutes; files cannot declare that, and this is the nearest value."
    return FivetranSchedule(nearest), None if nearest == minutes else odd


def _is_task(name: str) -> bool:
    """Return whether a file can name this Airflow task."""
    return len(name) <= _LONGEST_TASK and _TASK.fullmatch(name) is not None and not keyword.iskeyword(name)


def _free_task(unit: str, environment: str, taken: Container[str]) -> str:
    """Return a task name that no other file has."""
    first = re.sub(r"[^A-Za-z0-9_]", "_", f"fivetran_{unit}")
    second = re.sub(r"[^A-Za-z0-9_]", "_", f"{first[: _LONGEST_TASK // 2]}_{environment[:50]}")
    if len(first) <= _LONGEST_TASK and first not in taken:
        return first
    return next(each for number in count(1) if (each := second if number == 1 else f"{second}_{number}") not in taken)
