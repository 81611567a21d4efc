"""By which rules a dataset is deleted, and the hook that the engine asks before it deletes one with contents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pulumi

from reconciler import expiry, removal
from reconciler.errors import ReconcilerError
from reconciler.removal import DeletionRules


@dataclass(frozen=True)
class Deletion:
    """The rules by which a dataset is deleted, and the hook that the engine asks before it deletes one with contents.

    A run that died can leave a deletion to a later one, which may not do it. Connections refuse that by themselves;
    the hook does it for datasets, by what state says. The engine runs `pulumi destroy` only with `--run-program` then.
    """

    rules: DeletionRules
    hook: pulumi.ResourceHook

    @property
    def hooks(self) -> list[pulumi.ResourceHook]:
        """What the engine is to ask before it deletes."""
        return [self.hook] if self.rules.contents else []


def deletion_hook(today: date, *, removals_allowed: bool) -> pulumi.ResourceHook:
    """Refuses to delete a dataset that neither the run nor its own state lets go. Its name is state format.

    Every run registers it, also where no dataset needs it any more: state may hold one that does.
    """

    def ask(asked: pulumi.ResourceHookArgs) -> None:
        labels = (asked.old_inputs or {}).get("labels") or {}
        # Without the label it is `retire` that lets the contents go, and that is in state.
        going = expiry.removed_on(labels)
        if removals_allowed or going is None or going <= today:
            return
        raise ReconcilerError(
            f"this run would delete the dataset {asked.name} with its contents; "
            f"{removal.why_not(removal.Ending(going.isoformat()))}"
        )

    return pulumi.ResourceHook("may-delete", ask)
