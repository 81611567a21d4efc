"""The source of a connection: its schemas, tables and columns.

A definition is JSON, in one of three forms, like the forms of a destination:

- `{"schemas": {schema: {table: …}}}`: a database.
- `{"tables": {table: …}}`: one schema, named like the connection's, or by `"schema"`.
- `{"columns": …}`: one table, named like the connection's.

A table is its columns, or a mapping with `columns` and other settings: `locked` (a reason code: `enabled` cannot be
set), `reason`, `enabled` (whether it syncs at first; true), `supports_columns` (true) and `sync_modes`
(`["SOFT_DELETE"]`, for databases `HISTORY` as well). Columns are a mapping of names to `{"primary_key", "locked",
"reason", "enabled"}`, or a list of names, ` key` after a primary key and ` system` after a column that is locked.

The default sources of services are in `sources.yaml` beside this module.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml

Json = dict[str, Any]

SYNC_MODES = ("SOFT_DELETE", "HISTORY", "LIVE")
_TABLE_LOCKS = ("SYSTEM_TABLE", "DELETED", "OTHER")
_COLUMN_LOCKS = ("SYSTEM_COLUMN", "DELETED", "OTHER")
#: The default source of other services, by the keys of their destination.
_BY_NAMING = {("schema", "table"): "one table", ("schema_prefix",): "database"}
_ANY = "any"


class SourceError(ValueError):
    """A definition is invalid."""


@dataclass(frozen=True)
class Lock:
    """Why `enabled` cannot be set. Answers have `reason` only with the code OTHER."""

    code: str
    reason: str | None = None


@dataclass(frozen=True)
class Column:
    """A column. A primary key always syncs and is never hashed."""

    primary_key: bool = False
    lock: Lock | None = None
    enabled: bool = True


@dataclass(frozen=True)
class Table:
    """A table. `enabled` is the initial value, which a locked table keeps."""

    columns: Mapping[str, Column]
    lock: Lock | None = None
    enabled: bool = True
    supports_columns: bool = True
    sync_modes: tuple[str, ...] = ("SOFT_DELETE",)


@dataclass(frozen=True)
class Source:
    """All schemas of a source, by the source's names."""

    schemas: Mapping[str, Mapping[str, Table]]

    def table(self, schema: str, table: str) -> Table | None:
        """Return the table with these names, if there is one."""
        return self.schemas.get(schema, {}).get(table)


def read(definition: Mapping[str, Any], naming: Mapping[str, str]) -> Source:
    """Read the definition of a connection with these destination keys. Raises `SourceError`."""
    own = naming.get("schema", "public")
    modes = ("SOFT_DELETE", "HISTORY") if "schema_prefix" in naming else ("SOFT_DELETE",)
    known = {"schemas"} if "schemas" in definition else {"tables", "schema"} if "tables" in definition else {"columns"}
    if not isinstance(definition, Mapping) or not known >= set(definition):
        raise SourceError("a source has schemas, or tables and their schema, or columns")
    if "schemas" in definition:
        schemas = _mapping("schemas", definition["schemas"])
    elif "tables" in definition:
        schemas = {definition.get("schema", own): definition["tables"]}
    else:
        schemas = {own: {naming.get("table", "data"): {"columns": definition.get("columns", {})}}}
    return Source(
        {
            schema: {name: _table(f"{schema}.{name}", table, modes) for name, table in _mapping(schema, tables).items()}
            for schema, tables in schemas.items()
        }
    )


def merged(definition: Mapping[str, Any], changes: Mapping[str, Any]) -> Json:
    """Merge changes into a definition by key; null removes a key."""
    result: Json = _merge(_long(definition), _long(changes))
    return result


def default(service: str, naming: Mapping[str, str]) -> Json:
    """Return the default source of a service."""
    table = _defaults()
    return copy.deepcopy(table.get(service) or table[_BY_NAMING.get(tuple(naming), _ANY)])


@cache
def _defaults() -> Mapping[str, Json]:
    text = (resources.files(__package__) / "sources.yaml").read_text("utf-8")
    tables: Mapping[str, Json] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return tables


def _long(definition: Any) -> Json:
    """Return the definition with tables and lists of columns as mappings, as far as they are valid."""
    result = copy.deepcopy(dict(definition))
    if isinstance(result.get("columns"), list):
        result["columns"] = _listed(result["columns"])
    schemas = result.get("schemas")
    groups = list(schemas.values()) if isinstance(schemas, dict) else [result.get("tables")]
    for tables in groups:
        if not isinstance(tables, dict):
            continue
        for name, table in tables.items():
            if isinstance(table, list):
                tables[name] = {"columns": _listed(table)}
            elif isinstance(table, dict) and isinstance(table.get("columns"), list):
                table["columns"] = _listed(table["columns"])
    return result


def _merge(before: Any, changes: Any) -> Any:
    if not isinstance(before, dict) or not isinstance(changes, dict):
        return changes
    result = {**before}
    for key, change in changes.items():
        if change is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), change)
    return result


def _table(where: str, definition: Any, modes: tuple[str, ...]) -> Table:
    if isinstance(definition, list):
        definition = {"columns": definition}
    definition = _mapping(where, definition)
    known = {"columns", "locked", "reason", "enabled", "supports_columns", "sync_modes"}
    columns = definition.get("columns") or {}
    columns = _listed(columns) if isinstance(columns, list) else _mapping(f"{where}.columns", columns)
    chosen = tuple(definition.get("sync_modes", modes))
    if not known >= set(definition) or not set(chosen) <= set(SYNC_MODES):
        raise SourceError(f"{where}: a table has {', '.join(sorted(known))}; modes are {', '.join(SYNC_MODES)}")
    return Table(
        columns={name: _column(f"{where}.{name}", column or {}) for name, column in columns.items()},
        lock=_lock(where, definition, _TABLE_LOCKS),
        enabled=definition.get("enabled", True) is True,
        supports_columns=definition.get("supports_columns", True) is True,
        sync_modes=chosen,
    )


def _column(where: str, definition: Any) -> Column:
    definition = _mapping(where, definition)
    known = {"primary_key", "locked", "reason", "enabled"}
    if not known >= set(definition):
        raise SourceError(f"{where}: a column has {', '.join(sorted(known))}")
    key = definition.get("primary_key") is True
    lock = _lock(where, definition, _COLUMN_LOCKS)
    if lock is None and key:
        lock = Lock("OTHER", "A primary key cannot be excluded")
    return Column(key, lock, definition.get("enabled", True) is True)


def _lock(where: str, definition: Mapping[str, Any], codes: tuple[str, ...]) -> Lock | None:
    code = definition.get("locked")
    if code is None:
        return None
    if code not in codes:
        raise SourceError(f"{where}: locked is one of {', '.join(codes)}")
    return Lock(code, definition.get("reason") if code == "OTHER" else None)


_MARKS: Mapping[str, tuple[Literal["primary_key", "locked"], Any]] = {
    "key": ("primary_key", True),
    "system": ("locked", "SYSTEM_COLUMN"),
}


def _listed(columns: list[Any]) -> Json:
    result: Json = {}
    for column in map(str, columns):
        name, _, mark = column.rpartition(" ")
        marked = name != "" and mark in _MARKS
        result[name if marked else column] = dict([_MARKS[mark]]) if marked else {}
    return result


def _mapping(where: str, node: Any) -> Mapping[str, Any]:
    if not isinstance(node, Mapping):
        raise SourceError(f"{where} is a mapping")
    return node
