"""One dataset as a resource."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pulumi

from reconciler.config.places import Places
from reconciler.google.bigquery.api import Datasets
from reconciler.google.bigquery.dataset_settings import KEPT, describe_losses
from reconciler.google.bigquery.declared_dataset import dataset_path
from reconciler.google.bigquery.pace import READS_BESIDE_PLUGIN, Pace
from reconciler.lifecycle import expiry
from reconciler.lifecycle.removal import DeletionRules, Ending, explain_removal
from reconciler.model import Dataset, Environment, Unit
from reconciler.model.errors import ReconcilerError, RemoteError
from reconciler.resources.dataset.listing import PLUGIN_VERSION, Listed
from reconciler.resources.run import checkpoints

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
) -> pulumi.CustomResource:
    """Declare a dataset, without its access list: the plugin leaves that alone, as computed.

    The logical name is the dataset's id, so that no rename of a file or connector ever replaces it. A dataset that
    exists already is imported: that also heals one whose creation was cut off before it reached state.
    """
    options = pulumi.ResourceOptions(
        version=PLUGIN_VERSION,
        additional_secret_outputs=["effectiveLabels", "pulumiLabels"],
        protect=deletion.rules.protect,
        retain_on_delete=deletion.rules.retain,
        hooks=pulumi.ResourceHookBinding(before_update=[losses], before_delete=deletion.hooks),
        import_=None if live is None else f"projects/{environment.gcp_project}/datasets/{dataset.id}",
        ignore_changes=[*KEPT, *labels_in_place(dataset, live)],
    )
    inputs = {
        "project": environment.gcp_project,
        "datasetId": dataset.id,
        "location": dataset.location,
        "friendlyName": dataset.friendly_name,
        "description": dataset.description,
        "labels": dict(dataset.labels) or None,
        "defaultTableExpirationMs": dataset.default_table_expiration_ms,
        "deleteContentsOnDestroy": deletion.rules.contents or None,
    }
    return BigQueryDataset(DATASET, dataset.id, inputs, pulumi.ResourceOptions.merge(opts, options))


class BigQueryDataset(pulumi.CustomResource):
    """A dataset of the gcp plugin, without the outputs of `pulumi_gcp`, which nothing reads."""


def labels_in_place(dataset: Dataset, live: Listed | None) -> list[str]:
    """Return the labels that are right already.

    An import does not know them as ours, and would write what is there.

    Not the label with the day of deletion: the hook before a deletion reads it from state.
    """
    there = live.labels if live is not None else {}
    right = [name for name, value in sorted(dataset.labels.items()) if there.get(name) == value]
    return [f"labels.{name}" for name in right if name != expiry.LABEL]


@dataclass(frozen=True)
class Deletion:
    """The rules for deleting a dataset, and the hook that the engine calls before it deletes contents.

    A killed run can leave a deletion in state that a later run is not allowed to do. The provider of connections
    rejects it; for datasets, which have Google's provider, the hook does. With a hook in state, the engine runs
    `pulumi destroy` only with `--run-program`.
    """

    rules: DeletionRules
    hook: pulumi.ResourceHook

    @property
    def hooks(self) -> list[pulumi.ResourceHook]:
        """What the engine is to ask before it deletes."""
        return [self.hook] if self.rules.contents else []


def deletion_hook(today: date, *, removals_allowed: bool) -> pulumi.ResourceHook:
    """Reject the deletion of a dataset that neither this run nor its state allows.

    Its name is state format.

    Every run registers it, also where no dataset needs it any more: state may hold one that does.
    """

    def ask(asked: pulumi.ResourceHookArgs) -> None:
        if checkpoints.are_skipped():
            raise ReconcilerError(
                f"a run with {checkpoints.SKIP} deletes no dataset: {asked.name}\n    Run again without that variable."
            )
        labels = (asked.old_inputs or {}).get("labels") or {}
        # Without the label it is `retire` that lets the contents go, and that is in state.
        going = expiry.removed_on(labels)
        if removals_allowed or going is None or going <= today:
            return
        hint = explain_removal(Ending(going.isoformat()))
        raise ReconcilerError(f"this run would delete the dataset {asked.name} with its tables\n    {hint}")

    return pulumi.ResourceHook("may-delete", ask)


def losses_hook(environment: Environment, units: Iterable[Unit], places: Places) -> pulumi.ResourceHook:
    """Return the hook for updates of datasets. Its name is state format, so every run registers it."""
    declared = {each.id: (unit.file, dataset_path(unit, each)) for unit in units for each in unit.all_datasets}

    @functools.cache
    def datasets() -> Datasets:
        return Datasets(environment.gcp_project, Pace(READS_BESIDE_PLUGIN))

    def lines(dataset: str) -> list[str]:
        where = places.find(*declared.get(dataset, (environment.file,)))
        try:
            resource = datasets().resource(dataset)
        except RemoteError as error:
            return [f"{where}: cannot check which settings this write removes from the dataset {dataset}: {error}"]
        return [f"{where}: {text}" for text in describe_losses(dataset, resource or {})]

    async def warn(asked: pulumi.ResourceHookArgs) -> None:
        # In a thread, so that the other resources go on while BigQuery answers.
        for line in await asyncio.to_thread(lines, asked.name):
            pulumi.log.warn(line)

    return pulumi.ResourceHook("warn-of-losses", warn, pulumi.ResourceHookOptions(on_dry_run=True))
