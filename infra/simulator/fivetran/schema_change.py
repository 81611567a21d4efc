"""Check a change of a schema config by a request or a person, and apply it completely or not at all.

A change is the partial tree of the request's body: `{"schema_change_handling", "is_type_locked", "schemas":
{schema: {"enabled", "tables": {table: {"enabled", "sync_mode", "columns": {column: {"enabled", "hashed",
"is_primary_key"}}}}}}}`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from simulator.fivetran.errors import invalid, not_found, required
from simulator.fivetran.options import Options
from simulator.fivetran.scalars import typed
from simulator.fivetran.schema_config import (
    HANDLINGS,
    ColumnConfig,
    SchemaConfig,
    StandardConfig,
    TableConfig,
    column_enabled,
)
from simulator.fivetran.source import SYNC_MODES, Column, Lock, Source, Table

_CHILDREN = {"schemas": "tables", "tables": "columns", "columns": None}
_KNOWN: Mapping[str, frozenset[str]] = {
    "schemas": frozenset({"enabled", "tables"}),
    "tables": frozenset({"enabled", "columns", "sync_mode"}),
    "columns": frozenset({"enabled", "hashed", "is_primary_key"}),
}
_FLAGS = ("enabled", "hashed", "is_primary_key", "is_type_locked")


def read(change: Mapping[str, Any], *, level: str | None = None) -> dict[str, Any]:
    """Read a change, with texts of booleans as booleans; `level` as for `check`."""
    result = {name: typed("bool", value) if name in _FLAGS else value for name, value in change.items()}
    inner = "schemas" if level is None else _CHILDREN.get(level)
    nodes = result.get(inner) if inner else None
    if inner and isinstance(nodes, Mapping):
        result[inner] = {
            name: read(node, level=inner) if isinstance(node, Mapping) else node for name, node in nodes.items()
        }
    return result


def check(change: Mapping[str, Any], options: Options, *, level: str | None = None) -> None:
    """Answer 400 for an invalid tree.

    `level` is the kind of node of the body; the whole config without it.
    """
    if level is not None:
        _check_node(level, change, options)
        return
    unknown = change.keys() - {"schema_change_handling", "is_type_locked", "schemas"}
    if unknown and options.unknown_field == "refuse":
        raise invalid(f"Unknown field '{min(unknown)}'")
    if change.get("schema_change_handling") not in (None, *HANDLINGS):
        raise invalid("Invalid value of field 'schema_change_handling'")
    _check_flags(change)
    _check_children("schemas", change.get("schemas"), options)


def applied(config: StandardConfig, source: Source, change: Mapping[str, Any], options: Options) -> StandardConfig:
    """Return the changed config; 404 for an unknown name, 400 for an impossible setting.

    A config from before the first capture accepts every name.
    """
    result = copy.deepcopy(config)
    for name in ("schema_change_handling", "is_type_locked"):
        if change.get(name) is not None:
            setattr(result, name, change[name])
    for schema_name, schema_change in (change.get("schemas") or {}).items():
        if _find(result, schema_name in result.schemas, f"Schema '{schema_name}'", options):
            kept = result.schemas.setdefault(schema_name, SchemaConfig())
            if schema_change.get("enabled") is not None:
                kept.enabled = schema_change["enabled"]
            for table_name, table_change in (schema_change.get("tables") or {}).items():
                _Tables(result, source, options, schema_name).change(table_name, table_change)
    if result != config:
        result.version += 1
    return result


class _Tables:
    """Changes to the tables of one schema."""

    def __init__(self, config: StandardConfig, source: Source, options: Options, schema: str) -> None:
        self._config = config
        self._source = source
        self._options = options
        self._schema = schema
        self._tables = config.schemas[schema].tables

    def change(self, name: str, change: Mapping[str, Any]) -> None:
        """Change one table and its columns."""
        where = f"Table '{name}' of schema '{self._schema}'"
        if not _find(self._config, name in self._tables, where, self._options):
            return
        read = self._source.table(self._schema, name) if self._config.captured else None
        table = self._tables.setdefault(name, TableConfig())
        gone = Lock("DELETED") if self._config.captured and read is None and table.known else None
        lock = gone if read is None else read.lock
        if change.get("enabled") not in (None, table.enabled) and not self._locked(where, lock):
            table.enabled = change["enabled"]
        mode = change.get("sync_mode")
        if mode is not None and mode != table.sync_mode:
            if read is not None and mode not in read.sync_modes:
                raise invalid(f"Table `{name}` of schema `{self._schema}` doesn't support sync mode `{mode}`")
            table.sync_mode = mode
        columns = change.get("columns") or {}
        if columns and read is not None and not read.supports_columns:
            raise invalid(f"Table `{name}` of schema `{self._schema}` doesn't supports columns configuration")
        for column_name, column_change in columns.items():
            self._change_column(table, read, name, column_name, column_change)

    def _change_column(
        self, table: TableConfig, read: Table | None, table_name: str, name: str, change: Mapping[str, Any]
    ) -> None:
        where = f"Column '{name}' of table '{table_name}' of schema '{self._schema}'"
        column = read.columns.get(name) if read is not None else None
        there = column is not None or name in table.columns
        if not _find(self._config, there, where, self._options):
            return
        lock = column.lock if column is not None else None
        key = change.get("is_primary_key", column is not None and column.primary_key)
        if change.get("hashed") and key:
            raise invalid(f"{where} is a primary key and cannot be hashed")
        now = column_enabled(table, name, column or Column())
        kept = table.columns.get(name, ColumnConfig(enabled=now))
        if change.get("enabled") not in (None, now) and not self._locked(where, lock):
            kept.enabled = change["enabled"]
        for flag in ("hashed", "is_primary_key"):
            if change.get(flag) is not None:
                setattr(kept, flag, change[flag])
        table.columns[name] = kept

    def _locked(self, where: str, lock: Lock | None) -> bool:
        """Return whether to ignore a change of a locked node. Raises a rejection if an option requires one."""
        if lock is None:
            return False
        if self._options.locked_schema_item == "refuse":
            raise invalid(f"{where} cannot be enabled or disabled: {lock.reason or lock.code}")
        return True


def _find(config: StandardConfig, there: bool, where: str, options: Options) -> bool:
    """Return whether to continue with a name; 404 for an unknown one, unless an option allows it."""
    if there or not config.captured or options.unknown_schema_item == "store":
        return True
    if options.unknown_schema_item == "not_found":
        raise not_found("NotFound", f"{where} not found")
    return False


def _check_children(level: str, children: Any, options: Options) -> None:
    if children is None:
        return
    if not isinstance(children, Mapping):
        raise invalid(f"Invalid '{level}' object")
    for node in children.values():
        _check_node(level, node, options)


def _check_node(level: str, node: Any, options: Options) -> None:
    if not isinstance(node, Mapping):
        raise invalid(f"Invalid '{level}' object")
    unknown = node.keys() - _KNOWN[level]
    if unknown and options.unknown_field == "refuse":
        raise invalid(f"Unknown field '{min(unknown)}'")
    if node.get("enabled") is None and options.enabled_in_schema_change == "required":
        raise required("enabled")
    _check_flags(node)
    if node.get("sync_mode") not in (None, *SYNC_MODES):
        raise invalid("Invalid value of field 'sync_mode'")
    if (inner := _CHILDREN[level]) is not None:
        _check_children(inner, node.get(inner), options)


def _check_flags(node: Mapping[str, Any]) -> None:
    for name in _FLAGS:
        if name in node and node[name] is not None and type(node[name]) is not bool:
            raise invalid(f"Invalid value of field '{name}'")
