"""What becomes of datasets and their data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.lifecycle.expiry import LABEL, Stage
from reconciler.review.consequence import Consequence, Several, Severity
from reconciler.review.context import Context
from reconciler.review.preview import Preview, Step

#: The setting after which BigQuery deletes tables by itself, in the gcp provider's words and in the file's.
_EXPIRATION, _EXPIRATION_KEY = "defaultTableExpirationMs", "default_table_expiration_ms"

#: Inputs that hold no setting of the dataset.
_OURS = frozenset({"datasetId", "project", "labels", "deleteContentsOnDestroy", "__defaults"})
#: Computed from the labels.
_COMPUTED = frozenset({"effectiveLabels", "pulumiLabels"})

#: The settings whose names in the file are others than those of the gcp provider.
_NAMES = {"friendlyName": "friendly_name"}


def deleted_datasets(preview: Preview) -> list[str]:
    """Return the ids of the datasets that a run would delete with their data."""
    steps = (step for step in preview.of_type("Dataset") if step.operation in ("delete", "replace"))
    return [str(step.old.get("datasetId", step.name)) for step in steps if not step.is_kept]


def datasets(context: Context) -> Iterator[Consequence]:
    """Return the datasets that are created, deleted, moved or changed."""
    for step in context.preview.of_type("Dataset"):
        dataset = str((step.new or step.old).get("datasetId", step.name))
        unit = context.unit_of(dataset)
        place = context.dataset_place(dataset)
        location = str(step.new.get("location", ""))
        name = f"dataset {dataset}"
        match step.operation:
            case "create":
                text = f"creates the {name} in {location}"
                several = Several("dataset", dataset, "creates ", f" in {location}")
                yield Consequence("note", "dataset_created", text, name, unit, place, location, several=several)
            case "adopt":
                text = f"adopts the {name}, which exists in BigQuery, with the name, description and labels of its file"
                after = ", which exist in BigQuery, with the name, description and labels of their files"
                several = Several("dataset", dataset, "adopts ", after)
                yield Consequence("note", "dataset_adopted", text, name, unit, place, location, several=several)
            case "delete" if step.is_kept:
                text = f"keeps the {name} with its data in BigQuery, and no longer manages it"
                yield Consequence("note", "dataset_released", text, name, unit, place)
            case "delete":
                yield _deleted(context, step, dataset, unit, place)
            case "replace":
                text = f"{_deletes(context, step, dataset)}, and creates it again in {location}"
                yield Consequence("stop", "dataset_replaced", text, name, unit, place, [location, _with_tables(step)])
            case _:
                yield from _changed(context, step, dataset, unit)


def moved_datasets(context: Context) -> Iterator[Consequence]:
    """Return the datasets that a different unit declares than in the last run."""
    for unit, after in context.after.items():
        for dataset in sorted(after.datasets):
            former = context.former_units.get(dataset, unit)
            if former != unit:
                before, rest = "declares ", f" in the unit {unit}, no longer in {former}: "
                text = f"{before}the dataset {dataset}{rest}the dataset and its data stay"
                several = Several("dataset", dataset, before, f"{rest}they stay, with their data")
                place = context.dataset_place(dataset)
                yield Consequence("note", "dataset_moved", text, f"dataset {dataset}", unit, place, several=several)


def _deleted(context: Context, step: Step, dataset: str, unit: str, place: str) -> Consequence:
    recorded = context.before.get(unit)
    is_due = recorded is not None and context.has_come(recorded.ending_of(dataset))
    text = _deletes(context, step, dataset)
    if is_due:
        text += ", as its expiry says"
    elif dataset in context.datasets:
        expiry = context.active.expiries.dataset_expiry(*context.datasets[dataset])
        if expiry.stage is Stage.REMOVED:
            text += context.describe_past_expiry(expiry)
            place = context.place(unit, "expires")
    name, value = f"dataset {dataset}", _with_tables(step)
    return Consequence("stop", "dataset_deleted", text, name, unit, place, value, is_scheduled=is_due)


def _with_tables(step: Step) -> str | None:
    """Return what a fingerprint says about the data: how many tables there are may change until the merge."""
    return "with tables" if step.old.get("deleteContentsOnDestroy") else None


def _deletes(context: Context, step: Step, dataset: str) -> str:
    """Describe the deletion of a dataset, and the tables that are lost.

    BigQuery keeps a dataset with tables, unless the last run allowed their deletion.
    """
    number = context.tables.get(dataset)
    if number == 0:
        return f"deletes the dataset {dataset}, which has no table"
    tables = "all its tables" if number is None else f"its {number} tables" if number > 1 else "its only table"
    if step.old.get("deleteContentsOnDestroy"):
        return f"deletes the dataset {dataset} with {tables}"
    if number is None:
        return f"deletes the dataset {dataset} if it has no table, and fails if it has one"
    return f"fails to delete the dataset {dataset} with {tables}: no earlier run allowed that"


def _changed(context: Context, step: Step, dataset: str, unit: str) -> Iterator[Consequence]:
    name = f"dataset {dataset}"
    keys = {key for key in {*step.old, *step.new} - _OURS - _COMPUTED if step.old.get(key) != step.new.get(key)}
    old, new = (_expiration(inputs) for inputs in (step.old, step.new))
    if old != new:
        verb, after = "removes", ""
        if new is not None:
            verb, after = "sets", f": BigQuery deletes each new table after {_duration(new)}"
        before = f"{verb} `{_EXPIRATION_KEY}` of "
        text, several = f"{before}the {name}{after}", Several("dataset", dataset, before, after)
        severity: Severity = "stop" if new is not None and _is_less(new, old) else "note"
        place = context.dataset_place(dataset, _EXPIRATION_KEY)
        yield Consequence(severity, "table_expiration", text, name, unit, place, new, several=several)
    old_labels, new_labels = step.old.get("labels") or {}, step.new.get("labels") or {}
    labels = {key for key in {*old_labels, *new_labels} if old_labels.get(key) != new_labels.get(key)}
    rest = [
        *sorted(_NAMES.get(key, key) for key in keys - {_EXPIRATION}),
        *sorted(f"label {key}" for key in labels - {LABEL}),
    ]
    if rest:
        before = f"changes {', '.join(rest)} of "
        place, several = context.dataset_place(dataset), Several("dataset", dataset, before)
        yield Consequence("detail", "dataset_changed", f"{before}the {name}", name, unit, place, several=several)


def _expiration(inputs: Mapping[str, Any]) -> object:
    """Return after which time BigQuery deletes tables. The provider says 0 where it deletes none."""
    value = inputs.get(_EXPIRATION)
    return None if value in (0, "0") else value


def _is_less(new: object, old: object) -> bool:
    try:
        return old is None or float(str(new)) < float(str(old))
    except ValueError:
        return True


def _duration(milliseconds: object) -> str:
    try:
        hours = float(str(milliseconds)) / 3_600_000
    except ValueError:
        return str(milliseconds)
    number, unit = (hours / 24, "day") if hours >= 24 else (hours, "hour")
    return f"{number:.4g} {unit}" if number == 1 else f"{number:.4g} {unit}s"
