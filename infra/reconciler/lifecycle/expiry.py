"""Compute when connections and datasets expire, and the stage they are in. Pure: today is an input.

    ahead | warned, for the last days | (the last day) | paused, for the days of grace | removed

A date is the last day, in UTC. With 7 days of grace, what expires on the 10th is paused from the 11th on and gone
from the 18th on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

from reconciler.model import Dataset, Fleet, Unit, commands
from reconciler.model.policy import ExpiryPolicy, Never

#: The label with the moment of removal in Unix milliseconds, which bigquery-etl's own cleaner reads as well.
LABEL = "expires_on"

_EXTEND = "write a later date in `expires` to prevent that"


class DataFate(Enum):
    """What happens to a unit's data on the day when the unit is removed."""

    DELETED = "deleted"
    """It is deleted with the unit."""
    KEPT = "kept"
    """Its own dataset stays, because connectors of other units write it too."""
    ELSEWHERE = "elsewhere"
    """Another file declares the dataset, which exists until the later of its own expiry and its last connector's."""


class Stage(Enum):
    """The stage of an expiry."""

    NONE = "none"
    AHEAD = "ahead"
    WARNED = "warned"
    PAUSED = "paused"
    REMOVED = "removed"


@dataclass(frozen=True)
class Expiry:
    """The last day, the day of removal, and the stage that today is in."""

    stage: Stage = Stage.NONE
    last_day: date | None = None
    removed_on: date | None = None

    @property
    def label(self) -> str | None:
        """The value of `LABEL`: the moment of removal."""
        if self.removed_on is None:
            return None
        return str(int(datetime.combine(self.removed_on, time(), UTC).timestamp()) * 1000)


def compute_expiry(expires: date | Never | None, policy: ExpiryPolicy, today: date) -> Expiry:
    """Return the expiry of a date today. Where the policy forbids expiry, nothing expires."""
    if policy.forbidden or not isinstance(expires, date):
        return Expiry()
    removed_on = _later(_later(expires, timedelta(days=1)), policy.grace)
    if today >= removed_on:
        stage = Stage.REMOVED
    elif today > expires:
        stage = Stage.PAUSED
    else:
        stage = Stage.WARNED if expires - today <= policy.warn else Stage.AHEAD
    return Expiry(stage, expires, removed_on)


def removed_on(labels: Mapping[str, str]) -> date | None:
    """Return the day of removal that a dataset's label has: the reverse of `Expiry.label`.

    The label may have been edited by hand: an invalid moment counts as no label, one beyond the calendar as the
    last day.
    """
    label = labels.get(LABEL, "")
    if not label.isdecimal():
        return None
    try:
        return datetime.fromtimestamp(int(label) / 1000, UTC).date()
    except (OverflowError, ValueError, OSError):
        return date.max


def latest_expiry(ends: Iterable[date | Never | None]) -> date | None:
    """Return the latest of these dates; None when one of them is missing, or there are none."""
    dates = []
    for end in ends:
        if not isinstance(end, date):
            return None
        dates.append(end)
    return max(dates, default=None)


@dataclass(frozen=True)
class Expiries:
    """The expiry of everything in a fleet, today."""

    fleet: Fleet
    today: date

    def connector_expiry(self, unit: Unit) -> Expiry:
        """Return when a connector expires: as its file says."""
        return self._expiry(unit.expires)

    def dataset_expiry(self, unit: Unit, dataset: Dataset) -> Expiry:
        """Return when a dataset expires: by its own file or its last connector, whichever is later.

        One whose file says nothing has no life but that of its connectors.
        """
        writers = self.fleet.writers_of(dataset)
        own = [] if unit.expires is None and writers else [unit.expires]
        return self._expiry(latest_expiry([*own, *(writer.expires for writer in writers)]))

    def _expiry(self, expires: date | Never | None) -> Expiry:
        return compute_expiry(expires, self.fleet.environment.policy.expiry, self.today)

    def unit_expiry(self, unit: Unit) -> Expiry:
        """Return when a unit expires: its connector, or its dataset where it has no connector."""
        if unit.connector is not None:
            return self.connector_expiry(unit)
        return max(
            (self.dataset_expiry(unit, each) for each in unit.datasets), key=lambda end: end.last_day or date.max
        )

    def data_fate(self, unit: Unit) -> DataFate:
        """Return what happens to the data when the unit is removed."""
        last_day = self.unit_expiry(unit).last_day
        ends = [self.dataset_expiry(unit, each).last_day for each in unit.datasets]
        return fate_of_data(last_day, ends, elsewhere=unit.dataset_unit is not None)


def fate_of_data(last_day: date | None, ends: Iterable[date | None], *, elsewhere: bool) -> DataFate:
    """Return what happens to data when a unit that expires on `last_day` is removed."""
    if elsewhere:
        return DataFate.ELSEWHERE
    return DataFate.DELETED if all(end == last_day for end in ends) else DataFate.KEPT


def describe_expiry(end: Expiry, today: date, *, connects: bool, data: DataFate, environment: str | None) -> str | None:
    """Describe for owners that something expires soon, or has expired; None otherwise."""
    with_data = " with its data" if data is DataFate.DELETED else ""
    match end.stage:
        case Stage.WARNED:
            days = (end.last_day - today).days if end.last_day else 0
            when = {0: "today is the last day", 1: "in 1 day"}.get(days, f"in {days} days")
            pause = "its connection is paused after that, and " if connects else ""
            return f"expires on {end.last_day}, {when}: {pause}it is removed{with_data} on {end.removed_on}; {_EXTEND}"
        case Stage.PAUSED:
            pause = "its connection is paused, and " if connects else ""
            return f"expired on {end.last_day}: {pause}it is removed{with_data} on {end.removed_on}; {_EXTEND}"
        case Stage.REMOVED if data is DataFate.KEPT:
            return (
                f"expired on {end.last_day}, and a run removes its connection; keep the file, because other connectors "
                "write its dataset"
            )
        case Stage.REMOVED:
            sweep = commands.reconciler("sweep", environment=environment)
            return f"expired on {end.last_day}, and a run removes it{with_data}; delete the file with {sweep}"
    return None


@dataclass(frozen=True)
class ActiveFleet:
    """The part of a fleet that exists today."""

    fleet: Fleet
    """Without what is removed and without access that has ended; connectors that expired or retire are paused;
    datasets have their label."""
    expiries: Expiries
    """The expiry of everything in the whole fleet, also of what is left out here."""


def apply_expiry(fleet: Fleet, today: date) -> ActiveFleet:
    """Leave out what its expiry removed and access that ended; pause what expired or retires."""
    expiries = Expiries(fleet, today)
    units = [_apply_expiry(unit, expiries) for unit in fleet.units]
    left = tuple(unit for unit in units if unit.connector is not None or unit.all_datasets)
    return ActiveFleet(Fleet(fleet.environment, left), expiries)


def pause_reason(unit: Unit, expiries: Expiries) -> str | None:
    """Return why a unit's connector may not run any more; None when it may."""
    if unit.retire is not None:
        return f"retired: {unit.retire.ticket}"
    end = expiries.connector_expiry(unit)
    return f"expired on {end.last_day}" if end.stage in (Stage.PAUSED, Stage.REMOVED) else None


def _apply_expiry(unit: Unit, expiries: Expiries) -> Unit:
    connector = unit.connector
    if expiries.connector_expiry(unit).stage is Stage.REMOVED:
        connector = None
    elif connector is not None and (reason := pause_reason(unit, expiries)):
        connector = replace(connector, paused=reason, ended=True)
    return replace(
        unit,
        connector=connector,
        datasets=_remaining(unit, unit.datasets, expiries),
        former_datasets=_remaining(unit, unit.former_datasets, expiries),
    )


def _remaining(unit: Unit, datasets: Iterable[Dataset], expiries: Expiries) -> tuple[Dataset, ...]:
    with_expiries = [(dataset, expiries.dataset_expiry(unit, dataset)) for dataset in datasets]
    return tuple(
        _with_label(_without_ended_access(dataset, expiries.today), end)
        for dataset, end in with_expiries
        if end.stage is not Stage.REMOVED
    )


def _with_label(dataset: Dataset, end: Expiry) -> Dataset:
    return replace(dataset, labels={**dataset.labels, LABEL: end.label}) if end.label else dataset


def _without_ended_access(dataset: Dataset, today: date) -> Dataset:
    """Return the dataset without grants whose last day is over, which BigQuery has ended."""
    left = tuple(grant for grant in dataset.access if grant.until is None or grant.until >= today)
    return dataset if left == dataset.access else replace(dataset, access=left)


def _later(day: date, by: timedelta) -> date:
    return date.max if by > date.max - day else day + by
