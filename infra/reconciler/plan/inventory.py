"""What Preflight stores of a unit from run to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.lifecycle import airflow
from reconciler.lifecycle.expiry import ActiveFleet, Expiries
from reconciler.lifecycle.removal import Ending, connection_ending, dataset_ending
from reconciler.model import CONNECTION_SETTINGS, Connector, Unit
from reconciler.model.reference import comparison_key, value_at


@dataclass(frozen=True)
class Declared:
    """The connection and the datasets (id → location) that one unit declares."""

    file: str
    service: str | None = None
    connection: str | None = None
    datasets: Mapping[str, str] = field(default_factory=dict)
    formerly: str | None = None
    tables: bool = False
    """Whether the file selects the connection's tables, so that a refresh reads those too."""
    variable: str | None = None
    """The Airflow variable that holds the connection's id."""
    expired: str | None = None
    """The last day of a unit whose connection, or a dataset, is therefore not declared any more."""
    resync: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The changes that `allow_resync` names: from and to, by `schema`, `service`, `group` and `config.<path>`."""
    permanent: Mapping[str, str] = field(default_factory=dict)
    """The declared values, as text, of keys of `config` that Fivetran does not change, by dotted path."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """What the file says for settings outside `config` that Fivetran does not change, by name."""
    ending: Ending = field(default_factory=Ending)
    """Of the connection."""
    dataset_endings: Mapping[str, Ending] = field(default_factory=dict)
    """By dataset."""
    sensitive: tuple[str, ...] = ()
    """The datasets that are declared as sensitive, whether or not that changes their access today."""

    def ending_of(self, dataset: str) -> Ending:
        """Return what an earlier run announced about the end of one of its datasets."""
        return self.dataset_endings.get(dataset, Ending())

    @property
    def is_protected(self) -> bool:
        """Whether the engine is to reject to delete the connection.

        The engine may replace one whose file names `allow_resync`.
        """
        return self.ending.is_protected and not self.resync

    @property
    def replaceable(self) -> str | None:
        """The connection that `allow_resync` lets a new one replace, whether that has happened or not."""
        return self.resync["schema"][0] if "schema" in self.resync else self.connection if self.resync else None

    @property
    def named_or_permanent(self) -> dict[str, bool]:
        """The keys of config that stay for good, by dotted path, with whether `allow_resync` names them."""
        return {path: f"config.{path}" in self.resync for path in self.permanent}

    def as_property(self) -> dict[str, Any]:
        """Return the unit as JSON, for state."""
        found = {
            **{key: getattr(self, key) for key in ("file", "service", "connection", "formerly", "variable", "expired")},
            "tables": self.tables,
            "datasets": dict(self.datasets),
            "permanent": dict(self.permanent),
            "fixed": dict(self.fixed),
            "resync": {key: list(change) for key, change in self.resync.items()},
            "sensitive": list(self.sensitive),
            "ending": self.ending.as_property(),
            "dataset_endings": {
                name: each for name, ending in self.dataset_endings.items() if (each := ending.as_property())
            },
        }
        return {key: value for key, value in found.items() if value}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Declared:
        """Read a unit from state. State of another version may lack parts of it, or have more."""
        return cls(
            file=stored["file"],
            **{key: stored.get(key) for key in ("service", "connection", "formerly", "variable", "expired")},
            tables=bool(stored.get("tables")),
            sensitive=tuple(stored.get("sensitive", ())),
            datasets=stored.get("datasets", {}),
            permanent=stored.get("permanent", {}),
            fixed=stored.get("fixed", {}),
            resync={key: (old, new) for key, (old, new) in stored.get("resync", {}).items()},
            ending=Ending.of(stored.get("ending", {})),
            dataset_endings={name: Ending.of(each) for name, each in stored.get("dataset_endings", {}).items()},
        )


def declarations(staged: ActiveFleet) -> dict[str, Declared]:
    """Return what a run declares, by unit.

    Also of units of which nothing is left, so that it is known why.
    """
    left = {unit.name: unit for unit in staged.fleet.units}
    return {unit.name: _declared(unit, left.get(unit.name), staged.expiries) for unit in staged.expiries.fleet.units}


def _declared(unit: Unit, left: Unit | None, expiries: Expiries) -> Declared:
    policy = expiries.fleet.environment.policy
    connector = left.connector if left else None
    datasets = left.all_datasets if left else ()
    ends = {dataset.id: expiries.dataset_expiry(unit, dataset) for dataset in unit.all_datasets}
    gone = [end for id_, end in ends.items() if id_ not in {dataset.id for dataset in datasets}]
    if unit.connector is not None and connector is None:
        gone.append(expiries.connector_expiry(unit))
    return Declared(
        file=unit.file,
        service=connector.service if connector else None,
        connection=connector.destination.connection_name if connector else None,
        datasets={dataset.id: dataset.location for dataset in datasets},
        formerly=unit.formerly,
        tables=connector is not None and connector.sync is not None,
        sensitive=tuple(sorted(dataset.id for dataset in datasets if dataset.sensitive)),
        variable=airflow.variable_of(connector) if connector else None,
        expired=max((str(end.last_day) for end in gone), default=None),
        resync=_resync(connector) if connector else {},
        permanent=_permanent(connector) if connector else {},
        fixed=_fixed(connector) if connector else {},
        ending=connection_ending(policy, unit, expiries.connector_expiry(unit)) if connector else Ending(),
        dataset_endings={dataset.id: dataset_ending(policy, unit, dataset, ends[dataset.id]) for dataset in datasets},
    )


def _resync(connector: Connector) -> dict[str, tuple[str, str]]:
    allowed = connector.allow_resync
    if allowed is None:
        return {}
    changes = {"schema": allowed.schema, "service": allowed.service, "group": allowed.group}
    changes |= {f"config.{key}": change for key, change in allowed.config.items()}
    return {
        key: (comparison_key(change.old), comparison_key(change.new))
        for key, change in changes.items()
        if change is not None
    }


def _permanent(connector: Connector) -> dict[str, str]:
    found = {path: value_at(connector.config, path) for path in connector.permanent}
    return {path: comparison_key(value) for path, value in found.items() if value is not None}


def _fixed(connector: Connector) -> dict[str, str]:
    settings = connector.settings.items()
    return {name: comparison_key(value) for name, value in settings if CONNECTION_SETTINGS[name].fixed}
