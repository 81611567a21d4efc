"""The units of an estate as rows, what needs attention, and what ends next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal, TypeAlias
from urllib.parse import quote, urlencode

from reconciler.estate.access import AccessGrant
from reconciler.health.unit_status import PAUSED_BY_HAND, UnitStatus, format_schedule
from reconciler.lifecycle.airflow import variable_of
from reconciler.lifecycle.expiry import Expiries, Stage
from reconciler.model import AirflowSchedule, Fleet, Unit
from reconciler.model.policy import Never

#: The state of a unit in one word. `unread`: Fivetran was not asked; `data`: the unit is a dataset alone.
State: TypeAlias = Literal["attention", "pending", "paused", "ended", "fine", "unread", "data"]

#: What the page calls each state.
STATE_WORDS: Mapping[str, str] = {
    "attention": "needs attention",
    "pending": "pending",
    "paused": "paused",
    "ended": "expired or retired",
    "fine": "works",
    "unread": "not read",
    "data": "dataset alone",
}


@dataclass(frozen=True)
class DatasetRow:
    """A dataset that a unit fills or declares."""

    id: str
    project: str
    sensitive: bool

    @property
    def url(self) -> str:
        """The dataset in Google's console."""
        query = urlencode({"project": self.project, "p": self.project, "d": self.id, "page": "dataset"})
        return f"https://console.cloud.google.com/bigquery?{query}"


@dataclass(frozen=True)
class UnitRow:
    """A unit as the page shows it: one file, with what was read about it."""

    environment: str
    unit: Unit
    state: State
    datasets: tuple[DatasetRow, ...]
    schedule: str
    """When it syncs; empty without a connector."""
    task: str | None
    """The Airflow task that starts its syncs."""
    variable: str | None
    expires: date | None
    removed_on: date | None
    stage: str
    grants: tuple[AccessGrant, ...]
    """Who can read its datasets."""
    status: UnitStatus | None = None
    """What was read from Fivetran."""

    @property
    def never(self) -> str | None:
        """The reason why it does not expire."""
        return self.unit.expires.never if isinstance(self.unit.expires, Never) else None

    @property
    def connection_url(self) -> str | None:
        """The connection in Fivetran's dashboard."""
        if self.status is None or self.status.connection is None:
            return None
        return f"https://fivetran.com/dashboard/connections/{quote(self.status.connection, safe='')}/status"


@dataclass(frozen=True)
class Attention:
    """One thing that needs attention, and what to do about it."""

    heading: str
    text: str
    step: str = ""
    level: Literal["failed", "warning", "notice"] = "warning"
    environment: str = ""
    unit: str = ""
    file: str = ""
    owners: tuple[str, ...] = ()


@dataclass(frozen=True)
class UpcomingEnd:
    """Something that ends on a day: the last day on which it holds."""

    day: date
    kind: Literal["expiry", "removal", "access", "action"]
    text: str
    environment: str
    unit: str
    owners: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """What was read for one environment, and what was not."""

    environment: str
    project: str
    group: str
    read: tuple[str, ...] = ()
    not_read: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estate:
    """Everything that the page shows."""

    day: date
    made_at: str
    """The moment, as text in UTC."""
    rows: tuple[UnitRow, ...]
    attention: tuple[Attention, ...] = ()
    readings: tuple[Coverage, ...] = ()
    endings: tuple[UpcomingEnd, ...] = ()
    trials: frozenset[str] = frozenset()
    """The environments in which every unit expires: what fails in another one comes first."""
    source: str = ""
    """The address of the files at their commit, to which a file's path is appended; empty without one."""
    places: Mapping[str, str] = field(default_factory=dict)


def build_rows(
    fleet: Fleet, day: date, grants: Iterable[AccessGrant], statuses: Mapping[str, UnitStatus] | None
) -> Iterator[UnitRow]:
    """Yield the rows of an environment.

    Args:
        fleet: The environment with its units.
        day: The date to use as today.
        grants: The grants on its datasets.
        statuses: What was read from Fivetran by unit; None if nothing was.
    """
    lives = Expiries(fleet, day)
    by_dataset: dict[str, list[AccessGrant]] = {}
    for grant in grants:
        if grant.environment == fleet.environment.name and grant.reads is not False:
            by_dataset.setdefault(grant.dataset, []).append(grant)
    for unit in fleet.units:
        datasets = {each.id: each for each in (*unit.all_datasets, *fleet.datasets_of(unit))}
        end = lives.unit_expiry(unit) if unit.connector or unit.datasets else None
        connector = unit.connector
        status = statuses.get(unit.name) if statuses is not None else None
        yield UnitRow(
            environment=fleet.environment.name,
            unit=unit,
            state=_state(unit, status, end.stage if end else Stage.NONE),
            datasets=tuple(
                DatasetRow(each.id, fleet.environment.gcp_project, each.sensitive) for each in datasets.values()
            ),
            schedule=format_schedule(connector) if connector else "",
            task=connector.schedule.task_id if connector and isinstance(connector.schedule, AirflowSchedule) else None,
            variable=variable_of(connector) if connector else None,
            expires=end.last_day if end else None,
            removed_on=end.removed_on if end else None,
            stage=end.stage.value if end else Stage.NONE.value,
            grants=tuple(grant for id_ in datasets for grant in by_dataset.get(id_, ())),
            status=status,
        )


def _state(unit: Unit, status: UnitStatus | None, stage: Stage) -> State:
    if unit.connector is None:
        return "data"
    if unit.retire is not None or stage in (Stage.PAUSED, Stage.REMOVED):
        return "ended"
    if status is None:
        return "paused" if unit.connector.paused is not None else "unread"
    if any(finding != PAUSED_BY_HAND for finding in status.findings):
        return "attention"
    if status.awaiting is not None:
        return "pending"
    return "paused" if status.paused else "fine"


def find_endings(fleet: Fleet, day: date) -> list[UpcomingEnd]:
    """Return what ends from a day on, the next first.

    These are expiries, removals, access, and days for pending actions.
    """
    found: list[UpcomingEnd] = []
    environment = fleet.environment.name
    lives = Expiries(fleet, day)

    def add(on: date | None, kind: Literal["expiry", "removal", "access", "action"], text: str, unit: Unit) -> None:
        if on is not None and on >= day:
            found.append(UpcomingEnd(on, kind, text, environment, unit.name, unit.owners))

    for unit in fleet.units:
        if unit.connector or unit.datasets:
            end = lives.unit_expiry(unit)
            add(
                end.last_day,
                "expiry",
                "expires: its connection is paused after this day" if unit.connector else "expires",
                unit,
            )
            if end.last_day is not None and end.last_day < day:
                add(end.removed_on, "removal", "is removed on this day", unit)
        if unit.connector is not None and unit.connector.awaiting is not None:
            awaiting = unit.connector.awaiting
            add(date.fromisoformat(awaiting.until), "action", f"must be done: {awaiting.what}", unit)
        for dataset in unit.all_datasets:
            for grant in dataset.access:
                for member in grant.members:
                    ticket = f" ({grant.ticket})" if grant.ticket else ""
                    add(grant.until, "access", f"{member} can read {dataset.id} until this day{ticket}", unit)
    return sorted(found, key=lambda each: (each.day, each.environment, each.unit, each.text))


def weeks_of(endings: Sequence[UpcomingEnd], day: date, weeks: int) -> list[tuple[date, int]]:
    """Return for each of the next weeks its first day and how many things end in it."""
    starts = [day + timedelta(weeks=number) for number in range(weeks)]
    return [(start, sum(start <= each.day < start + timedelta(weeks=1) for each in endings)) for start in starts]
