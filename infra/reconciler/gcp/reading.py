"""What is live before anything is registered, asked of the plugin: its credentials are the ones that will write."""

from __future__ import annotations

import asyncio
import importlib.metadata
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import pulumi
import pulumi.runtime.rpc
import pulumi.runtime.settings
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto.resource_pb2 import ResourceInvokeRequest

from reconciler.datasets import Live
from reconciler.errors import ReconcilerError
from reconciler.model import Dataset, Environment, Unit
from reconciler.secrets import known_values_of_run, show, withheld

#: The plugin version that the SDK's own resources ask for: without it the engine might start a second one.
_VERSION = importlib.metadata.version("pulumi-gcp")

#: Reads at once. BigQuery answers a user 100 of them a second, and the plugin does not repeat what that refuses.
_AT_ONCE = 16

_DENIED = "Who runs this needs `bigquery.datasets.get`, as roles/bigquery.metadataViewer on the project has it"


class LiveReadFailed(ReconcilerError):
    """A dataset could not be read, for another reason than that it is not there."""


class Immovable(LiveReadFailed):
    """A dataset is in another location than declared."""


async def read_live(environment: Environment, units: Iterable[Unit]) -> dict[str, Live | None]:
    """Every dataset that the units declare as it is, by id, None where it does not exist; several read at once.

    Raises `LiveReadFailed`, before anything is touched, for a dataset in another location, and on any other answer than
    the plugin's own "not found": an access list written without knowing the live one would take views away. The error
    names the file of each such dataset.
    """
    wanted = [(unit.file, dataset) for unit in units for dataset in unit.all_datasets]
    turn = asyncio.Semaphore(_AT_ONCE)

    async def read(dataset: Dataset) -> Live | None:
        async with turn:
            return await _read(environment.gcp_project, dataset)

    answers = await asyncio.gather(*(read(dataset) for _, dataset in wanted), return_exceptions=True)
    failed = [
        (file, answer) for (file, _), answer in zip(wanted, answers, strict=True) if isinstance(answer, Exception)
    ]
    if failed:
        only_moved = all(isinstance(answer, Immovable) for _, answer in failed)
        what = "datasets cannot be moved" if only_moved else "reading datasets failed"
        lines = [f"{file}: {answer}" for file, answer in failed]
        raise LiveReadFailed("\n    ".join([f"{environment.file}: {what}, so nothing is touched:", *lines]))
    return {dataset.id: answer for (_, dataset), answer in zip(wanted, answers, strict=True)}  # type: ignore[misc]


async def _read(project: str, dataset: Dataset) -> Live | None:
    try:
        found = await _ask("getDataset", {"project": project, "datasetId": dataset.id})
    except Exception as error:
        if _is_absent(project, dataset.id, error):
            return None
        hint = f". {_DENIED}" if re.search(r"access ?denied|\b403\b", str(error), re.IGNORECASE) else ""
        raise LiveReadFailed(f"the dataset {dataset.id} cannot be read: {_explain(error)}{hint}") from None
    live = Live.parse(found)
    if live.location and live.location.casefold() != dataset.location.casefold():
        raise Immovable(
            f"the dataset {dataset.id} is in {live.location}, the file says {dataset.location}, and BigQuery cannot "
            f"move it. Write {live.location} where the location stands, here or in the environment's `destination`; or "
            "have a new dataset, under another name"
        )
    return live


def read_again(project: str, dataset_id: str) -> Live:
    """One dataset as it is now: for hooks, in a thread of their own. Raises `LiveReadFailed`.

    The SDK's own function would wait for one of the threads that all wait for the engine, which waits for the hook.
    """
    arguments = Struct()
    arguments.update({"project": project, "datasetId": dataset_id})
    request = ResourceInvokeRequest(tok=_token("getDataset"), args=arguments, version=_VERSION)
    monitor: Any = pulumi.runtime.settings.get_monitor()
    try:
        answer = monitor.Invoke(request)
    except grpc.RpcError as error:
        said = Exception(error.details() if isinstance(error, grpc.Call) else error)
        if _is_absent(project, dataset_id, said):
            raise LiveReadFailed(f"the dataset {dataset_id} is gone: run with --refresh") from None
        raise LiveReadFailed(f"the dataset {dataset_id} cannot be read: {_explain(said)}") from None
    return Live.parse(pulumi.runtime.rpc.deserialize_properties(getattr(answer, "return")))  # a keyword of Python


def _is_absent(project: str, dataset_id: str, error: Exception) -> bool:
    """Whether this is the data source's own text. The SDK raises bare Exceptions with what the plugin says."""
    text = rf"projects/{re.escape(project)}/datasets/{re.escape(dataset_id)} not found"
    return re.search(text, str(error)) is not None


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
        return Listing(failed=_explain(error))
    return Listing(tuple(sorted(str(each["datasetId"]) for each in found.get("datasets") or ())))


async def _ask(function: str, arguments: Mapping[str, str]) -> Mapping[str, Any]:
    options = pulumi.InvokeOptions(version=_VERSION)
    return dict(await pulumi.runtime.invoke_async(_token(function), dict(arguments), options) or {})


def _token(function: str) -> str:
    return f"gcp:bigquery/{function}:{function}"


def _explain(error: Exception) -> str:
    """Return what the plugin says, masked; Google's status and reason alone where it might quote a secret."""
    text = " ".join(str(error).split())
    known = known_values_of_run(ask=False)
    if not known.unknown:
        return show(text, known, speaker="Google").rstrip(".")
    status, reason = re.search(r"\bError (\d{3})\b", text), re.search(r", ([A-Za-z]{1,40})$", text)
    if status is None:
        return withheld(known, speaker="the gcp plugin")
    return f"Google answered {status[1]}" + (f" {reason[1]}" if reason else "")
