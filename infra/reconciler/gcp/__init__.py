"""BigQuery datasets with their one authoritative access list, as pulumi-gcp resources."""

from reconciler.gcp.deletion import Deletion, deletion_hook
from reconciler.gcp.reading import Listing, LiveReadFailed, list_ids, read_live
from reconciler.gcp.resource import dataset_resource
from reconciler.gcp.watch import Watch

__all__ = [
    "Deletion",
    "Listing",
    "LiveReadFailed",
    "Watch",
    "dataset_resource",
    "deletion_hook",
    "list_ids",
    "read_live",
]
