"""Write `sync` as plain JSON, and as the API accepts it before Fivetran has read the source's schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from reconciler.model import SchemaSync, Sync, TableSync


def inputs(sync: Sync) -> dict[str, Any]:
    """Return `sync` as plain JSON in its one normal form, for state and `compare`."""
    return with_schemas(sync.new, sync.others, {name: schema_node(schema) for name, schema in sync.schemas.items()})


def with_schemas(new: str, others: str, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Combine the parts of a `sync`; without schemas, without that key."""
    return {"new": new, "others": others, **({"schemas": dict(schemas)} if schemas else {})}


def parse(declared: Mapping[str, Any]) -> Sync:
    """Read `sync` from plain JSON, the reverse of `inputs`."""
    schemas = {name: _schema(node) for name, node in declared.get("schemas", {}).items()}
    return Sync(declared["new"], declared.get("others", "keep"), schemas)


def included(on: bool) -> Literal["included", "excluded"]:
    """Return the file's word for synced or not synced."""
    return "included" if on else "excluded"


def schema_node(schema: SchemaSync) -> Any:
    """Write a schema as plain JSON."""
    tables = {name: table_node(table) for name, table in schema.tables.items()}
    return {"tables": tables} if tables else included(schema.included)


def table_node(table: TableSync) -> Any:
    """Write a table as plain JSON."""
    declared_table: dict[str, Any] = {}
    if table.mode is not None:
        declared_table["mode"] = table.mode
    if table.columns:
        declared_table["columns"] = dict(table.columns)
    return declared_table or included(table.included)


def ahead(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Write the body of pre_create_connection_schema_config, with all that the file declares."""
    sync = parse(declared)
    schemas = {}
    for name, schema in sync.schemas.items():
        tables = {table: _table_body(declared_table) for table, declared_table in schema.tables.items()}
        schemas[name] = {"enabled": schema.included, **({"tables": tables} if tables else {})}
    return {"schema_change_handling": sync.new.upper(), "schemas": schemas}


def column_body(word: str) -> dict[str, bool]:
    """Write a column for the API (ColumnUpdateRequest)."""
    return {"enabled": False} if word == "excluded" else {"enabled": True, "hashed": word == "hashed"}


def _table_body(table: TableSync) -> dict[str, Any]:
    body: dict[str, Any] = {"enabled": table.included}
    if table.mode is not None:
        body["sync_mode"] = table.mode.upper()
    if table.columns:
        body["columns"] = {name: column_body(word) for name, word in table.columns.items()}
    return body


def _schema(node: Any) -> SchemaSync:
    if isinstance(node, str):
        return SchemaSync(included=node == "included")
    return SchemaSync(tables={name: _table(table) for name, table in node["tables"].items()})


def _table(node: Any) -> TableSync:
    if isinstance(node, str):
        return TableSync(included=node == "included")
    return TableSync(mode=node.get("mode"), columns=dict(node.get("columns", {})))
