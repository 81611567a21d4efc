"""A connection's schema config, which selects schemas, tables and columns. Pure, without HTTP.

It is created by the first capture of the source, in a reload or the first sync, or by a request before that. It has the
columns that a user has set, and those that were blocked when they appeared. All other columns of the source sync.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from simulator.fivetran.source import Column, Source, Table

Handling = Literal["ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL"]
HANDLINGS: tuple[Handling, ...] = ("ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL")
ExcludeMode = Literal["PRESERVE", "EXCLUDE", "INCLUDE"]
EXCLUDE_MODES: tuple[ExcludeMode, ...] = ("PRESERVE", "EXCLUDE", "INCLUDE")

#: How a sync writes a column: unchanged or hashed.
Written = Literal["plain", "hashed"]


@dataclass
class ColumnConfig:
    """A column that a user has set, or that was blocked when it appeared."""

    enabled: bool = True
    hashed: bool = False
    is_primary_key: bool | None = None


@dataclass
class TableConfig:
    """A table. `known` are its columns at the last capture."""

    enabled: bool = True
    sync_mode: str | None = None
    columns: dict[str, ColumnConfig] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)


@dataclass
class SchemaConfig:
    """A schema of the source."""

    enabled: bool = True
    tables: dict[str, TableConfig] = field(default_factory=dict)


@dataclass
class StandardConfig:
    """The schema config of a connection.

    `captured` is whether Fivetran has captured the source; before that, the config is that of a request. `version`
    counts changes, so that concurrent changes are rejected.
    """

    schema_change_handling: Handling = "ALLOW_ALL"
    is_type_locked: bool = False
    captured: bool = False
    version: int = 0
    schemas: dict[str, SchemaConfig] = field(default_factory=dict)


def captured(
    config: StandardConfig | None,
    source: Source,
    exclude_mode: ExcludeMode = "PRESERVE",
    *,
    first: Literal["enabled", "handling"] = "enabled",
) -> StandardConfig:
    """Return the config after a capture: `schema_change_handling` decides about additions of the source.

    At the first capture, everything syncs. `first` is whether that is so for a config from before the first capture
    too.
    """
    result = copy.deepcopy(config) if config is not None else StandardConfig()
    beginning = not result.captured and (config is None or first == "enabled")
    if not result.captured:
        _reconcile(result, source)
    for schema_name, tables in source.schemas.items():
        fresh = beginning or result.schema_change_handling == "ALLOW_ALL"
        schema = result.schemas.setdefault(schema_name, SchemaConfig(enabled=fresh))
        for table_name, table in tables.items():
            if table_name not in schema.tables:
                enabled = table.enabled if table.lock is not None else table.enabled and fresh
                schema.tables[table_name] = TableConfig(enabled, _mode(table, None), {}, list(table.columns))
            else:
                _look(schema.tables[table_name], table, result, beginning=not result.captured)
            if exclude_mode != "PRESERVE" and table.lock is None:
                schema.tables[table_name].enabled = exclude_mode == "INCLUDE"
        if exclude_mode != "PRESERVE":
            schema.enabled = exclude_mode == "INCLUDE"
    result.captured = True
    if config is None or result != config:
        result.version += 1
    return result


def selection(config: StandardConfig, source: Source) -> dict[str, dict[str, dict[str, Written]]]:
    """Return what a sync writes now: schema → table → column → how."""
    return {
        schema_name: {
            table_name: {
                name: "hashed" if (chosen := table.columns.get(name)) and chosen.hashed else "plain"
                for name, column in read.columns.items()
                if column_enabled(table, name, column)
            }
            for table_name, table in schema.tables.items()
            if table.enabled and (read := source.table(schema_name, table_name)) is not None
        }
        for schema_name, schema in config.schemas.items()
        if schema.enabled and schema_name in source.schemas
    }


def column_enabled(table: TableConfig, name: str, column: Column) -> bool:
    """Return whether a column of the source syncs, if its table does."""
    chosen = table.columns.get(name)
    return column.enabled if chosen is None else chosen.enabled


def _look(config: TableConfig, table: Table, whole: StandardConfig, *, beginning: bool) -> None:
    if not beginning and whole.schema_change_handling == "BLOCK_ALL":
        for name, column in table.columns.items():
            if name not in config.known and column.lock is None:
                config.columns.setdefault(name, ColumnConfig(enabled=False))
    config.known = list(table.columns)


def _reconcile(config: StandardConfig, source: Source) -> None:
    """Match a config from before the first capture with the source, without impossible settings."""
    config.schemas = {name: schema for name, schema in config.schemas.items() if name in source.schemas}
    for schema_name, schema in config.schemas.items():
        tables: Mapping[str, Table] = source.schemas[schema_name]
        schema.tables = {name: table for name, table in schema.tables.items() if name in tables}
        for table_name, table in schema.tables.items():
            read = tables[table_name]
            table.enabled = read.enabled if read.lock is not None else table.enabled
            table.sync_mode = _mode(read, table.sync_mode)
            table.columns = {
                name: column
                for name, column in table.columns.items()
                if name in read.columns and read.columns[name].lock is None and read.supports_columns
            }


def _mode(table: Table, wanted: str | None) -> str | None:
    if len(table.sync_modes) < 2:
        return None
    return wanted if wanted in table.sync_modes else table.sync_modes[0]
