"""`sync` as plain JSON in the file's words, and as the API takes it before the source was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from reconciler.model import SchemaSync, Sync, TableSync


def inputs(sync: Sync) -> dict[str, Any]:
    """As a file would write it, each thing in one way only: what state holds and `compare` takes."""
    return with_schemas(sync.new, sync.others, {name: schema_words(schema) for name, schema in sync.schemas.items()})


def with_schemas(new: str, others: str, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The whole from its parts; without schemas there is no such key."""
    return {"new": new, "others": others, **({"schemas": dict(schemas)} if schemas else {})}


def parse(declared: Mapping[str, Any]) -> Sync:
    """The reverse of `inputs`."""
    schemas = {name: _schema(node) for name, node in declared.get("schemas", {}).items()}
    return Sync(declared["new"], declared.get("others", "keep"), schemas)


def included(on: bool) -> Literal["included", "excluded"]:
    """The file's word for what is synced or not."""
    return "included" if on else "excluded"


def schema_words(schema: SchemaSync) -> Any:
    """A schema as a file would write it."""
    tables = {name: table_words(table) for name, table in schema.tables.items()}
    return {"tables": tables} if tables else included(schema.included)


def table_words(table: TableSync) -> Any:
    """A table as a file would write it."""
    said: dict[str, Any] = {}
    if table.mode is not None:
        said["mode"] = table.mode
    if table.columns:
        said["columns"] = dict(table.columns)
    return said or included(table.included)


def ahead(declared: Mapping[str, Any]) -> dict[str, Any]:
    """The body of pre_create_connection_schema_config: everything that the file names."""
    sync = parse(declared)
    schemas = {}
    for name, schema in sync.schemas.items():
        tables = {table: _table_body(said) for table, said in schema.tables.items()}
        schemas[name] = {"enabled": schema.included, **({"tables": tables} if tables else {})}
    return {"schema_change_handling": sync.new.upper(), "schemas": schemas}


def column_body(word: str) -> dict[str, bool]:
    """A column as the API takes it (ColumnUpdateRequest)."""
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
