"""What is live before anything is registered, asked of the plugin: its credentials are the ones that will write."""

from __future__ import annotations

import asyncio
import importlib.metadata
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from reconciler.datasets import Live
from reconciler.errors import ReconcilerError
from reconciler.model import Dataset, Environment

#: The plugin version that the SDK's own resources ask for: without it the engine might start a second one.
_SAME_PLUGIN = pulumi.InvokeOptions(version=importlib.metadata.version("pulumi-gcp"))


class LiveReadFailed(ReconcilerError):
    """A dataset could not be read, for another reason than that it is not there."""


async def read_live(environment: Environment, datasets: Iterable[Dataset]) -> dict[str, Live | None]:
    """Every dataset as it is, by id, None where it does not exist; all read at once.

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


async def _read(project: str, dataset: Dataset) -> Live | None:
    try:
        found = await _ask("getDataset", {"project": project, "datasetId": dataset.id})
    except Exception as error:
        # The SDK raises a bare Exception with the plugin's text; this one is the data source's own.
        if re.search(rf"projects/{re.escape(project)}/datasets/{re.escape(dataset.id)} not found", str(error)):
            return None
        raise LiveReadFailed(_one_line(error)) from None
    live = Live.parse(found)
    if live.location and live.location.casefold() != dataset.location.casefold():
        raise LiveReadFailed(f"it is in {live.location}, the file says {dataset.location}, and BigQuery cannot move it")
    return live


@dataclass(frozen=True)
class Listing:
    """The ids of all datasets of a project, or why they could not be listed."""

    ids: tuple[str, ...] = ()
    failed: str | None = None


async def list_ids(project: str) -> Listing:
    """Every dataset of a project, hidden ones apart, by one list. Never raises for what is answered."""
    try:
        found = await _ask("getDatasets", {"project": project})
    except Exception as error:
        return Listing(failed=_one_line(error))
    return Listing(tuple(sorted(str(each["datasetId"]) for each in found.get("datasets") or ())))


async def _ask(function: str, arguments: Mapping[str, str]) -> Mapping[str, Any]:
    answer = await pulumi.runtime.invoke_async(f"gcp:bigquery/{function}:{function}", dict(arguments), _SAME_PLUGIN)
    return dict(answer or {})


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
