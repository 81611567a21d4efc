"""The hand-over to Airflow: which variable holds which connection's id. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from reconciler.model import AirflowSchedule, Connector, Fleet

T = TypeVar("T")


def variable_name(task_id: str) -> str:
    """The Airflow variable that bigquery-etl's `depends_on_fivetran` reads for a task: `<task_id>_connector_id`."""
    return f"{task_id}_connector_id"


def variable_of(connector: Connector) -> str | None:
    """The variable of a connector whose syncs Airflow triggers; None for others."""
    schedule = connector.schedule
    return variable_name(schedule.task_id) if isinstance(schedule, AirflowSchedule) else None


def variables(fleet: Fleet, connection_ids: Mapping[str, T]) -> dict[str, T]:
    """The flat object that `airflow variables import` reads, from the connection ids by unit name.

    Only units whose syncs Airflow triggers have a variable, and of these not what expired or retires: Airflow would
    unpause it. The ids may be of any type, so that a program can pass values that the engine does not know yet.
    """
    return {
        variable: connection_ids[unit.name]
        for unit in fleet.units
        if unit.connector and not unit.connector.ended and (variable := variable_of(unit.connector))
    }
