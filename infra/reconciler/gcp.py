"""BigQuery datasets with their one authoritative access list, as pulumi-gcp resources."""

from __future__ import annotations

import asyncio
import importlib.metadata
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_gcp as gcp

from reconciler.access import declared_entries, foreign_entries
from reconciler.errors import ReconcilerError
from reconciler.model import Dataset, Environment

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


def dataset_resource(
    environment: Environment,
    dataset: Dataset,
    *,
    writer: pulumi.Input[str] | None,
    live: Sequence[Mapping[str, Any]] | None,
    opts: pulumi.ResourceOptions,
) -> gcp.bigquery.Dataset:
    """Declare a dataset; `writer` is Fivetran's service account where a connector writes it.

    The logical name is the dataset's id, so that no rename of a file or connector ever replaces it. A dataset that
    exists already is imported: that also heals one whose creation was cut off before it reached state.
    """
    if live is not None:
        adopted = pulumi.ResourceOptions(import_=f"projects/{environment.gcp_project}/datasets/{dataset.id}")
        opts = pulumi.ResourceOptions.merge(opts, adopted)
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
