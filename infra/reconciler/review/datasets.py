"""What becomes of datasets and their data."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.lifecycle.expiry import LABEL
from reconciler.review.consequence import Consequence
from reconciler.review.context import Context
from reconciler.review.preview import Step

#: Settings after which BigQuery deletes data by itself.
_EXPIRATIONS = {
    "defaultTableExpirationMs": "default_table_expiration",
    "defaultPartitionExpirationMs": "default_partition_expiration",
}

#: Inputs that hold no setting of the dataset.
_OURS = frozenset({"datasetId", "project", "labels", "deleteContentsOnDestroy", "__defaults", "effectiveLabels"})


def datasets(context: Context) -> Iterator[Consequence]:
    """Return the datasets that are created, deleted, moved or changed."""
    for step in context.preview.of_type("Dataset"):
        dataset = str((step.new or step.old).get("datasetId", step.name))
        unit = context.unit_of(dataset)
        place = context.place(unit, "dataset")
        location = str(step.new.get("location", ""))
        name = f"dataset {dataset}"
        match step.operation:
            case "create":
                text = f"creates the {name} in {location}"
                yield Consequence("note", "dataset_created", text, name, unit, place, location)
            case "delete" if step.is_kept:
                text = f"keeps the {name} with its data in BigQuery, and no longer manages it"
                yield Consequence("note", "dataset_released", text, name, unit, place)
            case "delete":
                yield _deleted(context, name, dataset, unit, place)
            case "replace":
                text = f"deletes the {name} with all its tables, and creates it again in {location}"
                yield Consequence("stop", "dataset_replaced", text, name, unit, place, location)
            case _:
                yield from _changed(context, step, name, unit)


def _deleted(context: Context, name: str, dataset: str, unit: str, place: str) -> Consequence:
    recorded = context.before.get(unit)
    is_due = recorded is not None and context.has_come(recorded.ending_of(dataset))
    due = ", as its expiry says" if is_due else ""
    text = f"deletes the {name} with all its tables{due}"
    return Consequence("stop", "dataset_deleted", text, name, unit, place, is_scheduled=is_due)


def _changed(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    keys = {key for key in {*step.old, *step.new} - _OURS if step.old.get(key) != step.new.get(key)}
    for key in sorted(keys & _EXPIRATIONS.keys()):
        place = context.place(unit, "dataset", _EXPIRATIONS[key])
        new = step.new.get(key)
        text = f"sets `{_EXPIRATIONS[key]}` of the {name} to {_duration(new)}, after which BigQuery deletes new tables"
        if new is None:
            text = f"removes `{_EXPIRATIONS[key]}` of the {name}"
        is_sooner = new is not None and _is_less(new, step.old.get(key))
        yield Consequence("stop" if is_sooner else "note", "table_expiration", text, f"{name}: {key}", unit, place, new)
    rest = sorted(keys - _EXPIRATIONS.keys())
    old_labels, new_labels = step.old.get("labels") or {}, step.new.get("labels") or {}
    changed = {key for key in {*old_labels, *new_labels} if old_labels.get(key) != new_labels.get(key)}
    rest += sorted(f"label {key}" for key in changed - {LABEL})
    if rest:
        text = f"changes {', '.join(rest)} of the {name}"
        yield Consequence("detail", "dataset_changed", text, name, unit, context.place(unit, "dataset"))


def _is_less(new: object, old: object) -> bool:
    try:
        return old is None or float(str(new)) < float(str(old))
    except ValueError:
        return True


def _duration(milliseconds: object) -> str:
    try:
        days = float(str(milliseconds)) / 86_400_000
    except ValueError:
        return str(milliseconds)
    return f"{days:g} days"
