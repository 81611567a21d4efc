"""Check what the stacks of one environment share: each binding and each dataset belongs to one stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.config.rules.ownership import Claim, find_conflicts
from reconciler.config.specs import Specs
from reconciler.config.yaml.document import Document, shown
from reconciler.model.environment import stack_name
from reconciler.model.errors import Problem

_FUNCTION = ("connector", "function")


def check_dataset_stacks(specs: Specs) -> Iterator[Problem]:
    """Find connectors that write a dataset which another stack declares.

    A connection waits until the access list of its dataset is right, which only a run of the same stack can order.
    """
    for unit in specs.all_units():
        named = unit.at("dataset")
        owner = specs.units[unit.environment].get(named) if isinstance(named, str) else None
        if owner is None or not unit.has("connector") or _stack(specs, owner) == _stack(specs, unit):
            continue
        message = (
            f"{shown(owner.name)} is in the stack {_stack(specs, owner)}, but this unit is in {_stack(specs, unit)}"
        )
        yield unit.on_value(("dataset",), message, f"move one of the files: {owner.file}")


def check_function_stacks(specs: Specs) -> Iterator[Problem]:
    """Find functions that units of two stacks call.

    The first to leave would revoke Fivetran's right to call them.
    """
    for environment, units in specs.units.items():
        of_stack: dict[str, list[Claim[tuple[str, ...]]]] = {}
        for unit in units.values():
            function = unit.at(*_FUNCTION)
            if isinstance(function, dict):
                claim = Claim(_key(specs, environment, function), unit, _FUNCTION)
                of_stack.setdefault(_stack(specs, unit), []).append(claim)
        once = [{claim.key: claim for claim in reversed(claims)}.values() for claims in of_stack.values()]
        for claim, other in find_conflicts([claim for claims in once for claim in claims]):
            message = f"a unit of another stack calls this function too: {other.where}"
            yield claim.document.on_key(_FUNCTION, message, "move the units that call it into one folder")


def _key(specs: Specs, environment: str, function: dict[str, Any]) -> tuple[str, ...]:
    project = function.get("project", specs.project(environment))
    return (str(project), str(function.get("region")), str(function.get("name")))


def _stack(specs: Specs, unit: Document) -> str:
    own = specs.setting(unit.environment, "stacks")
    has_own = isinstance(own, list) and unit.folder in own
    return stack_name(unit.environment, unit.folder) if has_own else unit.environment
