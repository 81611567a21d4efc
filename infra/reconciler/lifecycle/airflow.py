"""Compute which Airflow variable has which connection's id, and which variables to delete. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from reconciler.model import AirflowSchedule, Connector, Fleet

T = TypeVar("T")


def variable_name(task_id: str) -> str:
    """Return the variable that bigquery-etl's `depends_on_fivetran` reads: `<task_id>_connector_id`."""
    return f"{task_id}_connector_id"


def variable_of(connector: Connector) -> str | None:
    """Return the variable of a connector whose syncs Airflow triggers; None for others."""
    schedule = connector.schedule
    return variable_name(schedule.task_id) if isinstance(schedule, AirflowSchedule) else None


def variables(fleet: Fleet, connection_ids: Mapping[str, T]) -> dict[str, T]:
    """Return the variables with the connection ids, as `airflow variables import` reads them.

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
class ObsoleteVariable:
    """A variable to delete in Airflow, the file that declares its unit, and the reason."""

    variable: str
    file: str
    reason: str

    def __str__(self) -> str:
        return format_deletion(self.variable, self.reason)


def format_deletion(variable: str, reason: str) -> str:
    """Format the instruction to delete a variable: `airflow variables import` never does."""
    return f"the Airflow variable {variable} is obsolete: {reason}\n    Run `airflow variables delete {variable}`."


def find_obsolete_variables(declared: Fleet, staged: Fleet) -> list[ObsoleteVariable]:
    """Return the variables of declared units that must not sync, sorted by variable.

    Args:
        declared: All units of an environment.
        staged: Those units as of today, without what expiry has removed (`expiry.apply_expiry`).
    """
    connectors = {unit.name: unit.connector for unit in staged.units}
    found = []
    for unit in declared.units:
        variable = unit.connector and variable_of(unit.connector)
        now = connectors.get(unit.name)
        if variable and now is None:
            found.append(ObsoleteVariable(variable, unit.file, "its connection is deleted (expired)"))
        elif variable and now is not None and now.paused is not None:
            found.append(ObsoleteVariable(variable, unit.file, f"its connection is paused ({now.paused})"))
    return sorted(found, key=lambda each: each.variable)
