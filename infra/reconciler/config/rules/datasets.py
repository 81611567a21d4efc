"""Check datasets: who declares them, their ids, locations and labels."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.config.rules.ownership import Claim, find_conflicts
from reconciler.config.schema.suggestions import suggest_name
from reconciler.config.specs import Specs, declared_datasets, destination, string_items
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.google.bigquery.dataset_settings import DATASET_ID, LONGEST_DATASET_ID
from reconciler.model.errors import Problem

_LOCATION = re.compile(r"[A-Za-z0-9-]+")
_UNIT = re.compile(r"[a-z0-9][a-z0-9_-]*")


def check_datasets_unique(specs: Specs) -> Iterator[Problem]:
    """Find a dataset that two files declare, also in environments that share a project."""
    claims = (
        Claim((specs.project(unit.environment), dataset), unit, path)
        for unit in specs.all_units()
        for dataset, path in declared_datasets(unit)
    )
    for claim, other in find_conflicts(claims):
        message = f"the dataset {shown(claim.key[1])} is declared in another file: {other.where}"
        hint = f"declare it once; name that unit in the other connector: `dataset: {other.document.name}`"
        yield claim.document.on_key(claim.path, message, hint)


def check_dataset_ids(specs: Specs) -> Iterator[Problem]:
    """Find ids that BigQuery rejects: it allows letters, digits and underscores only."""
    for unit in specs.all_units():
        for dataset, path in declared_datasets(unit):
            if DATASET_ID.fullmatch(dataset) or unit.at(*path, "id") is not None:
                continue
            if not unit.has("connector"):
                message = f"the file's stem is the dataset's id, and BigQuery rejects {shown(dataset)}"
                new = shown(dataset.replace("-", "_") + ".yaml")
                yield unit.on_key(path, message, f"rename the file to {new}, or set the dataset's `id`")
            elif len(dataset) > LONGEST_DATASET_ID:
                message = f"BigQuery rejects a dataset id of {len(dataset)} characters"
                yield unit.on_key(path, message, f"use at most {LONGEST_DATASET_ID} characters")


def check_dataset_id_keys(specs: Specs) -> Iterator[Problem]:
    """Reject `id` where a connector writes: Fivetran names that dataset."""
    for unit in specs.all_units():
        if not unit.has("connector"):
            continue
        several = unit.at("datasets")
        paths: list[Path] = [
            ("dataset",),
            *(("datasets", key) for key in (several if isinstance(several, dict) else ())),
        ]
        for path in paths:
            if unit.at(*path, "id") is not None:
                message = "`id` is only for a unit without a connector: `destination` names a connector's dataset"
                yield unit.on_key((*path, "id"), message, "remove it")


def check_dataset_units(specs: Specs) -> Iterator[Problem]:
    """Check that `dataset: <unit>` names a unit that declares the dataset which the connector writes."""
    for unit in specs.all_units():
        named, target = unit.at("dataset"), destination(unit)
        if not isinstance(named, str) or not _UNIT.fullmatch(named) or not unit.has("connector"):
            continue
        owner = specs.units[unit.environment].get(named)
        if named == unit.name:
            message = "`dataset` names the unit itself"
            yield unit.on_value(("dataset",), message, "declare the dataset here, as a mapping")
        elif owner is not None and target is not None and target.schema is not None:
            yield from _check_owner(owner, target.schema, unit)
        elif named not in specs.names[unit.environment]:
            near = suggest_name(named, sorted(specs.names[unit.environment] - {unit.name}))
            hint = f"did you mean {shown(near)}?" if near else "write the stem of a file in this environment"
            yield unit.on_value(("dataset",), f"there is no unit {shown(named)} in {unit.environment}", hint)


def _check_owner(owner: Document, dataset: str, unit: Document) -> Iterator[Problem]:
    ids = [declared_id for declared_id, _ in declared_datasets(owner)]
    if dataset in ids:
        return
    further = owner.at("dataset")
    if isinstance(further, str):
        message = f"{shown(owner.name)} declares no dataset: its own `dataset` names {shown(further)}"
        yield unit.on_value(("dataset",), message, "name the unit that declares it")
    elif ids:
        message = (
            f"{shown(owner.name)} declares {', '.join(map(shown, ids))}, but the connector writes to {shown(dataset)}"
        )
        yield unit.on_value(("dataset",), message, f"name the unit that declares {shown(dataset)}, or declare it here")


def check_dataset_locations(specs: Specs) -> Iterator[Problem]:
    """Check that a connector's dataset is in the destination's location. A load job cannot leave it."""
    for unit in specs.all_units():
        location = specs.setting(unit.environment, "fivetran", "destination", "location")
        if not unit.has("connector") or not _is_location(location):
            continue
        for written, path in _find_written_datasets(specs, unit):
            its_own = written.at(*path, "location")
            if _is_location(its_own) and its_own.lower() != location.lower():
                message = f"the connector writes in {location}, but the dataset is in {shown(its_own)}"
                hint = f"remove `location`, or write {location}: the location of the environment's destination"
                if written is unit:
                    yield unit.on_value((*path, "location"), message, hint)
                else:
                    yield unit.on_value(("dataset",), f"{message}: {written.where((*path, 'location'))}")


def warn_table_expiration(specs: Specs) -> Iterator[Problem]:
    """Warn where a connector's tables are deleted by age: Fivetran does not sync the deleted rows again."""
    for unit in specs.all_units():
        for _, path in declared_datasets(unit):
            at = (*path, "default_table_expiration_ms")
            if unit.at(*at) is not None and (unit.has("connector") or specs.writers(unit)):
                message = "BigQuery deletes the connector's tables after this time, with their history"
                yield unit.on_key(at, message, "remove it, unless each sync rewrites everything")


def _is_location(value: object) -> bool:
    return isinstance(value, str) and _LOCATION.fullmatch(value) is not None


def _find_written_datasets(specs: Specs, unit: Document) -> Iterator[tuple[Document, Path]]:
    """Yield the datasets that a connector writes: in its own file, or in the unit that it names."""
    named, target = unit.at("dataset"), destination(unit)
    if not isinstance(named, str):
        yield from ((unit, path) for _, path in declared_datasets(unit))
        return
    owner = specs.units[unit.environment].get(named)
    if owner is not None and target is not None:
        yield from ((owner, path) for dataset, path in declared_datasets(owner) if dataset == target.schema)


def check_required_labels(specs: Specs) -> Iterator[Problem]:
    """Check that each dataset has the environment's required labels, itself or by default."""
    for environment, document in specs.environments.items():
        default = document.at("labels", "default")
        given = set(default) if isinstance(default, dict) else set()
        required = [key for key, _ in string_items(document, "labels", "required") if key not in given]
        for unit in specs.units[environment].values() if required else ():
            yield from _check_labels(unit, required, document.where(("labels", "required")))


def _check_labels(unit: Document, required: list[str], where: str) -> Iterator[Problem]:
    for dataset, path in declared_datasets(unit):
        labels = unit.at(*path, "labels")
        at = (*path, "labels")
        unread = labels is None and at in unit.values
        if not isinstance(labels, dict | None) or unread or at in unit.incomplete:
            continue
        missing = [key for key in required if key not in (labels or {})]
        if missing:
            message = f"the dataset {shown(dataset)} lacks the label {', '.join(map(shown, missing))}"
            yield unit.on_key(
                at if labels is not None else path, message, f"add it under `labels`, as {where} requires"
            )
