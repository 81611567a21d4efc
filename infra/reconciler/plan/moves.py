"""Reject to delete or create units that files give to another stack than the one that has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.model import commands
from reconciler.plan.inventory import Declared
from reconciler.plan.rejections import Rejection

#: By `connection NAME` and `dataset ID`, the unit, its stack and its file.
Elsewhere = Mapping[str, Sequence[str]]


def is_declared(unit: Declared, elsewhere: Elsewhere) -> bool:
    """Return whether files give the connection or a dataset of a unit to another stack."""
    return any(key in elsewhere for key in _keys(unit))


def moved_out(
    before: Mapping[str, Declared], after: Mapping[str, Declared], elsewhere: Elsewhere
) -> tuple[Rejection, ...]:
    """Return a rejection for each unit of the last run that files give to another stack.

    Args:
        before: The units of the last run.
        after: The units of this run.
        elsewhere: What files give to other stacks.
    """
    here = {key for unit in after.values() for key in _keys(unit)}
    keys = {key for unit in before.values() for key in _keys(unit) if key in elsewhere and key not in here}
    return tuple(
        Rejection(
            f"{file}: {unit} now belongs to the stack {stack}, and this stack has its resources\n"
            f"    {_step(unit, stack)}",
            file=file,
        )
        for unit, stack, file in sorted({(unit, stack, file) for unit, stack, file in map(elsewhere.__getitem__, keys)})
    )


def moved_in(
    before: Mapping[str, Declared], after: Mapping[str, Declared], recorded: Mapping[str, str], stack: str
) -> tuple[Rejection, ...]:
    """Return a rejection for each new unit that the last run of another stack recorded.

    Args:
        before: The units of the last run.
        after: The units of this run.
        recorded: By unit, the other stack.
        stack: The stack of this run.
    """
    return tuple(
        Rejection(
            f"{unit.file}: the stack {recorded[name]} has the resources of {name}: this run would create or adopt them "
            f"a second time\n    {_step(name, stack)}",
            file=unit.file,
        )
        for name, unit in sorted(after.items())
        if name in recorded and name not in before
    )


def _step(unit: str, stack: str) -> str:
    return f"Move them first: {commands.reconciler('move', unit, '--to', stack)}."


def _keys(unit: Declared) -> list[str]:
    connection = [f"connection {unit.connection}"] if unit.connection else []
    return connection + [f"dataset {dataset}" for dataset in unit.datasets]
