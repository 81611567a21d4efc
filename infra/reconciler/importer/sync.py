"""Turn a live schema config into a `sync` with what users have selected, and nothing else.

Fivetran keeps the rest (`others: keep`). If new schemas and tables are synced, the file lists those excluded, otherwise
those included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeVar, cast

from reconciler.fivetran.api import ColumnConfig, SchemaConfig, StandardConfig, TableConfig
from reconciler.importer.writable import is_source_name
from reconciler.model import SchemaSync, Sync, TableSync

T = TypeVar("T")

_NEW = ("allow_all", "allow_columns", "block_all")
#: The modes that Fivetran gives to a new connection, so that no user has selected them.
_USUAL = "allow_all"


def sync_of(live: StandardConfig | None, left_out: list[str] | None) -> Sync | None:
    """Return what users have selected; None without a selection, or before Fivetran has read the source.

    `left_out` receives the names that a file cannot hold. Runs do not change what they select.
    """
    if live is None or live.schema_change_handling not in _NEW:
        return None
    new = cast(Literal["allow_all", "allow_columns", "block_all"], live.schema_change_handling)
    schemas = dict(_schemas(live.schemas, [] if left_out is None else left_out, syncs_new=new == _USUAL))
    return Sync(new, "keep", schemas) if schemas or new != _USUAL else None


def _schemas(
    schemas: Mapping[str, SchemaConfig], left_out: list[str], *, syncs_new: bool
) -> Iterator[tuple[str, SchemaSync]]:
    for name, schema in _nameable(schemas, left_out, ""):
        if schema.enabled is False:
            if syncs_new:
                yield name, SchemaSync(included=False)
            continue
        tables = dict(_tables(schema.tables, left_out, name, syncs_new=syncs_new))
        if tables:
            yield name, SchemaSync(tables=tables)
        elif not syncs_new:
            yield name, SchemaSync()


def _tables(
    tables: Mapping[str, TableConfig], left_out: list[str], schema: str, *, syncs_new: bool
) -> Iterator[tuple[str, TableSync]]:
    for name, table in _nameable(tables, left_out, f"{schema}."):
        if table.enabled is False:
            if syncs_new and table.lock is None:
                yield name, TableSync(included=False)
            continue
        # Of the other modes, one is the connection's default.
        selected = TableSync(
            mode="history" if table.sync_mode == "history" else None,
            columns=dict(_columns(table.columns, left_out, f"{schema}.{name}.")),
        )
        if selected != TableSync() or (not syncs_new and table.lock is None):
            yield name, selected


def _columns(
    columns: Mapping[str, ColumnConfig], left_out: list[str], above: str
) -> Iterator[tuple[str, Literal["included", "hashed", "excluded"]]]:
    for name, column in _nameable(columns, left_out, above):
        if column.lock is not None:
            continue
        if column.enabled is False:
            yield name, "excluded"
        elif column.hashed:
            yield name, "hashed"


def _nameable(entries: Mapping[str, T], left_out: list[str], above: str) -> Iterator[tuple[str, T]]:
    """Yield the entries that a file can name, and note the others."""
    for name, entry in entries.items():
        if is_source_name(name):
            yield name, entry
        else:
            left_out.append(f"{above}{name}")
