"""A quick review: which units it looks at, and a copy of the stack's state without all others.

It compares files with what the last applied run recorded of its own (`plan.sources`), which is in the state. The engine
gets a copy because `--target` does not do: it takes each resource for deleted that depends on a target and that the
program does not register, and every unit depends on the preflight.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from reconciler.config import Loaded
from reconciler.model.errors import ReconcilerError
from reconciler.plan.sources import APPLIED_FILES, SOURCES_INPUT, Sources, compare_sources, find_sources
from reconciler.review.review_document import Scope
from reconciler.state.resources import (
    OF_DATASET,
    OF_UNIT,
    OUTCOME,
    PREFLIGHT,
    REFERENCES,
    STACK,
    Resource,
    change_urns,
    name_of,
)

#: What comes last in a run, which a quick review does not register.
_LAST = frozenset({APPLIED_FILES, OUTCOME})


@dataclass(frozen=True)
class QuickPreview:
    """How a quick review calls the engine."""

    scope: Scope
    names: tuple[str, ...] | None = None
    """The units that the program registers; None for all."""
    project: str = ""
    deployment: Mapping[str, Any] | None = None
    """The state that the engine compares with; None for the stack's own."""


def checkpoint(deployment: Mapping[str, Any] | None, project: str, stack: str) -> str:
    """Return a state as a file of a local backend has it."""
    latest = {"stack": f"organization/{project}/{stack}", "latest": deployment}
    return json.dumps({"version": 3, "checkpoint": latest})


def outputs_alone(exported: str) -> Mapping[str, Any]:
    """Return the state of a stack with no resource but the stack, which has its outputs."""
    deployment = _State.of(exported).deployment
    resources = [each for each in deployment.get("resources") or () if each["type"] == STACK]
    return {**deployment, "resources": resources}


def plan_quick_preview(exported: str, loaded: Loaded, stack: str) -> QuickPreview:
    """Return what to preview.

    Args:
        exported: What `pulumi stack export` prints.
        loaded: The files, of which those of the stack's environment have no problem.
        stack: The stack's name.
    """
    state = _State.of(exported)
    found = compare_sources(state.sources, find_sources(loaded, stack))
    scope = Scope(tuple(sorted(found.changed | found.removed)), tuple(sorted(found.unchanged)), found.reasons)
    if not found.unchanged:
        return QuickPreview(scope)
    declared = {unit.name: {each.id for each in unit.all_datasets} for unit in loaded.stack(stack).units}
    left_out = {(type_, name) for type_ in OF_UNIT for name in found.unchanged}
    for name in found.unchanged:
        datasets = {*declared[name], *state.datasets_of(name)}
        left_out |= {(type_, dataset) for type_ in OF_DATASET for dataset in datasets}
    return QuickPreview(scope, tuple(sorted(found.changed)), state.project, state.without(left_out))


@dataclass(frozen=True)
class _State:
    """A stack's state, as far as a quick review reads it."""

    deployment: Mapping[str, Any]
    resources: tuple[Resource, ...]
    sources: Sources | None
    units: Mapping[str, Any]
    """What the preflight stored of each unit."""

    @classmethod
    def of(cls, exported: str) -> Self:
        try:
            deployment = json.loads(exported)["deployment"]
            resources = tuple(deployment.get("resources") or ())
            inputs = {each["type"]: each.get("inputs") or {} for each in resources}
            text = inputs.get(APPLIED_FILES, {}).get(SOURCES_INPUT)
            units = dict(inputs.get(PREFLIGHT, {}).get("units", {}))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ReconcilerError("`pulumi stack export` printed no state of this project") from None
        return cls(deployment, resources, None if text is None else Sources.of(text), units)

    @property
    def project(self) -> str:
        return str(self.resources[0]["urn"]).split("::")[1]

    def datasets_of(self, unit: str) -> set[str]:
        return set(self.units.get(unit, {}).get("datasets", {}))

    def without(self, left_out: set[tuple[str, str]]) -> Mapping[str, Any]:
        """Return the state without the resources of some types and names, and without what refers to them."""

        def is_kept(resource: Resource) -> bool:
            return resource["type"] not in _LAST and (resource["type"], name_of(resource)) not in left_out

        kept = [each for each in self.resources if is_kept(each)]
        urns = {each["urn"] for each in kept}
        pending = [each for each in self.deployment.get("pending_operations") or () if is_kept(each["resource"])]

        def drop_left_out(field: str, urn: str) -> str | None:
            return urn if field not in REFERENCES or urn in urns else None

        trimmed = [change_urns(each, drop_left_out) for each in kept]
        return {**self.deployment, "resources": trimmed, **({"pending_operations": pending} if pending else {})}
