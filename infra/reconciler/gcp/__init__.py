"""BigQuery datasets as pulumi-gcp resources. Their access lists are resources of their own (`provider`)."""

from reconciler.gcp.deletion import Deletion, deletion_hook
from reconciler.gcp.failures import FailureHook
from reconciler.gcp.losses import losses_hook
from reconciler.gcp.reading import Immovable, Listed, ListingFailed, list_datasets, refuse_moves
from reconciler.gcp.resource import DATASET, dataset_resource

__all__ = [
    "DATASET",
    "Deletion",
    "FailureHook",
    "Immovable",
    "Listed",
    "ListingFailed",
    "dataset_resource",
    "deletion_hook",
    "list_datasets",
    "losses_hook",
    "refuse_moves",
]
