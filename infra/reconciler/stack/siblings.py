"""Find what the files declare for an environment's other stacks, and what their states record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi

from reconciler.config.places import Places
from reconciler.model import Environment, Fleet, Unit, commands
from reconciler.model.environment import stack_name
from reconciler.model.errors import ReconcilerError

#: How the engine reports a stack that was never created.
_UNKNOWN = ("unknown stack", "no stack named")

#: The output of an environment's own stack with the subfolders that have one.
STACKS = "stacks"

#: How many units of an ended stack an error names.
_MOST_NAMED = 10


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
    own = _units(await _outputs(stack)).keys()
    new = {unit.name: unit for unit in fleet.units if unit.name not in own and unit.formerly not in own}
    found: dict[str, str] = {}
    for other in others if new else ():
        recorded = _units(await _outputs(other))
        datasets = {dataset for unit in recorded.values() for dataset in unit.get("datasets", ())}
        for name, unit in new.items():
            has_unit = name in recorded or unit.formerly in recorded
            if has_unit or any(dataset.id in datasets for dataset in unit.datasets):
                found[name] = other
    return found


async def reject_ended_stacks(environment: Environment, stack: str, places: Places) -> None:
    """Reject a run of the environment's own stack while a stack that `stacks` no longer names has units.

    No run would apply them any more, and the own stack would create or adopt those that files give to it.

    Raises:
        ReconcilerError: A stack has units, or the outputs of a stack cannot be read.
    """
    if stack != environment.name:
        return
    before = (await _outputs(stack)).get(STACKS) or []
    for folder in sorted({str(each) for each in before} - {*environment.stacks}):
        ended = stack_name(environment.name, folder)
        left = sorted(_units(await _outputs(ended)))
        if left:
            shown = ", ".join(left[:_MOST_NAMED]) + (
                f" and {len(left) - _MOST_NAMED} more" if left[_MOST_NAMED:] else ""
            )
            move = commands.reconciler("move", *left, "--to", environment.name)
            raise ReconcilerError(
                f"{places.find(environment.file, 'stacks')}: `stacks` no longer has {folder}, and the stack {ended} "
                f"still has the resources of {shown}: no run would apply them any more\n"
                f"    Restore {folder} in `stacks`. Or move its units with {move}, or remove them with a run of "
                f"{ended}, and then end the stack."
            )


def _units(outputs: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the units that a stack's last run recorded in its outputs."""
    units = outputs.get("units") or {}
    return {name: unit for name, unit in units.items() if isinstance(unit, Mapping)}


async def _outputs(stack: str) -> Mapping[str, Any]:
    """Return the outputs of a stack's last run; none where the stack was never created."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    try:
        last = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackOutputs", {"name": name})
    except Exception as error:  # Errors of invokes have no class of their own.
        if any(text in str(error) for text in _UNKNOWN):
            return {}
        raise ReconcilerError(
            f"the outputs of the stack {stack} cannot be read ({type(error).__name__}), so this run could create "
            "its units again\n    Give this run access to that stack: its backend, and its passphrase or key."
        ) from None
    return dict((last or {}).get("outputs") or {})
