"""A live schema config → the `sync` that declares what somebody has chosen in it, and nothing else.

The rest stays with Fivetran (`others: keep`). Where what is new is let in, what is excluded is worth naming; where it
is not, what is included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, cast

from reconciler.client import ColumnConfig, SchemaConfig, StandardConfig, TableConfig
from reconciler.model import SchemaSync, Sync, TableSync

_NEW = ("allow_all", "allow_columns", "block_all")
#: What Fivetran does with a new connection, so that nobody has chosen it.
_USUAL = "allow_all"


def sync_of(live: StandardConfig | None) -> Sync | None:
    """What somebody has chosen; None when nobody has, or when Fivetran has not looked at the source yet."""
    if live is None or live.schema_change_handling not in _NEW:
        return None
    new = cast(Literal["allow_all", "allow_columns", "block_all"], live.schema_change_handling)
    schemas = dict(_schemas(live.schemas, lets_in=new == _USUAL))
    return Sync(new, "keep", schemas) if schemas or new != _USUAL else None


def _schemas(schemas: Mapping[str, SchemaConfig], *, lets_in: bool) -> Iterator[tuple[str, SchemaSync]]:
    for name, schema in schemas.items():
        if schema.enabled is False:
            if lets_in:
                yield name, SchemaSync(included=False)
            continue
        tables = dict(_tables(schema.tables, lets_in=lets_in))
        if tables:
            yield name, SchemaSync(tables=tables)
        elif not lets_in:
            yield name, SchemaSync()


def _tables(tables: Mapping[str, TableConfig], *, lets_in: bool) -> Iterator[tuple[str, TableSync]]:
    for name, table in tables.items():
        if table.enabled is False:
            if lets_in and table.lock is None:
                yield name, TableSync(included=False)
            continue
        # Of the other modes one is what the connection has anyway.
        said = TableSync(
            mode="history" if table.sync_mode == "history" else None, columns=dict(_columns(table.columns))
        )
        if said != TableSync() or (not lets_in and table.lock is None):
            yield name, said


def _columns(
    columns: Mapping[str, ColumnConfig],
) -> Iterator[tuple[str, Literal["included", "hashed", "excluded"]]]:
    for name, column in columns.items():
        if column.lock is not None:
            continue
        if column.enabled is False:
            yield name, "excluded"
        elif column.hashed:
            yield name, "hashed"
