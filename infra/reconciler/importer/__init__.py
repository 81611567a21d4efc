"""What lives in Fivetran and BigQuery → units as files, marked wherever only a person knows what belongs there. Pure.

A draft describes what is there: taking it over changes nothing in Fivetran. A mark is a comment that begins with
`fill in:`, above a value that is valid and harmless.
"""

from reconciler.importer.connector import Found, draft_connector
from reconciler.importer.dataset import draft_dataset
from reconciler.importer.destination import destination_of, undeclarable
from reconciler.importer.draft import Draft, Surroundings, dataset_unit_name, unit_name
from reconciler.importer.trust import Approvals, may_have_approvals

__all__ = [
    "Approvals",
    "Draft",
    "Found",
    "Surroundings",
    "dataset_unit_name",
    "destination_of",
    "draft_connector",
    "draft_dataset",
    "may_have_approvals",
    "undeclarable",
    "unit_name",
]
