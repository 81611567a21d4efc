"""BigQuery datasets with their one authoritative access list, as pulumi-gcp resources."""

from __future__ import annotations

import asyncio
import importlib.metadata
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pulumi
import pulumi_gcp as gcp

from reconciler import expiry, removal
from reconciler.access import declared_entries, foreign_entries
from reconciler.errors import ReconcilerError
from reconciler.model import Dataset, Environment
from reconciler.removal import DeletionRules

#: The plugin version that the SDK's own resources ask for: without it the engine might start a second one.
_SAME_PLUGIN = pulumi.InvokeOptions(version=importlib.metadata.version("pulumi-gcp"))


class LiveReadFailed(ReconcilerError):
    """A dataset could not be read, for another reason than that it is not there."""


async def read_live(
    environment: Environment, datasets: Iterable[Dataset]
) -> dict[str, tuple[Mapping[str, Any], ...] | None]:
    """The live access list of every dataset by id, None where the dataset does not exist; all read at once.

    Raises `LiveReadFailed`, before anything is touched, for a dataset in another location, and on any other answer than
    the plugin's own "not found": an access list written without knowing the live one would take views away.
    """
    wanted = list(datasets)
    ids = [dataset.id for dataset in wanted]
    answers = await asyncio.gather(*(_read(environment.gcp_project, each) for each in wanted), return_exceptions=True)
    failed = [f"{id_}: {answer}" for id_, answer in zip(ids, answers, strict=True) if isinstance(answer, Exception)]
    if failed:
        raise LiveReadFailed(
            "\n    ".join([f"{environment.file}: reading datasets failed, so nothing is touched:", *failed])
        )
    return dict(zip(ids, answers, strict=True))  # type: ignore[arg-type]


async def _read(project: str, dataset: Dataset) -> tuple[Mapping[str, Any], ...] | None:
    arguments = {"project": project, "datasetId": dataset.id}
    try:
        found = await pulumi.runtime.invoke_async("gcp:bigquery/getDataset:getDataset", arguments, _SAME_PLUGIN)
    except Exception as error:
        # The SDK raises a bare Exception with the plugin's text; this one is the data source's own.
        if re.search(rf"projects/{re.escape(project)}/datasets/{re.escape(dataset.id)} not found", str(error)):
            return None
        raise LiveReadFailed(" ".join(str(error).split())) from None
    location = str(found.get("location") or dataset.location)
    if location.casefold() != dataset.location.casefold():
        raise LiveReadFailed(f"it is in {location}, the file says {dataset.location}, and BigQuery cannot move it")
    return tuple(found.get("accesses") or ())


@dataclass(frozen=True)
class Deletion:
    """The rules by which a dataset is deleted, and the hook that the engine asks before it deletes one with contents.

    A run that died can leave a deletion to a later one, which may not do it. Connections refuse that by themselves;
    the hook does it for datasets, by what state says. The engine runs `pulumi destroy` only with `--run-program` then.
    """

    rules: DeletionRules
    hook: pulumi.ResourceHook

    @property
    def options(self) -> pulumi.ResourceOptions:
        """What the engine is to know."""
        hooks = pulumi.ResourceHookBinding(before_delete=[self.hook]) if self.rules.contents else None
        return pulumi.ResourceOptions(protect=self.rules.protect, retain_on_delete=self.rules.retain, hooks=hooks)


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


def dataset_resource(
    environment: Environment,
    dataset: Dataset,
    *,
    writer: pulumi.Input[str] | None,
    live: Sequence[Mapping[str, Any]] | None,
    deletion: Deletion,
    opts: pulumi.ResourceOptions,
) -> gcp.bigquery.Dataset:
    """Declare a dataset; `writer` is Fivetran's service account where a connector writes it.

    The logical name is the dataset's id, so that no rename of a file or connector ever replaces it. A dataset that
    exists already is imported: that also heals one whose creation was cut off before it reached state.
    """
    if live is not None:
        adopted = pulumi.ResourceOptions(import_=f"projects/{environment.gcp_project}/datasets/{dataset.id}")
        opts = pulumi.ResourceOptions.merge(opts, adopted)
    opts = pulumi.ResourceOptions.merge(opts, deletion.options)
    return gcp.bigquery.Dataset(
        dataset.id,
        project=environment.gcp_project,
        dataset_id=dataset.id,
        location=dataset.location,
        friendly_name=dataset.friendly_name,
        description=dataset.description,
        labels=dict(dataset.labels) or None,
        default_table_expiration_ms=dataset.default_table_expiration_ms,
        accesses=_accesses(environment, dataset, writer, live or ()),
        delete_contents_on_destroy=deletion.rules.contents or None,
        opts=opts,
    )


def _accesses(
    environment: Environment,
    dataset: Dataset,
    writer: pulumi.Input[str] | None,
    live: Sequence[Mapping[str, Any]],
) -> pulumi.Input[list[Any]]:
    foreign = [dict(entry) for entry in foreign_entries(live)]

    def entries(account: str | None) -> list[Any]:
        return [entry.as_property() for entry in declared_entries(environment, dataset, writer=account)] + foreign

    return entries(None) if writer is None else pulumi.Output.from_input(writer).apply(entries)
