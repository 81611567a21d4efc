"""Move the resources of units from the state of one stack to that of another one.

A state is what `pulumi stack export --show-secrets` prints. Nothing is created, changed or deleted but state: ids stay,
and what points to the first stack points to the second one afterwards. Each step can be repeated: a unit that both
states have already is only taken out of the first.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.model import commands
from reconciler.model.errors import ReconcilerError
from reconciler.state.resources import (
    DYNAMIC,
    OF_DATASET,
    OF_FUNCTION,
    OF_UNIT,
    PREFLIGHT,
    STACK,
    change_urns,
    name_of,
    prefix_of,
    references_of,
)

_PROVIDER = "pulumi:providers:"
#: An environment's own stack has the one where a subfolder's has the other.
_DESTINATIONS = frozenset({f"{DYNAMIC}fivetran:Destination", f"{DYNAMIC}fivetran:SharedDestination"})

Resource = dict[str, Any]


@dataclass(frozen=True)
class Movable:
    """A unit to move: its name, what its file is called afterwards, and what only its file says."""

    name: str
    file: str
    functions: frozenset[str] = frozenset()
    """The functions that it calls, as their grants are named."""
    variables: frozenset[str] = frozenset()
    """Its Airflow variables."""


class State:
    """The state of one stack. Raises `ReconcilerError` for one that a move must not touch."""

    def __init__(self, stack: str, exported: Mapping[str, Any]) -> None:
        self.stack = stack
        self.exported = copy.deepcopy(dict(exported))
        deployment = self.exported.get("deployment")
        if not isinstance(deployment, dict):
            raise ReconcilerError(f"{stack}: expected the JSON of an export")
        self.resources: list[Resource] = deployment.setdefault("resources", None) or []
        deployment["resources"] = self.resources
        if deployment.get("pending_operations"):
            raise ReconcilerError(
                f"{stack} has pending operations, which a killed run left\n    Run `make recover STACK={stack}` first."
            )

    def only(self, kind: str) -> Resource:
        """Return the one resource of a type."""
        found = [each for each in self.resources if each["type"] == kind]
        if len(found) != 1:
            raise ReconcilerError(
                f"{self.stack} was not applied yet\n    Run {commands.up(self.stack)} once, before its first unit."
            )
        return found[0]

    @property
    def units(self) -> Mapping[str, Mapping[str, Any]]:
        """What the last run recorded of each unit; nothing before the first."""
        recorded = (each["outputs"].get("units") for each in self.resources if each["type"] == PREFLIGHT)
        return dict(next(recorded, None) or {})

    def take(self, unit: Movable) -> list[Resource]:
        """Return the resources of a unit, in their order."""
        recorded = self.units.get(unit.name)
        if recorded is None:
            return []
        wanted = {
            *((kind, unit.name) for kind in OF_UNIT),
            *((kind, dataset) for kind in OF_DATASET for dataset in recorded.get("datasets") or ()),
            *((kind, function) for kind in OF_FUNCTION for function in unit.functions),
        }
        return [each for each in self.resources if (each["type"], name_of(each)) in wanted]


def move_units(source: State, target: State, units: Sequence[Movable]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the export of the target with the units, and that of the source without them, in this order.

    The target is to be written first. Until the source is written as well, both states have the units, and no run of
    either stack deletes or creates them.

    Raises:
        ReconcilerError: A stack was never applied, or a resource that stays depends on one that is moved.
    """
    moved = [each for unit in units for each in source.take(unit)]
    urns = {each["urn"] for each in moved}
    _require_independent(source, urns)
    arrive = _Arrival(source, target, urns)
    known = {each["urn"]: each for each in target.resources}
    for each in moved:
        arrived = arrive.rewrite(each)
        there = known.get(arrived["urn"])
        if there is not None and there.get("id") != arrived.get("id"):
            raise ReconcilerError(
                f"{target.stack} has another {each['type']} {name_of(each)}: {there.get('id')}, and "
                f"{source.stack} has {arrived.get('id')}\n"
                "    Find out which of them is in use, and delete the other one from its state."
            )
        if there is None:
            arrive.resources.append(arrived)
    target.resources += arrive.resources
    _move_records(source, target, units)
    source.resources[:] = [each for each in source.resources if each["urn"] not in urns]
    return target.exported, source.exported


class _Arrival:
    """Rewrites resources for the target, and collects what has to be added to it."""

    def __init__(self, source: State, target: State, moved: set[str]) -> None:
        self._source, self._target, self._moved = source, target, moved
        self._here = prefix_of(source.only(STACK)["urn"])
        self._there = prefix_of(target.only(STACK)["urn"])
        self._shared = {(_kind(each["type"]), name_of(each)): each for each in target.resources}
        self._by_urn = {each["urn"]: each for each in source.resources}
        self.resources: list[Resource] = []

    def rewrite(self, resource: Resource) -> Resource:
        """Return a copy of a resource that refers to the target's resources."""
        return change_urns(copy.deepcopy(resource), self._refer)

    def _refer(self, field: str, urn: str) -> str:
        if not urn.startswith(self._here):
            return urn
        if field == "aliases" or urn in self._moved:
            return self._there + urn.removeprefix(self._here)
        return self._provider(urn) if f"::{_PROVIDER}" in urn else str(self._find(urn)["urn"])

    def _find(self, urn: str) -> Resource:
        resource = self._by_urn[urn]
        found = self._shared.get((_kind(resource["type"]), name_of(resource)))
        if found is None and resource["type"] == STACK:
            found = self._target.only(STACK)
        if found is None:
            raise ReconcilerError(
                f"{self._target.stack} has no {resource['type']} {name_of(resource)}, which a unit depends on\n"
                f"    Run {commands.up(self._target.stack)} first."
            )
        return found

    def _provider(self, reference: str) -> str:
        """Return the target's provider of the same version; the first resource of a kind brings its own."""
        urn, _, _id = reference.rpartition("::")
        source = self._by_urn[urn]
        key = (_kind(source["type"]), name_of(source))
        if key not in self._shared:
            copied = self.rewrite({**source, "urn": self._there + urn.removeprefix(self._here)})
            self._shared[key] = copied
            self.resources.append(copied)
        found = self._shared[key]
        return f"{found['urn']}::{found['id']}"


def _require_independent(source: State, moved: set[str]) -> None:
    """Raise if a resource that stays depends on one that is moved, such as a unit on its dataset."""
    left = [
        name_of(each)
        for each in source.resources
        if each["urn"] not in moved and not moved.isdisjoint(references_of(each))
    ]
    if left:
        names = ", ".join(sorted(set(left)))
        raise ReconcilerError(
            f"{names} would stay in {source.stack}, but depends on resources that are moved\n    Move it too."
        )


def _move_records(source: State, target: State, units: Sequence[Movable]) -> None:
    """Carry what the preflight and the outputs of the stack record of the units."""
    ours, theirs = source.only(PREFLIGHT), target.only(PREFLIGHT)
    connections = {name for unit in units if (name := (source.units.get(unit.name) or {}).get("connection"))}
    for part in ("inputs", "outputs"):
        here, there = ours.get(part) or {}, theirs.get(part) or {}
        _hand_over(here, there, "units", [unit.name for unit in units])
        for unit in units:
            if unit.name in there["units"]:
                there["units"][unit.name] = {**there["units"][unit.name], "file": unit.file}
        _hand_over(here, there, "intents", connections)
        references = there.setdefault("references", [])
        references += [each for each in here.get("references") or () if each not in references]
    here, there = (each.only(STACK).setdefault("outputs", {}) for each in (source, target))
    _hand_over(here, there, "units", [unit.name for unit in units])
    _hand_over(here, there, "airflow_variables", {each for unit in units for each in unit.variables})


def _hand_over(here: dict[str, Any], there: dict[str, Any], key: str, names: Iterable[str]) -> None:
    found = here.get(key) or {}
    kept = there[key] = there.get(key) or {}
    for name in names:
        if name in found:
            kept.setdefault(name, found.pop(name))


def _kind(kind: str) -> str:
    return "destination" if kind in _DESTINATIONS else kind
