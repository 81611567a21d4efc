"""What the other stacks of an environment have: what files give them, and what their states hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi

from reconciler.model import Fleet, Unit
from reconciler.model.errors import ReconcilerError

#: How the engine reports a stack that was never created.
_UNKNOWN = ("unknown stack", "no stack named")


def declared_elsewhere(whole: Fleet, stack: str) -> dict[str, tuple[str, str, str]]:
    """Return what files give to other stacks: unit, stack and file by connection and dataset.

    Args:
        whole: The environment with the units of all its stacks.
        stack: The stack of this run.
    """
    found: dict[str, tuple[str, str, str]] = {}
    for unit in whole.units:
        if (of := whole.stack_of(unit)) != stack:
            found |= dict.fromkeys(_keys(unit), (unit.name, of, unit.file))
    return found


def _keys(unit: Unit) -> Iterable[str]:
    yield from (f"dataset {dataset.id}" for dataset in unit.all_datasets)
    if unit.connector is not None:
        yield f"connection {unit.connector.destination.connection_name}"


async def recorded_elsewhere(fleet: Fleet, stack: str) -> dict[str, str]:
    """Return, by unit of this stack, the other stack whose last run recorded the unit.

    Reads the other stacks only if this one has units that its own last run did not record.

    Raises:
        ReconcilerError: The outputs of a stack cannot be read.
    """
    others = [each for each in fleet.environment.all_stacks if each != stack]
    if not others:
        return {}
    own = (await _recorded(stack)).keys()
    new = {unit.name: unit for unit in fleet.units if unit.name not in own and unit.formerly not in own}
    found: dict[str, str] = {}
    for other in others if new else ():
        recorded = await _recorded(other)
        datasets = {dataset for unit in recorded.values() for dataset in unit.get("datasets", ())}
        for name, unit in new.items():
            has_unit = name in recorded or unit.formerly in recorded
            if has_unit or any(dataset.id in datasets for dataset in unit.datasets):
                found[name] = other
    return found


async def _recorded(stack: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the units that a stack's last run recorded in its outputs."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    try:
        last = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackOutputs", {"name": name})
    except Exception as error:  # Errors of invokes have no class of their own.
        if any(text in str(error) for text in _UNKNOWN):
            return {}
        raise ReconcilerError(
            f"the outputs of the stack {stack} cannot be read ({type(error).__name__}), so that a unit of it could be "
            "created again here\n    Give this run what reads that stack: its backend and its passphrase or key."
        ) from None
    units = dict((last or {}).get("outputs") or {}).get("units") or {}
    return {name: unit for name, unit in units.items() if isinstance(unit, Mapping)}
