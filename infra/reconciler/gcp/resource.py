"""One dataset as a resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
import pulumi_gcp as gcp

from reconciler.access import declared_entries, foreign_entries
from reconciler.datasets import Live
from reconciler.gcp.deletion import Deletion
from reconciler.gcp.watch import Watch
from reconciler.model import Dataset, Environment


def dataset_resource(
    environment: Environment,
    dataset: Dataset,
    *,
    writer: pulumi.Input[str] | None,
    live: Live | None,
    deletion: Deletion,
    watch: Watch,
    opts: pulumi.ResourceOptions,
) -> gcp.bigquery.Dataset:
    """Declare a dataset; `writer` is Fivetran's service account where a connector writes it.

    The logical name is the dataset's id, so that no rename of a file or connector ever replaces it. A dataset that
    exists already is imported: that also heals one whose creation was cut off before it reached state. What no file
    can say, others' authorised views and settings such as an encryption key, is declared as it is.
    """
    options = pulumi.ResourceOptions(
        protect=deletion.rules.protect,
        retain_on_delete=deletion.rules.retain,
        hooks=pulumi.ResourceHookBinding(
            before_update=[watch.before], after_update=[watch.after], before_delete=deletion.hooks
        ),
        import_=None if live is None else f"projects/{environment.gcp_project}/datasets/{dataset.id}",
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
        accesses=_accesses(environment, dataset, writer, live.accesses if live else ()),
        delete_contents_on_destroy=deletion.rules.contents or None,
        **(live.kept if live else {}),
        opts=pulumi.ResourceOptions.merge(opts, options),
    )


def _accesses(
    environment: Environment,
    dataset: Dataset,
    writer: pulumi.Input[str] | None,
    live: Iterable[Mapping[str, Any]],
) -> pulumi.Input[list[Any]]:
    foreign = [dict(entry) for entry in foreign_entries(live)]

    def entries(account: str | None) -> list[Any]:
        return [entry.as_property() for entry in declared_entries(environment, dataset, writer=account)] + foreign

    return entries(None) if writer is None else pulumi.Output.from_input(writer).apply(entries)
