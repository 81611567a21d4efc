"""Turn schema configs into the JSON of answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from simulator.fivetran.schema_config import StandardConfig, TableConfig, column_enabled
from simulator.fivetran.source import Column, Lock, Source, Table
from simulator.fivetran.state import Connection, Json

_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD = re.compile(r"[^a-z0-9]+")
_GONE = Lock("DELETED")
#: A table that is unknown before the source is captured.
_UNSEEN = Table({})

Node = TypeVar("Node")


def schema_config(
    connection: Connection, config: StandardConfig, source: Source, *, only: Mapping[str, Any] | None = None
) -> Json:
    """Return the whole config, or the nodes that a change names (`only`, the tree of its body)."""
    return {
        "enable_new_by_default": config.schema_change_handling == "ALLOW_ALL",
        "schema_change_handling": config.schema_change_handling,
        "schemas": {
            name: {
                "name_in_destination": dataset(connection, name),
                "enabled": schema.enabled,
                "tables": {
                    table_name: _table(
                        connection,
                        table_name,
                        table,
                        source.table(name, table_name) if config.captured else _UNSEEN,
                        only=inner,
                    )
                    for table_name, table, inner in _named(schema.tables, "tables", chosen)
                },
            }
            for name, schema, chosen in _named(config.schemas, "schemas", only)
        },
    }


def source_columns(connection: Connection, table: TableConfig, read: Table) -> Json:
    """Return all columns of a table in the source, with their settings."""
    return {name: _column(connection, table, name, column) for name, column in read.columns.items()}


def dataset(connection: Connection, schema: str) -> str:
    """Return the dataset of a schema."""
    prefix = connection.naming.get("schema_prefix")
    name: str = connection.naming.get("schema", schema)
    return name if prefix is None else f"{prefix}_{_called(connection, schema)}"


def _table(connection: Connection, name: str, table: TableConfig, read: Table | None, *, only: Any) -> Json:
    """Return a table. `read` is the table in the source; None if the source no longer has it."""
    lock = _GONE if read is None else read.lock
    answer: Json = {
        "name_in_destination": _called(connection, name),
        "enabled": table.enabled,
        "enabled_patch_settings": _settings(lock),
        "supports_columns_config": read is None or read.supports_columns,
        "supports_history_mode": read is not None and "HISTORY" in read.sync_modes,
        "columns": {
            column: _column(connection, table, column, _read_column(read, column))
            for column, _, _ in _named(table.columns, "columns", only)
        },
    }
    if table.sync_mode is not None:
        answer["sync_mode"] = table.sync_mode
    return answer


def _column(connection: Connection, table: TableConfig, name: str, column: Column) -> Json:
    chosen = table.columns.get(name)
    key = column.primary_key if chosen is None or chosen.is_primary_key is None else chosen.is_primary_key
    return {
        "name_in_destination": _called(connection, name),
        "enabled": column_enabled(table, name, column),
        "hashed": chosen is not None and chosen.hashed,
        "is_primary_key": key,
        "enabled_patch_settings": _settings(column.lock),
    }


def _read_column(read: Table | None, name: str) -> Column:
    if read is _UNSEEN:
        return Column()
    return (read.columns.get(name) if read is not None else None) or Column(lock=_GONE)


def _settings(lock: Lock | None) -> Json:
    if lock is None:
        return {"allowed": True}
    settings: Json = {"allowed": False, "reason_code": lock.code}
    if lock.reason is not None:
        settings["reason"] = lock.reason
    return settings


def _called(connection: Connection, name: str) -> str:
    """Return a name in the destination: as in the source, or in lower case with underscores."""
    if connection.destination_schema_names == "SOURCE_NAMING":
        return name
    text = _NO_WORD.sub("_", _WORD_STARTS.sub("_", name).lower())
    return text.strip("_") if not name.startswith("_") else text


def _named(nodes: Mapping[str, Node], level: str, only: Any) -> Iterator[tuple[str, Node, Any]]:
    """Yield the nodes that a change names, each with the names below; all nodes without a change."""
    if only is None:
        return ((name, node, None) for name, node in nodes.items())
    named = only.get(level) or {}
    return ((name, node, named[name]) for name, node in nodes.items() if name in named)
