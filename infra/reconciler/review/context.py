"""What the functions that find consequences share: the files of a run, today, and the preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from reconciler.config import Loaded
from reconciler.google.bigquery.declared_dataset import dataset_path
from reconciler.lifecycle import airflow
from reconciler.lifecycle.expiry import ActiveFleet, Expiry
from reconciler.lifecycle.removal import Ending
from reconciler.model import Dataset, Environment, Unit
from reconciler.plan.environment_rules import RULES, named_grants, read_rules
from reconciler.plan.inventory import Declared
from reconciler.review.preview import Preview


@dataclass(frozen=True)
class Context:
    """One preview, beside the files that it was made of."""

    preview: Preview
    active: ActiveFleet
    """What the files declare, as of today."""
    loaded: Loaded
    tables: Mapping[str, int] = field(default_factory=dict)
    """How many tables a dataset holds, by its id, as far as it is known."""

    @property
    def environment(self) -> Environment:
        """The environment of the stack."""
        return self.active.fleet.environment

    @cached_property
    def units(self) -> dict[str, Unit]:
        """The units that the files declare, by name: expired ones too."""
        return {unit.name: unit for unit in self.active.expiries.fleet.units}

    @cached_property
    def datasets(self) -> dict[str, tuple[Unit, Dataset]]:
        """The declared datasets with their unit, by id."""
        units = self.active.expiries.fleet.units
        return {dataset.id: (unit, dataset) for unit in units for dataset in unit.all_datasets}

    @cached_property
    def before(self) -> dict[str, Declared]:
        """What the last run recorded of each unit, by its name today; empty where nothing of that changes."""
        recorded = self._recorded("old")
        names = {unit.formerly: name for name, unit in self.units.items() if unit.formerly and name not in recorded}
        return {names.get(name, name): unit for name, unit in recorded.items()}

    @cached_property
    def after(self) -> dict[str, Declared]:
        """What this run would record of each unit; empty where nothing of that changes."""
        return self._recorded("new")

    @cached_property
    def former_units(self) -> dict[str, str]:
        """The unit that had a dataset in the last run, by the dataset and by the unit's name today."""
        return {dataset: name for name, unit in self.before.items() for dataset in unit.datasets}

    def connection_of_last_run(self, unit: str) -> str | None:
        """Return the id of the connection that a unit had after the last run, also under its former name."""
        recorded = self.preview.outputs.get("units")
        former = self.units[unit].formerly if unit in self.units else None
        if not isinstance(recorded, dict):
            return None
        for name in (unit, former):
            found = recorded.get(name)
            if isinstance(found, dict) and found.get("connection_id"):
                return str(found["connection_id"])
        return None

    def recorded_of(self, dataset: str) -> Declared | None:
        """Return what the last run recorded of the unit that had a dataset, which may be another one today."""
        return self.before.get(self.former_units.get(dataset, ""))

    def unit_of(self, dataset: str) -> str:
        """Return the name of the unit that declares a dataset, or declared it in the last run."""
        if dataset in self.datasets:
            return self.datasets[dataset][0].name
        return self.former_units.get(dataset, "")

    def has_come(self, ending: Ending) -> bool:
        """Return whether an end that an earlier run recorded has come."""
        return ending.has_expired(self.active.expiries.today)

    def describe_past_expiry(self, expiry: Expiry) -> str:
        """Return why a run deletes what no earlier run had scheduled: the file names a past day."""
        return f": its file says that its last day was {expiry.last_day}, and the grace period after that day is over"

    def place(self, unit: str, *path: str | int) -> str:
        """Return the line of a unit's file, or the file's name where the file is gone."""
        if unit in self.units:
            return self.loaded.places.find(self.units[unit].file, *path)
        recorded = self.before.get(unit)
        return recorded.file if recorded else ""

    def dataset_place(self, dataset: str, *path: str | int) -> str:
        """Return the line of a dataset in the file that declares it, or the name of the file that did."""
        if dataset not in self.datasets:
            return self.place(self.unit_of(dataset))
        unit, declared = self.datasets[dataset]
        return self.loaded.places.find(unit.file, dataset_path(unit, declared), *path)

    @cached_property
    def unchanged_defaults(self) -> frozenset[str]:
        """Return the paths, below `default_access`, of grants that the environment had in the last run."""
        grants = named_grants(self.environment.default_access)
        for step in self.preview.of_type("Preflight"):
            if RULES not in step.old:
                return frozenset()
            old = read_rules(step.old[RULES])["default_access"]
            return frozenset(path for name, path in grants if name in old)
        return frozenset(path for _, path in grants)

    @cached_property
    def former_workgroups(self) -> str | None:
        """The pattern of workgroups in the last run, where it was another one; None otherwise."""
        for step in self.preview.of_type("Preflight"):
            if RULES in step.old and RULES in step.new:
                old, new = (read_rules(each[RULES])["workgroups"] for each in (step.old, step.new))
                return old if old != new else None
        return None

    @cached_property
    def dropped_grants(self) -> dict[str, str]:
        """Return the lists that had the grants, as `<role> <member>`, which the environment no longer makes."""
        found: dict[str, str] = {}
        for step in self.preview.of_type("Preflight"):
            if RULES in step.old and RULES in step.new:
                old, new = read_rules(step.old[RULES]), read_rules(step.new[RULES])
                for key in ("automation", "default_access"):
                    found |= {name: key for name in old[key] if name not in new[key]}
        return found

    @cached_property
    def variables(self) -> dict[str | None, Unit]:
        """The declared units by their Airflow variable: expired ones too."""
        return {airflow.variable_of(unit.connector): unit for unit in self.units.values() if unit.connector}

    def environment_place(self, *path: str | int) -> str:
        """Return a line of `environment.yaml`."""
        return self.loaded.places.find(self.environment.file, *path)

    def _recorded(self, which: str) -> dict[str, Declared]:
        for step in self.preview.of_type("Preflight"):
            units = getattr(step, which).get("units", {})
            return {name: Declared.of(unit) for name, unit in units.items()}
        return {}
