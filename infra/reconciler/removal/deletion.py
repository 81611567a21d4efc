"""What BigQuery and the engine are told beforehand about the deletion of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model import Dataset, Unit
from reconciler.policy import Policy
from reconciler.removal.ending import Ending, retirement


@dataclass(frozen=True)
class DeletionRules:
    """`protect`: the engine refuses. `contents`: tables go too. `retain`: it leaves state and stays in BigQuery.

    The engine deletes by what state says, so each is set by a run before the one that needs it.
    """

    protect: bool = False
    contents: bool = False
    retain: bool = False


def deletion_rules(policy: Policy, unit: Unit, dataset: Dataset, ending: Ending) -> DeletionRules:
    """The rules for a dataset. Where expiry is forbidden nothing lets its contents go."""
    retire = retirement(unit, dataset)
    deletes = ending.removed_on is not None or (retire is not None and retire.data == "delete")
    return DeletionRules(
        protect=ending.is_protected,
        contents=deletes and not policy.expiry.forbidden,
        retain=retire is not None and retire.data == "keep",
    )
