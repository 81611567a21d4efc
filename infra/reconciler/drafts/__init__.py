"""What lives in Fivetran and BigQuery → units as files, marked wherever only a person knows what belongs there. Pure.

A draft describes what is there: taking it over changes nothing in Fivetran. A mark is a comment that begins with
`fill in:`, above a value that is valid and harmless.
"""

from reconciler.drafts.connector import Found, draft_connector
from reconciler.drafts.dataset import draft_dataset
from reconciler.drafts.destination import destination_of
from reconciler.drafts.draft import FILL_IN, Draft, Surroundings
from reconciler.drafts.names import can_be_declared_alone, unit_name
from reconciler.drafts.trust import Approvals, may_have_approvals

__all__ = [
    "FILL_IN",
    "Approvals",
    "Draft",
    "Found",
    "Surroundings",
    "can_be_declared_alone",
    "destination_of",
    "draft_connector",
    "draft_dataset",
    "may_have_approvals",
    "unit_name",
]
