"""What holds for any `sync` and any live config."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran.tables import inputs, parse
from reconciler.model import SchemaSync, Sync, TableSync

from .live_schemas import Column, Config, Lock, Schema, Table, compare, to_look_up

NAMES = st.sampled_from(["a", "b", "c", "A", "x y"])
LOCKS = st.none() | st.none() | st.sampled_from([Lock("SYSTEM_TABLE"), Lock("OTHER", "why"), Lock("DELETED")])
MODES = ["soft_delete", "history", "live"]

columns = st.builds(Column, enabled=st.booleans(), hashed=st.booleans(), lock=LOCKS)
live_tables = st.builds(
    Table,
    enabled=st.booleans(),
    columns=st.dictionaries(NAMES, columns, max_size=3),
    unlisted=st.dictionaries(st.sampled_from(["d", "e"]), st.builds(Column, lock=LOCKS), max_size=2),
    sync_mode=st.none() | st.sampled_from(MODES),
    supports_columns_config=st.sampled_from([True, True, False]),
    supports_history_mode=st.booleans(),
    lock=LOCKS,
)
live_schemas = st.builds(Schema, enabled=st.booleans(), tables=st.dictionaries(NAMES, live_tables, max_size=3))
configs = st.builds(
    Config,
    schemas=st.dictionaries(NAMES, live_schemas, max_size=3),
    schema_change_handling=st.sampled_from(["allow_all", "allow_columns", "block_all"]),
)

table_syncs = st.builds(TableSync, included=st.just(False)) | st.builds(
    TableSync,
    mode=st.none() | st.sampled_from(MODES),
    columns=st.dictionaries(NAMES | st.just("d"), st.sampled_from(["included", "hashed", "excluded"]), max_size=3),
)
schema_syncs = st.builds(SchemaSync, included=st.just(False)) | st.builds(
    SchemaSync, tables=st.dictionaries(NAMES, table_syncs, max_size=3)
)
syncs = st.builds(
    Sync,
    new=st.sampled_from(["allow_all", "allow_columns", "block_all"]),
    others=st.sampled_from(["keep", "reset"]),
    schemas=st.dictionaries(NAMES, schema_syncs, max_size=3),
)


@given(syncs)
def test_plain_form_of_a_sync_is_one_and_leads_back(sync: Sync):
    assert parse(inputs(sync)) == sync
    assert inputs(parse(inputs(sync))) == inputs(sync)


@given(syncs, configs)
def test_sent_patch_leaves_no_difference(sync: Sync, live: Config):
    before = compare(inputs(sync), live, live.source)
    if not before.patch:
        return
    after = live.patched(before.patch)
    again = compare(inputs(sync), after, after.source)
    assert again.differences == ()
    assert again.patch == {}
    assert again.as_file == inputs(sync)
    assert again.findings == before.findings


@given(syncs, configs, st.booleans())
def test_file_matches_exactly_when_nothing_differs_and_then_nothing_is_sent(sync: Sync, live: Config, known: bool):
    seen = compare(inputs(sync), live, live.source if known else None)
    assert (seen.as_file == inputs(sync)) == (seen.differences == ()) == (seen.patch == {})
    assert parse(seen.as_file).schemas.keys() >= sync.schemas.keys()


@given(syncs, configs)
def test_difference_is_found_again_in_the_words_of_the_file(sync: Sync, live: Config):
    """Once the file says what was found, it differs no more: what a refresh shows is what would have to be written."""
    found = compare(inputs(sync), live, live.source).as_file
    if sync.others == "keep" or sync.new == live.schema_change_handling:
        again = compare(found, live, live.source)
        assert again.differences == ()
        assert again.as_file == found


@pytest.mark.parametrize("blocking", ["before", "after"])
@given(syncs, configs)
def test_sending_what_differs_ends_in_whatever_order_blocking_and_nodes_are_taken(
    blocking: str, sync: Sync, live: Config
):
    for _ in range(3):
        patch = compare(inputs(sync), live, live.source).patch
        if not patch:
            return
        live = live.patched(patch, blocking=blocking)
    assert compare(inputs(sync), live, live.source).patch == {}


@given(syncs, configs)
def test_protected_data_is_excluded_or_reported(sync: Sync, live: Config):
    seen = compare(inputs(sync), live, live.source)
    after = live.patched(seen.patch) if seen.patch else live
    found = {finding.path for finding in seen.findings if finding.exposes}
    harmless = {finding.path for finding in seen.findings if not finding.exposes and finding.kind == "locked"}
    for path, ways in _kept_back(sync):
        if not any(path == way or path.startswith(f"{way}.") for way in found | harmless):
            assert not _flows(after, ways), path


@given(syncs, configs)
def test_unnamed_nodes_stay_unless_others_is_reset(sync: Sync, live: Config):
    seen = compare(inputs(sync), live, live.source)
    if sync.others == "reset" or not seen.patch:
        return
    before, after = copy.deepcopy(live), live.patched(seen.patch)
    for name, schema in after.schemas.items():
        declared_schema = sync.schemas.get(name)
        if declared_schema is None:
            assert schema == before.schemas[name]
        for table_name, table in schema.tables.items() if declared_schema is not None else ():
            declared_table = declared_schema.tables.get(table_name) if declared_schema is not None else None
            if declared_table is None:
                assert table == before.schemas[name].tables[table_name]
            else:
                old = before.schemas[name].tables[table_name]
                rest = [column for column in table.columns if column not in declared_table.columns]
                assert {c: table.columns[c] for c in rest} == {c: old.columns[c] for c in rest}


@given(syncs, configs)
def test_patch_has_no_node_without_a_change(sync: Sync, live: Config):
    seen = compare(inputs(sync), live, live.source)
    for without in _with_one_leaf_less(seen.patch):
        after = live.patched(without) if without else live
        assert compare(inputs(sync), after, after.source).differences != ()


@given(syncs, configs)
def test_path_that_differs_is_named_once(sync: Sync, live: Config):
    paths = [difference.path for difference in compare(inputs(sync), live, live.source).differences]
    assert len(paths) == len(set(paths))
    assert all(path == "sync.new" or path.startswith("sync.schemas.") for path in paths)


@given(syncs, configs)
def test_names_are_all_checked_after_the_source_is_read(sync: Sync, live: Config):
    """Whatever is kept back and sent is known to exist: listed, or in a table whose columns are looked up."""
    looked_up = to_look_up(inputs(sync), live)
    source = {place: live.source[place] for place in looked_up}
    patch = compare(inputs(sync), live, source).patch
    if patch:
        live.patched(patch)  # rejects what is not there


def _kept_back(sync: Sync) -> Iterator[tuple[str, tuple[str, ...]]]:
    for schema_name, schema in sync.schemas.items():
        path = f"sync.schemas.{schema_name}"
        if not schema.included:
            yield path, (schema_name,)
        for name, table in schema.tables.items():
            if not table.included:
                yield f"{path}.tables.{name}", (schema_name, name)
            for column, word in table.columns.items():
                if word != "included":
                    yield f"{path}.tables.{name}.columns.{column}", (schema_name, name, column, word)


def _flows(live: Config, ways: tuple[str, ...]) -> bool:
    """Whether data of the schema, table or column reaches the destination as it is in the source."""
    schema = live.schemas[ways[0]]
    if len(ways) == 1 or not schema.enabled:
        return bool(schema.enabled)
    table = schema.tables[ways[1]]
    if len(ways) == 2 or not table.enabled:
        return bool(table.enabled)
    column = {**table.unlisted, **table.columns}[ways[2]]
    return bool(column.enabled) and not (ways[3] == "hashed" and column.hashed)


def _with_one_leaf_less(patch: Any) -> Iterator[Any]:
    """The patch without one of the things it says, for each; a node that is `enabled` alone is such a thing."""
    for key, node in patch.items():
        if key in {"schema_change_handling", "sync_mode"}:
            yield {other: rest for other, rest in patch.items() if other != key}
        elif key == "columns" and len(node) > 0:
            for name in node:
                left = {other: rest for other, rest in node.items() if other != name}
                yield {**patch, key: left}
        elif key in {"schemas", "tables"}:
            for name, inner in node.items():
                if set(inner) == {"enabled"}:
                    yield {**patch, key: {other: rest for other, rest in node.items() if other != name}}
                for smaller in _with_one_leaf_less(inner):
                    yield {**patch, key: {**node, name: smaller}}
