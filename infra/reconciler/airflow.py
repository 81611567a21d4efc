"""The hand-over to Airflow: which variable holds which connection's id. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from reconciler.model import AirflowSchedule, Fleet

T = TypeVar("T")


def variable_name(task_id: str) -> str:
    """The Airflow variable that bigquery-etl's `depends_on_fivetran` reads for a task: `<task_id>_connector_id`."""
    return f"{task_id}_connector_id"


def variables(fleet: Fleet, connection_ids: Mapping[str, T]) -> dict[str, T]:
    """The flat object that `airflow variables import` reads, from the connection ids by unit name.

    Only units whose syncs Airflow triggers have a variable. The ids may be of any type, so that a program can pass
    values that the engine does not know yet.
    """
    return {
        variable_name(unit.connector.schedule.task_id): connection_ids[unit.name]
        for unit in fleet.units
        if unit.connector and isinstance(unit.connector.schedule, AirflowSchedule)
    }
