"""When a connection or a dataset ends, and what stage of that it is in today. Pure: today is an input.

    ahead | warned, for the last days | (the last good day) | paused, for the days of grace | removed

A date is the last good day, in UTC. With 7 days of grace, what expires on the 10th is paused from the 11th on and gone
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


class Data(Enum):
    """What becomes of the data that a unit is about, on the day when the unit is removed."""

    GOES = "goes"
    """It is removed with it."""
    STAYS = "stays"
    """Its own dataset stays, as others' connectors write it too."""
    ELSEWHERE = "elsewhere"
    """Another file declares the dataset, which lives as long as that says and as its last connector."""


class Stage(Enum):
    """Where something is on its way to its end."""

    NONE = "none"
    AHEAD = "ahead"
    WARNED = "warned"
    PAUSED = "paused"
    REMOVED = "removed"


@dataclass(frozen=True)
class Life:
    """The last good day of something, the first day on which it is no more, and where between them today is."""

    stage: Stage = Stage.NONE
    last_day: date | None = None
    removed_on: date | None = None

    @property
    def label(self) -> str | None:
        """The value of `LABEL`: the moment of removal."""
        if self.removed_on is None:
            return None
        return str(int(datetime.combine(self.removed_on, time(), UTC).timestamp()) * 1000)


def life(expires: date | Never | None, policy: ExpiryPolicy, today: date) -> Life:
    """What a date means today. Where expiry is forbidden nothing ever expires, whatever a file says."""
    if policy.forbidden or not isinstance(expires, date):
        return Life()
    removed_on = _later(_later(expires, timedelta(days=1)), policy.grace)
    if today >= removed_on:
        stage = Stage.REMOVED
    elif today > expires:
        stage = Stage.PAUSED
    else:
        stage = Stage.WARNED if expires - today <= policy.warn else Stage.AHEAD
    return Life(stage, expires, removed_on)


def removed_on(labels: Mapping[str, str]) -> date | None:
    """The day from which a dataset with these labels is no more: `Life.label` read back.

    Somebody may have changed it by hand: what is no moment is no label, what is beyond the calendar is its last day.
    """
    label = labels.get(LABEL, "")
    if not label.isdecimal():
        return None
    try:
        return datetime.fromtimestamp(int(label) / 1000, UTC).date()
    except (OverflowError, ValueError, OSError):
        return date.max


def latest(ends: Iterable[date | Never | None]) -> date | None:
    """The end of what lives as long as the last of these; None when one of them has no end, or there are none."""
    dates = []
    for end in ends:
        if not isinstance(end, date):
            return None
        dates.append(end)
    return max(dates, default=None)


@dataclass(frozen=True)
class Lives:
    """The lives of everything in a fleet, today."""

    fleet: Fleet
    today: date

    def of_connector(self, unit: Unit) -> Life:
        """A connector lives as long as its file says."""
        return self._life(unit.expires)

    def of_dataset(self, unit: Unit, dataset: Dataset) -> Life:
        """A dataset lives as long as its own file says and as its last connector, whichever is longer.

        One whose file says nothing has no life but that of its connectors.
        """
        writers = self.fleet.writers_of(dataset)
        own = [] if unit.expires is None and writers else [unit.expires]
        return self._life(latest([*own, *(writer.expires for writer in writers)]))

    def _life(self, expires: date | Never | None) -> Life:
        return life(expires, self.fleet.environment.policy.expiry, self.today)

    def of_unit(self, unit: Unit) -> Life:
        """The life of what a file is about: its connector, or its dataset where that is all there is."""
        if unit.connector is not None:
            return self.of_connector(unit)
        return max((self.of_dataset(unit, each) for each in unit.datasets), key=lambda end: end.last_day or date.max)

    def data_of(self, unit: Unit) -> Data:
        """What becomes of the data when the unit's life is over."""
        last_day = self.of_unit(unit).last_day
        ends = [self.of_dataset(unit, each).last_day for each in unit.datasets]
        return data_after(last_day, ends, elsewhere=unit.dataset_unit is not None)


def data_after(last_day: date | None, ends: Iterable[date | None], *, elsewhere: bool) -> Data:
    """What becomes of data when what ends on `last_day` is removed: `ends` are those of the datasets it declares."""
    if elsewhere:
        return Data.ELSEWHERE
    return Data.GOES if all(end == last_day for end in ends) else Data.STAYS


def words(
    end: Life, today: date, *, connects: bool, data: Data = Data.GOES, environment: str | None = None
) -> str | None:
    """What to tell the people who own something that ends soon, or has ended; `connects` says that it is a connection.

    None where there is nothing to tell yet.
    """
    goes = "removed with its data" if data is Data.GOES else "removed"
    match end.stage:
        case Stage.WARNED:
            days = (end.last_day - today).days if end.last_day else 0
            when = {0: "today is the last good day", 1: "in 1 day"}.get(days, f"in {days} days")
            pause = "its connection is paused after that, and " if connects else ""
            return f"expires on {end.last_day}, {when}: {pause}it is {goes} on {end.removed_on}; {_EXTEND}"
        case Stage.PAUSED:
            pause = "its connection is paused, and " if connects else ""
            return f"expired on {end.last_day}: {pause}it is {goes} on {end.removed_on}; {_EXTEND}"
        case Stage.REMOVED if data is Data.STAYS:
            return f"expired on {end.last_day} and is removed: the file stays, for the dataset that others write"
        case Stage.REMOVED:
            sweep = commands.reconciler("sweep", environment=environment)
            return f"expired on {end.last_day} and is {goes}: delete the file, as {sweep} does"
    return None


@dataclass(frozen=True)
class Staged:
    """What of a fleet is to exist today."""

    fleet: Fleet
    """Without what is removed and without access that has ended; connectors that expired or retire are paused;
    datasets have their label."""
    lives: Lives
    """The lives of the whole fleet, also of what is left out here."""


def stage(fleet: Fleet, today: date) -> Staged:
    """Leave out of a fleet what its expiry has removed and whose access has ended; pause what expired or retires."""
    lives = Lives(fleet, today)
    units = [_staged(unit, lives) for unit in fleet.units]
    left = tuple(unit for unit in units if unit.connector is not None or unit.all_datasets)
    return Staged(Fleet(fleet.environment, left), lives)


def ending(unit: Unit, lives: Lives) -> str | None:
    """Why a unit's connector may not run any more, for a person to read; None when it may."""
    if unit.retire is not None:
        return f"retired: {unit.retire.ticket}"
    end = lives.of_connector(unit)
    return f"expired on {end.last_day}" if end.stage in (Stage.PAUSED, Stage.REMOVED) else None


def _staged(unit: Unit, lives: Lives) -> Unit:
    connector = unit.connector
    if lives.of_connector(unit).stage is Stage.REMOVED:
        connector = None
    elif connector is not None and (reason := ending(unit, lives)):
        connector = replace(connector, paused=reason, ended=True)
    return replace(
        unit,
        connector=connector,
        datasets=_left(unit, unit.datasets, lives),
        former_datasets=_left(unit, unit.former_datasets, lives),
    )


def _left(unit: Unit, datasets: Iterable[Dataset], lives: Lives) -> tuple[Dataset, ...]:
    with_lives = [(dataset, lives.of_dataset(unit, dataset)) for dataset in datasets]
    return tuple(
        _labelled(_without_ended_access(dataset, lives.today), end)
        for dataset, end in with_lives
        if end.stage is not Stage.REMOVED
    )


def _labelled(dataset: Dataset, end: Life) -> Dataset:
    return replace(dataset, labels={**dataset.labels, LABEL: end.label}) if end.label else dataset


def _without_ended_access(dataset: Dataset, today: date) -> Dataset:
    """The dataset without grants whose last day is over: BigQuery has ended those, and so their entries go as well."""
    left = tuple(grant for grant in dataset.access if grant.until is None or grant.until >= today)
    return dataset if left == dataset.access else replace(dataset, access=left)


def _later(day: date, by: timedelta) -> date:
    return date.max if by > date.max - day else day + by
