"""Check which tables a connector syncs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconciler.config.schema.suggestions import suggest_name
from reconciler.config.specs import Specs, destination
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.model.errors import Problem

_SYNC = ("connector", "sync")
_SCHEMAS = (*_SYNC, "schemas")
_POLICY = ("policy", "undeclared_datasets")


def check_included_tables(specs: Specs) -> Iterator[Problem]:
    """Find included schemas and tables of which nothing would be synced, by `others: reset` and `new`."""
    for unit in specs.all_units():
        new = unit.at(*_SYNC, "new")
        if unit.at(*_SYNC, "others") != "reset" or new not in ("allow_columns", "block_all"):
            continue
        others = f"with `others: reset`, `new: {new}` excludes what the file does not name"
        for path, schema in _entries(unit, _SCHEMAS):
            if schema == "included":
                hint = "name the tables, as in {tables: {customer: included}}"
                yield unit.on_value(path, f"none of its tables would be synced: {others}", hint)
            for place, table in _entries(unit, (*path, "tables")) if new == "block_all" else ():
                if table == "included" or (isinstance(table, dict) and table and "columns" not in table):
                    hint = "name the columns, as in {columns: {id: included}}"
                    yield unit.on_value(place, f"none of its columns would be synced: {others}", hint)


def check_undeclared_datasets(specs: Specs) -> Iterator[Problem]:
    """Find schemas that would become undeclared datasets, where the environment forbids those."""
    for environment, document in specs.environments.items():
        if specs.policy(environment).undeclared_datasets != "forbidden":
            continue
        policy = f"the environment forbids undeclared datasets: {document.where(_POLICY)}"
        for unit in specs.units[environment].values():
            target = destination(unit)
            if target is not None and target.schema_prefix is not None:
                yield from _check_unit(unit, target.schema_prefix, policy)


def _check_unit(unit: Document, prefix: str, policy: str) -> Iterator[Problem]:
    if "sync" not in unit.at("connector"):
        message = f"without `sync` every schema of the source becomes a dataset `{prefix}_<schema>`"
        yield unit.on_key(("connector", "destination"), message, policy)
    if unit.at(*_SYNC, "new") == "allow_all":
        message = f"a schema that appears in the source would become a dataset `{prefix}_<schema>`"
        yield unit.on_value((*_SYNC, "new"), message, f"write allow_columns or block_all: {policy}")
    datasets = unit.at("datasets")
    if not isinstance(datasets, dict):
        return
    declared = {simple_name(key): key for key in datasets}
    for path, schema in _entries(unit, _SCHEMAS):
        name = str(path[-1])
        if schema == "excluded" or simple_name(name) in declared:
            continue
        near = suggest_name(name, sorted(datasets))
        hint = (
            f"did you mean {shown(near)}? If not, declare it there: " if near else "declare it there, or exclude it: "
        )
        yield unit.on_key(path, f"the schema {shown(name)} is not in `datasets`", hint + policy)


def _entries(unit: Document, path: Path) -> Iterator[tuple[Path, Any]]:
    entries = unit.at(*path)
    if isinstance(entries, dict):
        yield from (((*path, name), entry) for name, entry in entries.items())


def simple_name(name: str) -> str:
    """Reduce the names of a schema and its dataset to one form: `AuditLog` is `audit_log` in BigQuery.

    Before a connection starts, the run compares the dataset that Fivetran names with the declared ones.
    """
    return re.sub(r"[^a-z0-9]+", "", name.lower())
