"""The units of an environment that expire, and the files of those that are already removed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from reconciler.lifecycle import expiry
from reconciler.lifecycle.expiry import Expiries, Stage
from reconciler.model import Fleet, Unit


@dataclass(frozen=True)
class ExpiringUnit:
    """A unit that expires. The field names are keys of the JSON output."""

    environment: str
    unit: str
    file: str
    stage: str
    expires: str
    """The last day, as an ISO date."""
    removed_on: str
    """The first day on which a run removes it, as an ISO date."""
    owners: tuple[str, ...]
    words: str | None
    """The message to its owners; None while its expiry is far ahead."""


def expiring_units(fleet: Fleet, day: date) -> Iterator[ExpiringUnit]:
    """Return the units that have an expiry date, in the order of their files."""
    expiries = Expiries(fleet, day)
    for unit in fleet.units:
        end = expiries.unit_expiry(unit)
        if end.last_day is None:
            continue
        yield ExpiringUnit(
            environment=fleet.environment.name,
            unit=unit.name,
            file=unit.file,
            stage=end.stage.value,
            expires=str(end.last_day),
            removed_on=str(end.removed_on),
            owners=unit.owners,
            words=expiry.describe_expiry(
                end,
                day,
                connects=unit.connector is not None,
                data=expiries.data_fate(unit),
                environment=fleet.environment.name,
            ),
        )


#: The types of the resources that are named after a unit or a dataset, as Pulumi's state has them.
_CONNECTION = "pulumi-python:dynamic/fivetran:Connection"
_DATASET = "gcp:bigquery/dataset:Dataset"


@dataclass(frozen=True)
class ExpiredFile:
    """The file of a unit whose removal is due. The field names are keys of the JSON output."""

    environment: str
    unit: str
    file: str
    expired: str
    """The last day, as an ISO date."""
    owners: tuple[str, ...]
    removed: bool
    """Whether the file can be removed; it stays while the stack still has what it declared."""


def expired_files(fleet: Fleet, day: date, stored: Collection[str]) -> list[ExpiredFile]:
    """Return the files of units whose removal is due: first those to delete, then those that stay.

    Args:
        fleet: The environment.
        day: The date to use as today.
        stored: The resources in the stack's state, as `type::name`.
    """
    expiries = Expiries(fleet, day)
    expired = [unit for unit in fleet.units if _is_removed(unit, expiries)]
    staying = {unit.name for unit in expired if not resources(unit).isdisjoint(stored)}
    # A unit that stays needs the file that declares its dataset.
    kept = [unit for unit in fleet.units if unit not in expired or unit.name in staying]
    staying |= {unit.dataset_unit for unit in kept if unit.dataset_unit}
    return [
        ExpiredFile(
            environment=fleet.environment.name,
            unit=unit.name,
            file=unit.file,
            expired=str(expiries.unit_expiry(unit).last_day),
            owners=unit.owners,
            removed=removed,
        )
        for removed in (True, False)
        for unit in expired
        if (unit.name not in staying) is removed
    ]


def _is_removed(unit: Unit, expiries: Expiries) -> bool:
    ends = [expiries.dataset_expiry(unit, dataset) for dataset in unit.all_datasets]
    if unit.connector is not None:
        ends.append(expiries.connector_expiry(unit))
    return all(end.stage is Stage.REMOVED for end in ends)


def resources(unit: Unit) -> set[str]:
    """Return the resources that a unit's file declares, as `type::name`."""
    connection = {f"{_CONNECTION}::{unit.name}"} if unit.connector is not None else set()
    return connection | {f"{_DATASET}::{dataset.id}" for dataset in unit.all_datasets}
