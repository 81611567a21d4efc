"""What differs between a declared `sync` and a live schema config, and the least that has to be sent.

The rules, each with a test:

- A column that Fivetran does not list is included: it lists those that somebody has set (connection_schema_config).
- What is excluded hides what is in it: nothing inside is compared.
- What is not named is compared with `others: reset` alone, and then to what `new` would give it; a mode never is.
- What cannot be is never sent and differs in nothing: what Fivetran locks, what the source does not have, what it does
  not support. Where the file names it, it is a finding.
- What differs is sent in one tree, in which each node on the way has its `enabled`, as the API requires.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler.fivetran.config_diff import Difference
from reconciler.fivetran.tables.declared import column_body, included, parse, schema_words, table_words, with_schemas
from reconciler.fivetran.tables.level_diff import Finding, Inside, Level
from reconciler.fivetran.tables.live_schema import LiveColumn, LiveConfig, LiveSchema, LiveTable, Place
from reconciler.model import SchemaSync, Sync, TableSync

Said = TypeVar("Said")
There = TypeVar("There")

#: Declared values that keep something back.
_PROTECTING = frozenset({"hashed", "excluded", "allow_columns", "block_all"})


@dataclass(frozen=True)
class Comparison:
    """`sync` against a live config."""

    differences: tuple[Difference, ...]
    """The paths that differ, dotted as in the file, from `sync` on."""
    patch: Mapping[str, Any]
    """The body of modify_connection_schema_config that takes the live config to the file; empty for nothing."""
    as_file: Mapping[str, Any]
    """The live config in the words of the file: equal to what was compared exactly when nothing differs."""
    findings: tuple[Finding, ...]


def compare(
    declared: Mapping[str, Any],
    live: LiveConfig,
    source: Mapping[Place, Mapping[str, LiveColumn]] | None = None,
) -> Comparison:
    """Compare `inputs` with a live config. `source` has all columns of some tables, as they are in the source."""
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
    """Whether the file keeps something back that Fivetran syncs, or would once it appears."""
    return isinstance(difference.declared, str) and difference.declared in _PROTECTING


def to_look_up(declared: Mapping[str, Any], live: LiveConfig) -> tuple[Place, ...]:
    """The tables whose columns have to be read from the source, since the live config does not list them all.

    A column to be hashed or excluded has to exist: with a slip in its name, the one that was meant would be synced.
    And where all but the named ones are to be excluded, the others have to be known by name.
    """
    sync = parse(declared)
    places = []
    for schema_name, schema in sync.schemas.items():
        live_schema = live.schemas.get(schema_name)
        for name, table in schema.tables.items():
            there = live_schema.tables.get(name) if live_schema is not None else None
            if there is None or there.supports_columns_config is False or not table.columns:
                continue
            unlisted = (word for column, word in table.columns.items() if column not in there.columns)
            if (sync.others, sync.new) == ("reset", "block_all") or any(word != "included" for word in unlisted):
                places.append((schema_name, name))
    return tuple(places)


def undeclared(live: LiveConfig, datasets: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The schemas that are synced into a dataset not among `datasets`, each with that dataset."""
    known = frozenset(datasets)
    written = [(name, schema.name_in_destination or name) for name, schema in live.schemas.items() if _on(schema)]
    return tuple((name, dataset) for name, dataset in written if dataset not in known)


class _Comparing:
    """One comparison, level by level. What the file does not name goes as `others` says: None leaves it."""

    def __init__(self, sync: Sync, source: Mapping[Place, Mapping[str, LiveColumn]]) -> None:
        reset = sync.others == "reset"
        self._others = sync.new == "allow_all" if reset else None
        self._other_columns = included(sync.new != "block_all") if reset else None
        self._source = source

    def schemas(self, said: Mapping[str, SchemaSync], there: Mapping[str, LiveSchema]) -> Inside:
        level = Level("sync.schemas")
        for name, schema, live in _pairs(said, there):
            if schema is not None:
                level.words[name] = schema_words(schema)
            if live is None:
                level.missing("schema", name, there, exposes=schema is not None and _keeps_back(schema))
                continue
            wanted = schema.included if schema is not None else self._others
            if wanted is not None:
                tables = schema.tables if schema is not None else {}
                inner = self._tables(name, tables, live.tables) if wanted or _on(live) else Inside()
                level.put(name, wanted, _on(live), inner)
        return Inside(level.words, level.patch, level.differences, level.findings)

    def _tables(self, schema: str, said: Mapping[str, TableSync], there: Mapping[str, LiveTable]) -> Inside:
        level = Level(f"sync.schemas.{schema}.tables")
        for name, table, live in _pairs(said, there):
            if table is not None:
                level.words[name] = table_words(table)
            if live is None:
                level.missing("table", name, there, exposes=table is not None and _keeps_back(table))
                continue
            wanted = table.included if table is not None else self._others
            if wanted is not None and live.lock is not None and _on(live) is not wanted:
                if table is not None:
                    level.locked(name, live.lock, included(wanted))
            elif wanted is not None:
                said_inside = table if table is not None else TableSync()
                inner = self._table((schema, name), said_inside, live) if wanted or _on(live) else Inside()
                level.put(name, wanted, _on(live), inner)
        return level.inside("tables")

    def _table(self, place: Place, table: TableSync, live: LiveTable) -> Inside:
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
            seen.findings.append(Finding(f"{path}.mode", problem, "unsupported", exposes=False))
        seen.words = {"mode": mode, **(seen.words or {})}
        return seen

    def _columns(self, path: str, place: Place, said: Mapping[str, str], live: LiveTable) -> Inside:
        level = Level(f"{path}.columns")
        known = {**self._source.get(place, {}), **live.columns}
        for name, word, column in _pairs(said, known):
            wanted = word if word is not None else self._other_columns
            if word is not None:
                level.words[name] = word
            now = _word(column)
            if column is None and place in self._source:
                level.missing("column", name, known, exposes=word != "included")
            elif wanted is None or now == wanted:
                continue
            elif live.supports_columns_config is False:
                if word is not None:
                    level.find(
                        name,
                        "this table does not support a choice of columns",
                        "unsupported",
                        exposes=wanted != "included",
                    )
            elif column is not None and column.lock is not None and "excluded" in (now, wanted):
                if word is not None:
                    level.locked(name, column.lock, wanted)
            else:
                level.differ(name, wanted, now)
                level.patch[name] = column_body(wanted)
        return level.inside("columns")


def _pairs(said: Mapping[str, Said], there: Mapping[str, There]) -> Iterator[tuple[str, Said | None, There | None]]:
    """What the file names, in its order, and then what it does not."""
    for name, node in said.items():
        yield name, node, there.get(name)
    for name, live in there.items():
        if name not in said:
            yield name, None, live


def _on(node: LiveSchema | LiveTable | LiveColumn) -> bool:
    """Whether it is synced. What was not told counts as synced: nothing is taken for kept back without a word."""
    return node.enabled is not False


def _word(column: LiveColumn | None) -> str:
    if column is None:
        return "included"
    if not _on(column):
        return "excluded"
    return "hashed" if column.hashed else "included"


def _keeps_back(said: SchemaSync | TableSync) -> bool:
    if isinstance(said, SchemaSync):
        return not said.included or any(_keeps_back(table) for table in said.tables.values())
    return not said.included or any(word != "included" for word in said.columns.values())
