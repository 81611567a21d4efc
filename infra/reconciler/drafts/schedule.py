"""Who starts a live connection's syncs → the schedule that declares it."""

from __future__ import annotations

from collections.abc import Container

from reconciler.client import Connection
from reconciler.drafts.draft import FILL_IN
from reconciler.model import SYNC_INTERVALS, AirflowSchedule, FivetranSchedule

_DAILY = SYNC_INTERVALS["24h"]


def schedule_of(
    connection: Connection, unit: str, environment: str, known_task: str | None, taken: Container[str]
) -> tuple[AirflowSchedule | FivetranSchedule, str | None]:
    """The schedule, and the comment above it.

    Syncs that somebody else starts are taken to be Airflow's. `known_task` is the task whose variable holds the
    connection's id; without it one is made up, other than those `taken`.
    """
    if connection.schedule_type == "manual":
        if known_task is not None:
            return AirflowSchedule(known_task), None
        task = f"fivetran_{unit}"
        task = task if task not in taken else f"{task}_{environment}"
        return AirflowSchedule(task), f"{FILL_IN} the Airflow task that starts the syncs"
    if connection.sync_frequency == _DAILY and connection.daily_sync_time:
        hour = connection.daily_sync_time.partition(":")[0].zfill(2)
        return FivetranSchedule(_DAILY, f"{hour}:00"), None
    minutes = connection.sync_frequency
    if minutes is None:
        return FivetranSchedule(), None
    nearest = min(SYNC_INTERVALS.values(), key=lambda offered: abs(offered - minutes))
    odd = f"Fivetran has every {minutes} minutes, which no file can say: this is the nearest."
    return FivetranSchedule(nearest), None if nearest == minutes else odd
