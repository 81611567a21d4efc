"""Rules about datasets: who declares one, what it may be called, where it is, which labels it has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.config.documents import Specs, declared, destination, strings
from reconciler.config.rules.ownership import Claim, conflicts
from reconciler.config.schema.check import suggestion
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.google.bigquery.dataset_settings import DATASET_ID, LONGEST_DATASET_ID
from reconciler.model.errors import Problem

_LOCATION = re.compile(r"[A-Za-z0-9-]+")
_UNIT = re.compile(r"[a-z0-9][a-z0-9_-]*")


def datasets_are_declared_once(specs: Specs) -> Iterator[Problem]:
    """A dataset has one access list, so one file declares it; environments may share a project."""
    claims = (
        Claim((specs.project(unit.environment), dataset), unit, path)
        for unit in specs.all_units()
        for dataset, path in declared(unit)
    )
    for claim, other in conflicts(claims):
        message = f"the dataset {shown(claim.key[1])} is declared in another file: {other.where}"
        hint = f"declare it once; name that unit in the other connector: `dataset: {other.document.name}`"
        yield claim.document.on_key(claim.path, message, hint)


def dataset_ids_are_bigquerys(specs: Specs) -> Iterator[Problem]:
    """Letters, digits and underscores: stricter than a file's name and longer with a prefix."""
    for unit in specs.all_units():
        for dataset, path in declared(unit):
            if DATASET_ID.fullmatch(dataset) or unit.at(*path, "id") is not None:
                continue
            if not unit.has("connector"):
                message = f"the file's stem is the dataset's id, and BigQuery rejects {shown(dataset)}"
                new = shown(dataset.replace("-", "_") + ".yaml")
                yield unit.on_key(path, message, f"rename the file to {new}, or set the dataset's `id`")
            elif len(dataset) > LONGEST_DATASET_ID:
                message = f"BigQuery rejects a dataset id of {len(dataset)} characters"
                yield unit.on_key(path, message, f"use at most {LONGEST_DATASET_ID} characters")


def ids_are_for_datasets_alone(specs: Specs) -> Iterator[Problem]:
    """Where a connector writes, Fivetran names the dataset."""
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


def named_datasets_are_declared(specs: Specs) -> Iterator[Problem]:
    """`dataset: <unit>` names a unit of the same environment that declares the very dataset the connector writes to."""
    for unit in specs.all_units():
        named, target = unit.at("dataset"), destination(unit)
        if not isinstance(named, str) or not _UNIT.fullmatch(named) or not unit.has("connector"):
            continue
        owner = specs.units[unit.environment].get(named)
        if named == unit.name:
            message = "`dataset` names the unit itself"
            yield unit.on_value(("dataset",), message, "declare the dataset here, as a mapping")
        elif owner is not None and target is not None and target.schema is not None:
            yield from _declares(owner, target.schema, unit)
        elif named not in specs.names[unit.environment]:
            near = suggestion(named, sorted(specs.names[unit.environment] - {unit.name}))
            hint = f"did you mean {shown(near)}?" if near else "write the stem of a file in this environment"
            yield unit.on_value(("dataset",), f"there is no unit {shown(named)} in {unit.environment}", hint)


def _declares(owner: Document, dataset: str, unit: Document) -> Iterator[Problem]:
    ids = [declared_id for declared_id, _ in declared(owner)]
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


def connectors_write_where_the_destination_is(specs: Specs) -> Iterator[Problem]:
    """A BigQuery destination has one location, and a load job cannot leave it. A dataset alone may be anywhere."""
    for unit in specs.all_units():
        location = specs.setting(unit.environment, "fivetran", "destination", "location")
        if not unit.has("connector") or not _is_location(location):
            continue
        for written, path in _written(specs, unit):
            its_own = written.at(*path, "location")
            if _is_location(its_own) and its_own.lower() != location.lower():
                message = f"the connector writes in {location}, but the dataset is in {shown(its_own)}"
                hint = f"remove `location`, or write {location}: the location of the environment's destination"
                if written is unit:
                    yield unit.on_value((*path, "location"), message, hint)
                else:
                    yield unit.on_value(("dataset",), f"{message}: {written.where((*path, 'location'))}")


def tables_of_connectors_expire(specs: Specs) -> Iterator[Problem]:
    """A notice where a connector's tables are deleted by age: what it syncs once does not come back by itself."""
    for unit in specs.all_units():
        for _, path in declared(unit):
            at = (*path, "default_table_expiration_ms")
            if unit.at(*at) is not None and (unit.has("connector") or specs.writers(unit)):
                message = "BigQuery deletes the connector's tables after this time, with their history"
                yield unit.on_key(at, message, "remove it, unless each sync rewrites everything")


def _is_location(value: object) -> bool:
    return isinstance(value, str) and _LOCATION.fullmatch(value) is not None


def _written(specs: Specs, unit: Document) -> Iterator[tuple[Document, Path]]:
    """The declarations of the datasets a connector writes to, in its own file or in the one it names."""
    named, target = unit.at("dataset"), destination(unit)
    if not isinstance(named, str):
        yield from ((unit, path) for _, path in declared(unit))
        return
    owner = specs.units[unit.environment].get(named)
    if owner is not None and target is not None:
        yield from ((owner, path) for dataset, path in declared(owner) if dataset == target.schema)


def required_labels_are_there(specs: Specs) -> Iterator[Problem]:
    """The environment's required labels, on the dataset itself or among the default ones."""
    for environment, document in specs.environments.items():
        default = document.at("labels", "default")
        given = set(default) if isinstance(default, dict) else set()
        required = [key for key, _ in strings(document, "labels", "required") if key not in given]
        for unit in specs.units[environment].values() if required else ():
            yield from _lacks(unit, required, document.where(("labels", "required")))


def _lacks(unit: Document, required: list[str], where: str) -> Iterator[Problem]:
    for dataset, path in declared(unit):
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
