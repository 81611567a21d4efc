"""What connections of the local Fivetran read from."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.every import for_every

from simulator.fivetran.catalogue import DESTINATION_KEYS, Catalogue
from simulator.fivetran.source import Column, Lock, Source, SourceError, Table, default, merged, read

from .fivetran_account import Account

SCHEMA = {"schema": "own"}


def test_catalogue_notation_is_read():
    columns = ["id key", "at system", "two words", "key"]
    table = Table(
        {
            "id": Column(primary_key=True, lock=Lock("OTHER", "A primary key cannot be excluded")),
            "at": Column(lock=Lock("SYSTEM_COLUMN")),
            "two words": Column(),
            "key": Column(),
        },
        Lock("OTHER", "why"),
        enabled=False,
        supports_columns=False,
        sync_modes=("LIVE",),
    )
    definition = {"columns": columns, "locked": "OTHER", "reason": "why", "enabled": False}
    definition |= {"supports_columns": False, "sync_modes": ["LIVE"]}
    assert read({"tables": {"t": definition}}, SCHEMA) == Source({"own": {"t": table}})


@pytest.mark.parametrize(
    ("definition", "naming", "names"),
    [
        ({"tables": {"t": ["a"]}}, SCHEMA, {"own": ["t"]}),
        ({"tables": {"t": ["a"]}, "schema": "salesforce"}, SCHEMA, {"salesforce": ["t"]}),
        ({"columns": ["a"]}, {"schema": "own", "table": "sheet"}, {"own": ["sheet"]}),
        ({"schemas": {"a": {"t": ["a"]}, "b": {}}}, {"schema_prefix": "p"}, {"a": ["t"], "b": []}),
    ],
)
def test_one_schema_of_an_application_has_the_connections_name(
    definition: Any, naming: dict[str, str], names: dict[str, list[str]]
):
    source = read(definition, naming)
    assert {schema: list(tables) for schema, tables in source.schemas.items()} == names


def test_only_tables_of_databases_keep_history_by_default():
    assert read({"columns": ["a"]}, SCHEMA).schemas["own"]["data"].sync_modes == ("SOFT_DELETE",)
    database = read({"schemas": {"s": {"t": ["a"]}}}, {"schema_prefix": "p"})
    assert database.schemas["s"]["t"].sync_modes == ("SOFT_DELETE", "HISTORY")


@pytest.mark.parametrize(
    "definition",
    [
        {"novelty": 1},
        {"schemas": {}, "tables": {}},
        {"schemas": []},
        {"schemas": {"s": []}},
        {"tables": {"t": "x"}},
        {"tables": {"t": {"colour": 1}}},
        {"tables": {"t": {"locked": "SYSTEM_COLUMN"}}},
        {"tables": {"t": {"sync_modes": ["SOMETIMES"]}}},
        {"tables": {"t": {"columns": {"c": {"hashed": True}}}}},
        {"tables": {"t": {"columns": {"c": "text"}}}},
    ],
)
def test_definition_that_cannot_be_read_is_rejected(account: Account, definition: Any):
    with pytest.raises(SourceError):
        read(definition, SCHEMA)
    assert account.http.put("/_admin/sources/stripe", json=definition).status_code == 400


@for_every("service", Catalogue.load().connections.values(), ids=lambda service: service.id)
def test_every_service_has_something_to_read(service: Any):
    naming = {key: f"my_{key}" for key in service.destination_keys}
    source = read(default(service.id, naming), naming)
    assert all(table.columns for tables in source.schemas.values() for table in tables.values())
    assert bool(source.schemas) is True
    if service.form == "schema_prefix":
        assert {"audit"} < source.schemas.keys() or service.id == "mongo"
    if service.form == "schema_table":
        assert {schema: list(tables) for schema, tables in source.schemas.items()} == {"my_schema": ["my_table"]}


_NAMES = st.text("abc", min_size=1, max_size=2)
_COLUMNS: st.SearchStrategy[Any] = st.lists(_NAMES, unique=True) | st.dictionaries(_NAMES, st.just({}))
_TABLES = st.dictionaries(_NAMES, _COLUMNS.map(lambda columns: {"columns": columns}) | st.lists(_NAMES, unique=True))


@given(_TABLES, _TABLES)
def test_merging_adds_and_changes_and_takes_nothing_away(before: Any, changes: Any):
    both = read(merged({"tables": before}, {"tables": changes}), SCHEMA).schemas["own"]
    one, two = (read({"tables": tables}, SCHEMA).schemas["own"] for tables in (before, changes))
    assert both.keys() == one.keys() | two.keys()
    for name, table in both.items():
        parts = [part[name].columns.keys() for part in (one, two) if name in part]
        assert table.columns.keys() == set().union(*parts)


def test_null_takes_a_table_or_column_away():
    before = {"tables": {"t": ["a", "b"], "u": ["a"]}}
    after = merged(before, {"tables": {"t": {"columns": {"a": None}}, "u": None}})
    assert read(after, SCHEMA) == read({"tables": {"t": ["b"]}}, SCHEMA)


def _tables(account: Account, name: str) -> list[str]:
    connection = account.stripe(account.group(), name)["id"]
    (schema,) = account.data("GET", f"/v1/connections/{connection}/schemas")["schemas"].values()
    return sorted(schema["tables"])


def test_source_is_set_for_a_service_or_a_name_before_the_connection_exists(account: Account):
    account.admin("PUT", "/sources/stripe", {"tables": {"everyones": ["id key"]}})
    account.admin("PUT", "/sources/mine", {"tables": {f"t{number}": ["id key"] for number in range(180)}})
    assert _tables(account, "other") == ["everyones"]
    assert len(_tables(account, "mine")) == 180
    account.admin("DELETE", "/sources/stripe")
    assert "customer" in _tables(account, "third")


def test_source_is_read_and_changed_by_id(account: Account):
    connection = account.stripe(account.group())["id"]
    assert "customer" in account.admin("GET", f"/sources/{connection}")["tables"]
    account.admin("PATCH", f"/sources/{connection}", {"tables": {"novelty": ["id key"], "charge": None}})
    tables = account.admin("GET", f"/sources/{connection}")["tables"]
    assert ("novelty" in tables, "charge" in tables, "customer" in tables) == (True, False, True)
    assert "novelty" not in account.admin("GET", "/sources/stripe")["tables"]
    assert account.http.get("/_admin/sources/nobody").status_code == 400


def test_reset_forgets_sources(account: Account):
    account.admin("PUT", "/sources/stripe", {"tables": {}})
    account.admin("POST", "/reset")
    assert "customer" in account.admin("GET", "/sources/stripe")["tables"]


def test_every_form_of_destination_schema_is_covered():
    assert {service.form for service in Catalogue.load().connections.values()} == DESTINATION_KEYS.keys()
