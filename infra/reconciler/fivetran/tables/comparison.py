"""Compare a declared `sync` with a live schema config, and build the smallest change to send.

The rules, each with a test:

- A column that Fivetran does not list is included: Fivetran lists columns that a user has set
  (connection_schema_config).
- Nothing inside an excluded schema or table is compared.
- Names that the file lacks are compared only with `others: reset`, as if they were new. Their mode is never compared.
- Impossible settings are never sent and never differ: locked by Fivetran, missing in the source, or not supported. If
  the file declares one, it is a finding.
- The change is one tree, in which each node has its `enabled`, as the API requires.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from reconciler.fivetran.api import ColumnConfig, SchemaConfig, StandardConfig, TableConfig
from reconciler.fivetran.config_diff import Difference
from reconciler.fivetran.tables.declared import column_body, included, parse, schema_node, table_node, with_schemas
from reconciler.fivetran.tables.level_diff import ImpossibleSetting, Inner, Level
from reconciler.model import SchemaSync, Sync, TableSync

Declared = TypeVar("Declared")
Live = TypeVar("Live")
Nested = TypeVar("Nested", SchemaSync, TableSync)

#: A table, by the names of its schema and itself.
Place: TypeAlias = tuple[str, str]

#: Declared values that keep data out of BigQuery, or hash it.
_PROTECTING = frozenset({"hashed", "excluded", "allow_columns", "block_all"})


@dataclass(frozen=True)
class Comparison:
    """The result of comparing `sync` with a live config."""

    differences: tuple[Difference, ...]
    """The values that differ, with dotted paths that begin with `sync`."""
    patch: Mapping[str, Any]
    """The body of modify_connection_schema_config that changes the live config to match; empty without a difference."""
    as_file: Mapping[str, Any]
    """The live config as a file would declare it. It equals the declared one if nothing differs."""
    findings: tuple[ImpossibleSetting, ...]


def compare(
    declared: Mapping[str, Any],
    live: StandardConfig,
    source: Mapping[Place, Mapping[str, ColumnConfig]] | None = None,
) -> Comparison:
    """Compare `inputs` with a live config. `source` has all columns of some tables, read from the source."""
    sync = parse(declared)
    seen = _Comparing(sync, source or {}).schemas(sync.schemas, live.schemas)
    patch: dict[str, Any] = {}
    differences = list(seen.differences)
    handling = live.schema_change_handling
    if handling not in (None, sync.new):
        differences.insert(0, Difference("sync.new", sync.new, handling))
        patch["schema_change_handling"] = sync.new.upper()
    if seen.patch:
        patch["schemas"] = seen.patch
    as_file = with_schemas(handling or sync.new, sync.others, seen.words)
    return Comparison(tuple(differences), patch, as_file, tuple(seen.findings))


def protects(difference: Difference) -> bool:
    """Return whether a difference makes Fivetran sync data that the file keeps out or hashes."""
    return isinstance(difference.declared, str) and difference.declared in _PROTECTING


def to_look_up(declared: Mapping[str, Any], live: StandardConfig) -> tuple[Place, ...]:
    """Return the tables whose columns the live config does not list, so that the source must be read.

    A hashed or excluded column must exist: with a typing error in its name, Fivetran would sync the real column. And to
    exclude all columns except the declared ones, their names must be known.
    """
    sync = parse(declared)
    places = []
    for schema_name, schema in sync.schemas.items():
        live_schema = live.schemas.get(schema_name)
        for name, table in schema.tables.items():
            present = live_schema.tables.get(name) if live_schema is not None else None
            if present is None or present.supports_columns_config is False or not table.columns:
                continue
            unlisted = (word for column, word in table.columns.items() if column not in present.columns)
            if (sync.others, sync.new) == ("reset", "block_all") or any(word != "included" for word in unlisted):
                places.append((schema_name, name))
    return tuple(places)


def undeclared(live: StandardConfig, datasets: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the schemas that are synced into a dataset outside `datasets`, each with its dataset."""
    known = frozenset(datasets)
    written = [
        (name, schema.name_in_destination or name) for name, schema in live.schemas.items() if _is_synced(schema)
    ]
    return tuple((name, dataset) for name, dataset in written if dataset not in known)


class _Comparing:
    """Compares level by level. `_others` and `_other_columns` apply to undeclared names; None keeps them."""

    def __init__(self, sync: Sync, source: Mapping[Place, Mapping[str, ColumnConfig]]) -> None:
        reset = sync.others == "reset"
        self._others = sync.new == "allow_all" if reset else None
        self._other_columns = included(sync.new != "block_all") if reset else None
        self._source = source

    def schemas(self, declared: Mapping[str, SchemaSync], present: Mapping[str, SchemaConfig]) -> Inner:
        level = Level("sync.schemas")
        for name, schema, live in _present(level, "schema", declared, present, schema_node):
            wanted = schema.included if schema is not None else self._others
            if wanted is not None:
                tables = schema.tables if schema is not None else {}
                inner = self._tables(name, tables, live.tables) if wanted or _is_synced(live) else Inner()
                level.add_inner(name, wanted, _is_synced(live), inner)
        return Inner(level.words, level.patch, level.differences, level.findings)

    def _tables(self, schema: str, declared: Mapping[str, TableSync], present: Mapping[str, TableConfig]) -> Inner:
        level = Level(f"sync.schemas.{schema}.tables")
        for name, table, live in _present(level, "table", declared, present, table_node):
            wanted = table.included if table is not None else self._others
            if wanted is not None and live.lock is not None and _is_synced(live) is not wanted:
                if table is not None:
                    level.add_locked(name, live.lock, included(wanted))
            elif wanted is not None:
                declared_table = table if table is not None else TableSync()
                inner = self._table((schema, name), declared_table, live) if wanted or _is_synced(live) else Inner()
                level.add_inner(name, wanted, _is_synced(live), inner)
        return level.as_inner("tables")

    def _table(self, place: Place, table: TableSync, live: TableConfig) -> Inner:
        path = f"sync.schemas.{place[0]}.tables.{place[1]}"
        seen = self._columns(path, place, table.columns, live)
        if table.mode is None:
            return seen
        mode: str = table.mode
        problem = None
        if live.sync_mode is None:
            problem = "this connection does not support `mode`"
        elif live.sync_mode == table.mode:
            pass
        elif table.mode == "history" and live.supports_history_mode is False:
            problem = "this table does not support `history`"
        else:
            mode = live.sync_mode
            seen.differences.insert(0, Difference(f"{path}.mode", table.mode, mode))
            seen.patch["sync_mode"] = table.mode.upper()
        if problem:
            seen.findings.append(ImpossibleSetting(f"{path}.mode", problem, "unsupported", exposes=False))
        seen.words = {"mode": mode, **(seen.words or {})}
        return seen

    def _columns(self, path: str, place: Place, declared: Mapping[str, str], live: TableConfig) -> Inner:
        level = Level(f"{path}.columns")
        known = {**self._source.get(place, {}), **live.columns}
        for name, word, column in _pairs(declared, known):
            wanted = word if word is not None else self._other_columns
            if word is not None:
                level.words[name] = word
            now = _column_state(column)
            if column is None and place in self._source:
                level.add_missing("column", name, known, exposes=word != "included")
            elif wanted is None or now == wanted:
                continue
            elif live.supports_columns_config is False:
                if word is not None:
                    level.add_finding(
                        name,
                        "this table does not support a choice of columns",
                        "unsupported",
                        exposes=wanted != "included",
                    )
            elif column is not None and column.lock is not None and "excluded" in (now, wanted):
                if word is not None:
                    level.add_locked(name, column.lock, wanted)
            else:
                level.add_difference(name, wanted, now)
                level.patch[name] = column_body(wanted)
        return level.as_inner("columns")


def _present(
    level: Level,
    kind: str,
    declared: Mapping[str, Nested],
    present: Mapping[str, Live],
    as_file: Callable[[Nested], Any],
) -> Iterator[tuple[str, Nested | None, Live]]:
    """Yield the live schemas or tables with their declaration. Those that the source lacks are findings."""
    for name, node, live in _pairs(declared, present):
        if node is not None:
            level.words[name] = as_file(node)
        if live is not None:
            yield name, node, live
        else:
            level.add_missing(kind, name, present, exposes=node is not None and _keeps_out(node))


def _pairs(
    declared: Mapping[str, Declared], present: Mapping[str, Live]
) -> Iterator[tuple[str, Declared | None, Live | None]]:
    """Yield the names of the file in its order, then the other live ones."""
    for name, node in declared.items():
        yield name, node, present.get(name)
    for name, live in present.items():
        if name not in declared:
            yield name, None, live


def _is_synced(node: SchemaConfig | TableConfig | ColumnConfig) -> bool:
    """Return whether a node is synced.

    Without a value it counts as synced, so that no data seems kept out.
    """
    return node.enabled is not False


def _column_state(column: ColumnConfig | None) -> str:
    if column is None:
        return "included"
    if not _is_synced(column):
        return "excluded"
    return "hashed" if column.hashed else "included"


def _keeps_out(declared: SchemaSync | TableSync) -> bool:
    if isinstance(declared, SchemaSync):
        return not declared.included or any(_keeps_out(table) for table in declared.tables.values())
    return not declared.included or any(word != "included" for word in declared.columns.values())
