"""What may go, and on whose word: endings that files announce, removals that a run may do, re-syncs. Pure."""

from __future__ import annotations

from reconciler.removal.declared import Declared, declarations
from reconciler.removal.deletion import DeletionRules, deletion_rules
from reconciler.removal.ending import Ending, Removals, may_go, of_connection, of_dataset, removals_allowed, why_not
from reconciler.removal.step import Refusal, Rules, left_groups, recreated, refusals, replaced

__all__ = [
    "Declared",
    "DeletionRules",
    "Ending",
    "Refusal",
    "Removals",
    "Rules",
    "declarations",
    "deletion_rules",
    "left_groups",
    "may_go",
    "of_connection",
    "of_dataset",
    "recreated",
    "refusals",
    "removals_allowed",
    "replaced",
    "why_not",
]
