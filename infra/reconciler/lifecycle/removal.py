"""Decide whether something may be removed.

Its declared expiry or retirement decides, and what the run allows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from reconciler.lifecycle.expiry import Expiry
from reconciler.model import Dataset, Unit
from reconciler.model.errors import ReconcilerError
from reconciler.model.policy import Never, Policy, Retire

#: The variable that allows a run to remove undeclared resources; the run after a merge sets it.
VARIABLE = "RECONCILER_REMOVALS"
ALLOW = "allow"


@dataclass(frozen=True)
class Removals:
    """The removals that a run allows: `allow`, or `allow:25` to exceed the delete guard by that number."""

    allowed: bool = False
    expected: int | None = None

    @classmethod
    def parse(cls, value: str) -> Removals:
        """Parse the variable. Raises `ReconcilerError` for another form."""
        word, colon, number = value.partition(":")
        if not value:
            return cls()
        if word != ALLOW or (colon and not (number.isascii() and number.isdecimal())):
            raise ReconcilerError(
                f"RECONCILER_REMOVALS={value}: expected `allow`, or `allow:<number>` such as allow:25"
            )
        return cls(True, int(number) if colon else None)

    @classmethod
    def from_environment(cls) -> Removals:
        """Read `RECONCILER_REMOVALS`. Raises `ReconcilerError` as `parse` does."""
        return cls.parse(os.environ.get(VARIABLE, ""))


@dataclass(frozen=True)
class Ending:
    """The declared end of a connection or a dataset.

    State has it, because a removal relies on what an older run recorded.

    `removed_on` is the first day, in ISO form, on which its expiry allows the removal. What is `guarded` is removed
    only once it is `retired`; what is `kept` then leaves state, and stays in BigQuery.
    """

    removed_on: str | None = None
    retired: bool = False
    guarded: bool = False
    kept: bool = False

    def as_property(self) -> dict[str, Any]:
        """Return the ending as JSON, for state."""
        return {key: value for key, value in vars(self).items() if value}

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Ending:
        """Read an ending from state. State of another version may lack parts of it, or have more."""
        flags = {key: bool(node.get(key)) for key in ("retired", "guarded", "kept")}
        return cls(node.get("removed_on"), **flags)

    @property
    def is_protected(self) -> bool:
        """Whether the engine rejects a deletion, also by `pulumi destroy`, which runs no program."""
        return self.guarded and not self.retired and self.removed_on is None

    def has_expired(self, today: date) -> bool:
        """Return whether its expiry allows the removal."""
        return self.removed_on is not None and date.fromisoformat(self.removed_on) <= today


def connection_ending(policy: Policy, unit: Unit, life: Expiry) -> Ending:
    """Return what a file declares about the end of its connection."""
    return _ending(policy, unit, life, unit.retire)


def dataset_ending(policy: Policy, unit: Unit, dataset: Dataset, life: Expiry) -> Ending:
    """Return what files declare about the end of a dataset."""
    retire = retirement(unit, dataset)
    return replace(_ending(policy, unit, life, retire), kept=retire is not None and retire.data == "keep")


def retirement(unit: Unit, dataset: Dataset) -> Retire | None:
    """Return how a dataset retires: as its unit does.

    One that a re-sync leaves behind retires as `allow_resync` says.
    """
    resync = unit.connector.allow_resync if unit.connector else None
    former = any(dataset.id == each.id for each in unit.former_datasets)
    return (resync.retire if resync and former else None) or unit.retire


def _ending(policy: Policy, unit: Unit, life: Expiry, retire: Retire | None) -> Ending:
    return Ending(
        removed_on=life.removed_on.isoformat() if life.removed_on else None,
        retired=retire is not None,
        guarded=policy.removal == "retire" or isinstance(unit.expires, Never),
    )


def may_remove(ending: Ending, today: date, *, removals_allowed: bool) -> bool:
    """Return whether something may be removed by what state recorded, whatever the files of this run say."""
    if ending.has_expired(today) or ending.retired:
        return True
    return removals_allowed and not ending.guarded


def explain_removal(ending: Ending) -> str:
    """Return how to allow the removal: the last line of a message."""
    if ending.guarded and not ending.retired:
        return "Write `retire: {ticket: …}` in its file, run, and delete the file afterwards."
    return f"Run with {VARIABLE}={ALLOW} to delete it."


def removals_allowed() -> bool:
    """Return whether this run may remove what files do not declare any more."""
    return Removals.from_environment().allowed


@dataclass(frozen=True)
class DeletionRules:
    """`protect`: the engine rejects the deletion. `contents`: tables are deleted too.

    `retain`: it leaves state and stays in BigQuery.

    The engine deletes by what state says, so each is set by a run before the one that needs it.
    """

    protect: bool = False
    contents: bool = False
    retain: bool = False


def deletion_rules(policy: Policy, ending: Ending) -> DeletionRules:
    """Return the rules for a dataset. Where expiry is forbidden, its contents are never deleted."""
    deletes = ending.removed_on is not None or (ending.retired and not ending.kept)
    return DeletionRules(
        protect=ending.is_protected, contents=deletes and not policy.expiry.forbidden, retain=ending.kept
    )
