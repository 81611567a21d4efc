"""The hand-over to Airflow: which variable holds which connection's id. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

    Only units whose syncs Airflow triggers have a variable, and of these not what the file pauses, what expired or what
    retires: Airflow's operator would unpause it. The ids may be of any type, so that a program can pass values that the
    engine does not know yet.
    """
    return {
        variable: connection_ids[unit.name]
        for unit in fleet.units
        if unit.connector and unit.connector.paused is None and (variable := variable_of(unit.connector))
    }


@dataclass(frozen=True)
class Withdrawal:
    """A variable that Airflow must not have any more, the file that declares its unit, and the reason."""

    variable: str
    file: str
    reason: str

    def __str__(self) -> str:
        return f"{delete_variable(self.variable)}: {self.reason}"


def delete_variable(variable: str) -> str:
    """Return what a person has to do about a withdrawn variable: `airflow variables import` never deletes one."""
    return f"delete the Airflow variable {variable}, as `airflow variables delete {variable}` does"


def withdrawals(declared: Fleet, staged: Fleet) -> list[Withdrawal]:
    """Return the variables of units that the files still declare and that must not sync, sorted by variable.

    Args:
        declared: All units of an environment.
        staged: Those units as of today, without what expiry has removed (`expiry.stage`).
    """
    connectors = {unit.name: unit.connector for unit in staged.units}
    found = []
    for unit in declared.units:
        variable = unit.connector and variable_of(unit.connector)
        now = connectors.get(unit.name)
        if variable and now is None:
            found.append(Withdrawal(variable, unit.file, "its connection expired and is removed"))
        elif variable and now is not None and now.paused is not None:
            found.append(Withdrawal(variable, unit.file, f"its connection is paused ({now.paused})"))
    return sorted(found, key=lambda each: each.variable)
