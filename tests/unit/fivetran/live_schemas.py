"""A schema config in memory that takes a PATCH as the API documents it, and rejects what the API may reject."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from reconciler.fivetran import tables
from reconciler.fivetran.api import StandardConfig


@dataclass
class Lock:
    code: str
    reason: str | None = None


@dataclass
class Column:
    enabled: bool | None = True
    hashed: bool | None = False
    lock: Lock | None = None


@dataclass
class Table:
    enabled: bool | None = True
    columns: dict[str, Column] = field(default_factory=dict)
    unlisted: dict[str, Column] = field(default_factory=dict)
    """Columns of the source that nobody has set: synced, unless they are new with BLOCK_ALL."""
    sync_mode: str | None = None
    supports_columns_config: bool | None = True
    supports_history_mode: bool | None = True
    lock: Lock | None = None


@dataclass
class Schema:
    enabled: bool | None = True
    tables: dict[str, Table] = field(default_factory=dict)
    name_in_destination: str | None = None


@dataclass
class Config:
    schemas: dict[str, Schema] = field(default_factory=dict)
    schema_change_handling: str | None = "allow_all"

    @property
    def source(self) -> dict[tuple[str, str], dict[str, Column]]:
        """All columns of all tables, as reading each from the source has them."""
        return {
            (schema, table): {**found.columns, **found.unlisted}
            for schema, there in self.schemas.items()
            for table, found in there.tables.items()
        }

    def patched(self, body: Mapping[str, Any], *, blocking: str = "") -> Config:
        """The config after a PATCH.

        With `blocking`, a change to BLOCK_ALL excludes every table that there is, `before` or `after` the nodes are
        taken: what the API does is not documented, and reports differ.
        """
        after = copy.deepcopy(self)
        assert set(body) <= {"schema_change_handling", "schemas"}
        assert body, "an empty change"
        blocks = body.get("schema_change_handling") == "BLOCK_ALL" and bool(blocking)
        if blocks and blocking == "before":
            after._block()
        if "schema_change_handling" in body:
            after.schema_change_handling = body["schema_change_handling"].lower()
        for name, node in body.get("schemas", {}).items():
            _patch_schema(after.schemas[name], node)
        if blocks and blocking == "after":
            after._block()
        return after

    def _block(self) -> None:
        for schema in self.schemas.values():
            for table in schema.tables.values():
                if table.lock is None:
                    table.enabled = False


def _patch_schema(schema: Schema, node: Mapping[str, Any]) -> None:
    assert {"enabled"} <= set(node) <= {"enabled", "tables"}
    schema.enabled = node["enabled"]
    for name, inner in node.get("tables", {}).items():
        _patch_table(schema.tables[name], inner)


def _patch_table(table: Table, node: Mapping[str, Any]) -> None:
    assert {"enabled"} <= set(node) <= {"enabled", "columns", "sync_mode"}
    assert table.lock is None or node["enabled"] == table.enabled, "a locked table"
    table.enabled = node["enabled"]
    if "sync_mode" in node:
        assert table.sync_mode is not None
        assert node["sync_mode"] in {"SOFT_DELETE", "LIVE"} or table.supports_history_mode
        table.sync_mode = node["sync_mode"].lower()
    assert table.supports_columns_config or "columns" not in node
    for name, inner in node.get("columns", {}).items():
        _patch_column(table, name, inner)


def _patch_column(table: Table, name: str, node: Mapping[str, Any]) -> None:
    assert {"enabled"} <= set(node) <= {"enabled", "hashed"}
    if name in table.unlisted:
        table.columns[name] = table.unlisted.pop(name)
    column = table.columns[name]
    assert column.lock is None or node["enabled"] == column.enabled, "a locked column"
    column.enabled = node["enabled"]
    column.hashed = node.get("hashed", column.hashed)


def compare(
    declared: Mapping[str, Any], live: Config, source: Mapping[tuple[str, str], Mapping[str, Column]] | None = None
) -> tables.Comparison:
    return tables.compare(declared, cast("StandardConfig", live), cast("Any", source))


def to_look_up(declared: Mapping[str, Any], live: Config) -> tuple[tables.Place, ...]:
    return tables.to_look_up(declared, cast("StandardConfig", live))


def undeclared(live: Config, datasets: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tables.undeclared(cast("StandardConfig", live), datasets)
