"""Turn live connections and datasets into YAML files, and mark what a person has to fill in. Pure.

A draft describes what exists: adopting it changes nothing in Fivetran. A mark is a comment that begins with `fill in:`.
The value below it is valid and has no effect.
"""

from reconciler.importer.connector import Found, draft_connector
from reconciler.importer.dataset import draft_dataset
from reconciler.importer.destination import destination_of, undeclarable
from reconciler.importer.draft import Draft, ImportContext, dataset_unit_name, unit_name
from reconciler.importer.trust import Approvals, may_have_approvals

__all__ = [
    "Approvals",
    "Draft",
    "Found",
    "ImportContext",
    "dataset_unit_name",
    "destination_of",
    "draft_connector",
    "draft_dataset",
    "may_have_approvals",
    "undeclarable",
    "unit_name",
]
