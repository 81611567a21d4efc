"""What may not happen between one run and the next: removals nobody authorised, moves, replacements. Pure.

`Fleet` keeps what the last run had and asks here, before anything is touched, whether the step to what this run
declares is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

#: How a run says that it may remove; the merge and daily workflows set it.
ALLOW = "RECONCILER_REMOVALS=allow"


@dataclass(frozen=True)
class Declared:
    """One unit, as far as its existence goes: the connection it has and the datasets it declares (id → location)."""

    file: str
    service: str | None = None
    connection: str | None = None
    datasets: Mapping[str, str] = field(default_factory=dict)
    formerly: str | None = None


@dataclass(frozen=True)
class Refusal:
    """Why a step is refused, in a sentence for the person who reads it, and which connections it is about."""

    reason: str
    connection: str | None = None


def refusals(
    before: Mapping[str, Declared], after: Mapping[str, Declared], *, removals_allowed: bool
) -> tuple[Refusal, ...]:
    """Everything that keeps a run from going on, from the units by name in the last run and in this one."""
    found = [*_connections(before, after, removals_allowed), *_datasets(before, after, removals_allowed)]
    return tuple(found)


def _connections(
    before: Mapping[str, Declared], after: Mapping[str, Declared], removals_allowed: bool
) -> Iterator[Refusal]:
    holder = {unit.connection: name for name, unit in after.items() if unit.connection}
    successor = {unit.formerly: name for name, unit in after.items() if unit.formerly}
    for name, old in before.items():
        if old.connection is None:
            continue
        now = successor.get(name, name)
        unit = after.get(now)
        if old.connection in holder:
            yield from _kept(name, old, holder[old.connection], now, after)
        elif unit is not None and unit.connection is not None:
            yield Refusal(
                f"{unit.file}: the destination changed from {old.connection} to {unit.connection}. It is permanent in "
                "Fivetran: a new connection would be made, with a new id, and sync its whole history again. Declare "
                "the new destination in a file of its own, and remove this one when nothing reads its data any more",
                old.connection,
            )
        elif not removals_allowed:
            gone = "no longer has a connector" if unit is not None else "is gone"
            yield Refusal(
                f"{old.file} {gone}: this run would delete the connection {old.connection}. {_how_to_remove(name)}",
                old.connection,
            )


def _kept(name: str, old: Declared, holder: str, now: str, after: Mapping[str, Declared]) -> Iterator[Refusal]:
    unit = after[holder]
    if holder != now:
        yield Refusal(
            f"{unit.file}: the connection {old.connection} belongs to {old.file}. If the file was renamed, write "
            f"`formerly: {name}` in {unit.file}; else give this connector a destination of its own",
            old.connection,
        )
    elif unit.service != old.service:
        yield Refusal(
            f"{unit.file}: the service changed from {old.service} to {unit.service}. It is permanent in Fivetran: "
            "a new connection would be made, with a new id, and sync its whole history again. Declare it in a file "
            "of its own, with a destination of its own",
            old.connection,
        )


def _datasets(
    before: Mapping[str, Declared], after: Mapping[str, Declared], removals_allowed: bool
) -> Iterator[Refusal]:
    declared = {
        dataset: (unit.file, location) for unit in after.values() for dataset, location in unit.datasets.items()
    }
    for name, old in before.items():
        for dataset, location in old.datasets.items():
            if dataset in declared:
                file, now = declared[dataset]
                if now.casefold() != location.casefold():
                    yield Refusal(
                        f"{file}: the location of dataset {dataset} changed from {location} to {now}. BigQuery cannot "
                        "move a dataset: declare another one there and copy the data"
                    )
            elif not removals_allowed:
                yield Refusal(
                    f"{old.file} no longer declares the dataset {dataset}: this run would delete it. "
                    f"{_how_to_remove(name)}"
                )


def _how_to_remove(name: str) -> str:
    return (
        f"To remove it on purpose run with {ALLOW}; if the file was renamed, write `formerly: {name}` in the new one; "
        "if a colleague added it, bring this branch up to date"
    )
