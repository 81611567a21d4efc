"""Previews as `pulumi preview --json` prints them, of units that a test writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from reconciler.config import load
from reconciler.review.consequence import Consequence
from reconciler.review.preview import read_preview
from reconciler.review.review import find_consequences

TODAY = date(2026, 12, 1)
TYPES = {
    "Dataset": "gcp:bigquery/dataset:Dataset",
    "DatasetAccess": "pulumi-python:dynamic/bigquery:DatasetAccess",
    "IAMMember": "gcp:projects/iAMMember:IAMMember",
    "Preflight": "pulumi-python:dynamic/reconciler:Preflight",
}
ENVIRONMENT: Mapping[str, Any] = {
    "gcp_project": "dev-project",
    "fivetran": {
        "group": "Group_Dev",
        "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"},
    },
}


def step(operation: str, kind: str, name: str, old: Any = None, new: Any = None, **state: Any) -> dict[str, Any]:
    """Return one step, with the inputs before and after."""
    type_ = TYPES.get(kind, f"pulumi-python:dynamic/fivetran:{kind}")
    found: dict[str, Any] = {"op": operation, "urn": f"urn:pulumi:dev::project::{type_}::{name}"}
    if old is not None:
        found["oldState"] = {"type": type_, "inputs": old, **state}
    if new is not None:
        found["newState"] = {"type": type_, "inputs": new}
    return found


def stack(**outputs: Any) -> dict[str, Any]:
    """Return the step of the stack itself, with the outputs of the last run."""
    kind = "pulumi:pulumi:Stack"
    return {"op": "same", "urn": f"urn:pulumi:dev::project::{kind}::project-dev", "oldState": {"outputs": outputs}}


def unit(schema: str = "shop", **more: Any) -> dict[str, Any]:
    """Return a unit with a Stripe connector."""
    connector = {
        "service": "stripe",
        "destination": {"schema": schema},
        "config": {"api_key": {"env": "KEY", "version": 1}},
    }
    return {
        "description": "Payments.",
        "owners": ["a@example.com"],
        "connector": {**connector, **more.pop("connector", {})},
        "dataset": more.pop("dataset", {}),
        **more,
    }


def consequences(
    folder: Path, units: Mapping[str, Any], /, *steps: Mapping[str, Any], **outputs: Any
) -> list[Consequence]:
    """Return what a reviewer gets for these units and steps, without the forecast of requests."""
    found = review(folder, units, *steps, **outputs)
    return [each for each in found if each.kind != "quota"]


def review(
    folder: Path,
    units: Mapping[str, Any],
    /,
    *steps: Mapping[str, Any],
    tables: Mapping[str, int] = MappingProxyType({}),
    **outputs: Any,
) -> list[Consequence]:
    """Return all that a reviewer gets for these units and steps, and these numbers of tables."""
    (folder / "dev").mkdir(parents=True, exist_ok=True)
    for name, content in {"environment": ENVIRONMENT, **units}.items():
        text = content if isinstance(content, str) else yaml.safe_dump(dict(content), sort_keys=False)
        (folder / "dev" / f"{name}.yaml").write_text(text)
    preview = read_preview(json.dumps({"steps": [stack(**outputs), *steps]}), "preview.json", "dev")
    return find_consequences(preview, load(folder, folder, TODAY), "dev", TODAY, tables)
