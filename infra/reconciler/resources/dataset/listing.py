"""List the datasets of a project before anything is registered.

The plugin lists them: its credentials are those that write.

One list a run, in a preview too. It has which declared datasets exist, so that they are imported, not created, and
which ones no file declares. What is in a dataset that is new to the environment `Preflight` reads.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from reconciler.config.places import Places
from reconciler.google.bigquery.declared_dataset import dataset_path
from reconciler.model import Environment, Unit
from reconciler.model.errors import ReconcilerError
from reconciler.secrets import explain_withheld, known_values_of_run, show

#: The plugin version that the SDK's own resources ask for: without it the engine might start a second one.
PLUGIN_VERSION = importlib.metadata.version("pulumi-gcp")

_DENIED = "Grant roles/bigquery.metadataViewer on the project to the account of this run."

#: What the engine and the plugin put before Google's error, each naming the function again.
_AROUND = re.compile(
    r"^(?:invoke of \S+ failed: )?(?:invocation of \S+ returned an error: )?(?:invoking \S+: )?"
    r"(?:1 error occurred: \* )?"
)


class ListingFailed(ReconcilerError):
    """The datasets of a project could not be listed."""


class DatasetMoved(ReconcilerError):
    """A dataset is in another location than declared."""


@dataclass(frozen=True)
class Listed:
    """A dataset as the list has it."""

    location: str
    labels: Mapping[str, str] = field(default_factory=dict)


async def list_datasets(environment: Environment, places: Places) -> dict[str, Listed]:
    """Return every dataset of the environment's project by id, hidden ones apart.

    Raises `ListingFailed`: without the list the run cannot know what to create and what to adopt. `places` are
    the lines of the files.
    """
    try:
        found = await _ask("getDatasets", {"project": environment.gcp_project})
    except Exception as error:
        place = places.find(environment.file, "gcp_project")
        hint = f"\n    {_DENIED}" if re.search(r"access ?denied|\b403\b", str(error), re.IGNORECASE) else ""
        raise ListingFailed(
            f"{place}: the datasets of {environment.gcp_project} cannot be listed, so this run changes nothing: "
            f"{_explain(error)}{hint}"
        ) from None
    return {
        str(each["datasetId"]): Listed(str(each.get("location") or ""), dict(each.get("labels") or {}))
        for each in sorted(found.get("datasets") or (), key=lambda each: str(each["datasetId"]))
    }


def reject_moves(environment: Environment, units: Iterable[Unit], listed: Mapping[str, Listed], places: Places) -> None:
    """Raise `DatasetMoved` where datasets exist in another location than their files declare."""
    moved = [
        f"{places.find(unit.file, dataset_path(unit, dataset), 'location')}: the dataset {dataset.id} is in "
        f"{live.location}, the file says {dataset.location}, and BigQuery cannot move it\n"
        f"        Write {live.location} where the location is declared, here or in the environment's `destination`; or "
        "declare a new dataset, under another name."
        for unit in units
        for dataset in unit.all_datasets
        if (live := listed.get(dataset.id)) is not None
        and live.location
        and live.location.casefold() != dataset.location.casefold()
    ]
    if moved:
        raise DatasetMoved(
            "\n    ".join([f"{environment.file}: datasets cannot be moved, so this run changes nothing:", *moved])
        )


async def _ask(function: str, arguments: Mapping[str, str]) -> Mapping[str, Any]:
    options = pulumi.InvokeOptions(version=PLUGIN_VERSION)
    return dict(await pulumi.runtime.invoke_async(_token(function), dict(arguments), options) or {})


def _token(function: str) -> str:
    return f"gcp:bigquery/{function}:{function}"


def _explain(error: Exception) -> str:
    """Return what the plugin says, masked; Google's status and reason alone where it might quote a secret."""
    text = _AROUND.sub("", " ".join(str(error).split()))
    known = known_values_of_run(ask=False)
    if not known.unknown:
        return show(text, known, speaker="Google").rstrip(".")
    status, reason = re.search(r"\bError (\d{3})\b", text), re.search(r", ([A-Za-z]{1,40})$", text)
    if status is None:
        return explain_withheld(known, speaker="the gcp plugin")
    return f"Google answered {status[1]}" + (f" {reason[1]}" if reason else "")
