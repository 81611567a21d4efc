"""Fleets of units that end, for tests of when they do."""

from dataclasses import replace
from datetime import date, timedelta

from reconciler.lifecycle.expiry import apply_expiry
from reconciler.model import (
    AirflowSchedule,
    Connector,
    Dataset,
    Destination,
    DestinationSchema,
    Environment,
    Fleet,
    Unit,
)
from reconciler.model.policy import ExpiryPolicy, Never, Policy

LAST = date(2026, 12, 31)
USUAL = ExpiryPolicy(warn=timedelta(14), grace=timedelta(7))


def fleet(*units: Unit, policy: Policy | None = None) -> Fleet:
    where = Destination("US", "GCP_US_EAST4", "0")
    environment = Environment("dev", "dev/environment.yaml", "p", "g", where, policy=policy or Policy(USUAL))
    return Fleet(environment, units)


def dataset(name: str, expires: date | Never | None = None, **further: object) -> Unit:
    """A dataset alone."""
    unit = Unit(name, f"dev/{name}.yaml", "d", ("o@example.com",), datasets=(Dataset(name, "US"),), expires=expires)
    return replace(unit, **further)  # type: ignore[arg-type]


def connector(name: str, expires: date | Never | None = None, to: str | None = None, **further: object) -> Unit:
    """A connector with its dataset, or one that writes to another unit's."""
    target = DestinationSchema(to or name, table=name if to else None)
    made = Connector("stripe", target, schedule=AirflowSchedule(name))
    return dataset(name, expires, connector=made, **({"datasets": (), "dataset_unit": to} if to else {}), **further)


def exists(of: Fleet, today: date) -> tuple[set[str], set[str]]:
    """The connectors and the datasets that are to exist."""
    left = apply_expiry(of, today).fleet.units
    return {unit.name for unit in left if unit.connector}, {each.id for unit in left for each in unit.all_datasets}
