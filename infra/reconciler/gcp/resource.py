"""One dataset as a resource."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from reconciler import expiry
from reconciler.datasets.settings import KEPT
from reconciler.gcp.deletion import Deletion
from reconciler.gcp.reading import Listed
from reconciler.model import Dataset, Environment

#: The resource's type, as in its URN.
DATASET = "gcp:bigquery/dataset:Dataset"


def dataset_resource(
    environment: Environment,
    dataset: Dataset,
    *,
    live: Listed | None,
    deletion: Deletion,
    losses: pulumi.ResourceHook,
    opts: pulumi.ResourceOptions,
) -> gcp.bigquery.Dataset:
    """Declare a dataset, without its access list: the plugin leaves that alone, as computed.

    The logical name is the dataset's id, so that no rename of a file or connector ever replaces it. A dataset that
    exists already is imported: that also heals one whose creation was cut off before it reached state.
    """
    options = pulumi.ResourceOptions(
        protect=deletion.rules.protect,
        retain_on_delete=deletion.rules.retain,
        hooks=pulumi.ResourceHookBinding(before_update=[losses], before_delete=deletion.hooks),
        import_=None if live is None else f"projects/{environment.gcp_project}/datasets/{dataset.id}",
        ignore_changes=[*KEPT, *right_labels(dataset, live)],
    )
    return gcp.bigquery.Dataset(
        dataset.id,
        project=environment.gcp_project,
        dataset_id=dataset.id,
        location=dataset.location,
        friendly_name=dataset.friendly_name,
        description=dataset.description,
        labels=dict(dataset.labels) or None,
        default_table_expiration_ms=dataset.default_table_expiration_ms,
        delete_contents_on_destroy=deletion.rules.contents or None,
        opts=pulumi.ResourceOptions.merge(opts, options),
    )


def right_labels(dataset: Dataset, live: Listed | None) -> list[str]:
    """Return the labels that are right already. An import does not know them as ours, and would write what is there.

    Not the one that says when the dataset goes: the hook before a deletion asks for it in state.
    """
    there = live.labels if live is not None else {}
    right = [name for name, value in sorted(dataset.labels.items()) if there.get(name) == value]
    return [f"labels.{name}" for name in right if name != expiry.LABEL]
