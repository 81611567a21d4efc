"""The rules of comparing a `sync` with a live schema config, each by an example."""

from typing import Any

import pytest

from reconciler.fivetran.tables import protects

from .live_schemas import Column, Config, Lock, Schema, Table, compare, to_look_up, undeclared


def live() -> Config:
    """A database with two schemas; one column has settings."""
    users = Table(
        columns={"email": Column(hashed=True)},
        unlisted={"id": Column(lock=Lock("OTHER", "A primary key cannot be excluded")), "phone": Column()},
        sync_mode="soft_delete",
    )
    heartbeat = Table(lock=Lock("SYSTEM_TABLE"), supports_columns_config=False, supports_history_mode=False)
    public = Schema(tables={"users": users, "orders": Table(enabled=False), "heartbeat": heartbeat})
    return Config({"public": public, "audit": Schema(tables={"log": Table()})})


def sync(**schemas: Any) -> dict[str, Any]:
    return {"new": "allow_all", "others": "keep", "schemas": schemas}


def paths(declared: dict[str, Any], config: Config | None = None) -> list[str]:
    return [str(difference) for difference in compare(declared, config or live()).differences]


def findings(declared: dict[str, Any], config: Config | None = None) -> list[tuple[str, bool]]:
    return [(str(finding), finding.exposes) for finding in compare(declared, config or live()).findings]


def test_comparison_covers_only_what_the_file_names():
    seen = compare(sync(public={"tables": {"users": {"columns": {"email": "hashed"}}}}), live())
    assert (seen.differences, seen.patch, seen.findings) == ((), {}, ())


def test_difference_is_named_by_its_path_with_both_sides():
    declared = {
        "new": "block_all",
        "others": "keep",
        "schemas": {
            "public": {
                "tables": {
                    "users": {"mode": "history", "columns": {"email": "included", "phone": "excluded"}},
                    "orders": "included",
                }
            },
            "audit": "excluded",
        },
    }
    assert paths(declared) == [
        "sync.new: the file says 'block_all', Fivetran has 'allow_all'",
        "sync.schemas.public.tables.users.mode: the file says 'history', Fivetran has 'soft_delete'",
        "sync.schemas.public.tables.users.columns.email: the file says 'included', Fivetran has 'hashed'",
        "sync.schemas.public.tables.users.columns.phone: the file says 'excluded', Fivetran has 'included'",
        "sync.schemas.public.tables.orders: the file says 'included', Fivetran has 'excluded'",
        "sync.schemas.audit: the file says 'excluded', Fivetran has 'included'",
    ]


def test_patch_has_enabled_parents_and_only_changed_nodes():
    declared = sync(
        public={"tables": {"users": {"columns": {"email": "hashed", "phone": "hashed"}}, "orders": "included"}},
        audit="excluded",
    )
    assert compare({**declared, "new": "allow_columns"}, live()).patch == {
        "schema_change_handling": "ALLOW_COLUMNS",
        "schemas": {
            "public": {
                "enabled": True,
                "tables": {
                    "users": {"enabled": True, "columns": {"phone": {"enabled": True, "hashed": True}}},
                    "orders": {"enabled": True},
                },
            },
            "audit": {"enabled": False},
        },
    }


def test_live_config_is_described_in_the_keys_of_the_file():
    declared = sync(
        public={"tables": {"users": {"mode": "history", "columns": {"email": "excluded"}}, "orders": "included"}},
        audit="included",
    )
    assert compare(declared, live()).as_file == sync(
        public={"tables": {"users": {"mode": "soft_delete", "columns": {"email": "hashed"}}, "orders": "excluded"}},
        audit="included",
    )


def test_excluded_table_to_sync_is_one_difference_and_is_sent_with_its_columns():
    config = live()
    config.schemas["public"].enabled = False
    declared = sync(public={"tables": {"users": {"columns": {"phone": "hashed"}}}})
    assert paths(declared, config) == ["sync.schemas.public: the file says 'included', Fivetran has 'excluded'"]
    tables = {"users": {"enabled": True, "columns": {"phone": {"enabled": True, "hashed": True}}}}
    assert compare(declared, config).patch == {"schemas": {"public": {"enabled": True, "tables": tables}}}


def test_excluded_node_hides_its_children():
    config = live()
    config.schemas["public"].enabled = False
    assert compare(sync(public="excluded"), config).differences == ()


def test_reset_brings_what_is_not_named_to_what_new_would_give_it():
    declared = {**sync(public={"tables": {"users": {"columns": {"phone": "hashed"}}}}), "others": "reset"}
    assert paths(declared) == [
        "sync.schemas.public.tables.users.columns.phone: the file says 'hashed', Fivetran has 'included'",
        "sync.schemas.public.tables.users.columns.email: the file says 'included', Fivetran has 'hashed'",
        "sync.schemas.public.tables.orders: the file says 'included', Fivetran has 'excluded'",
    ]
    assert paths({**declared, "new": "allow_columns"})[1:] == [
        "sync.schemas.public.tables.users.columns.phone: the file says 'hashed', Fivetran has 'included'",
        "sync.schemas.public.tables.users.columns.email: the file says 'included', Fivetran has 'hashed'",
        "sync.schemas.audit: the file says 'excluded', Fivetran has 'included'",
    ]


def test_reset_with_block_all_excludes_all_unlocked_undeclared_columns():
    declared = {
        "new": "block_all",
        "others": "reset",
        "schemas": {"public": {"tables": {"users": {"columns": {"phone": "included"}}}}},
    }
    config = live()
    assert to_look_up(declared, config) == (("public", "users"),)
    seen = compare(declared, config, config.source)
    columns = {"email": {"enabled": False}}
    assert seen.patch["schemas"]["public"]["tables"]["users"] == {"enabled": True, "columns": columns}
    assert seen.findings == ()


def test_differences_of_reset_use_the_keys_of_the_file():
    declared = {"new": "allow_columns", "others": "reset", "schemas": {"public": {"tables": {"users": "included"}}}}
    config = live()
    config.schemas["public"].tables["orders"].enabled = True
    shown = compare(declared, config).as_file["schemas"]
    tables = {"users": {"columns": {"email": "hashed"}}, "orders": "included"}
    assert shown == {"public": {"tables": tables}, "audit": {"tables": {"log": "included"}}}


def test_locked_node_is_skipped_and_reported_when_the_file_names_it():
    config = live()
    declared = sync(public={"tables": {"heartbeat": "excluded", "users": {"columns": {"id": "excluded"}}}})
    seen = compare(declared, config, config.source)
    assert (seen.patch, seen.differences, seen.as_file) == ({}, (), declared)
    assert [(str(finding), finding.exposes) for finding in seen.findings] == [
        ("sync.schemas.public.tables.heartbeat: Fivetran does not allow `excluded` here (SYSTEM_TABLE)", False),
        (
            "sync.schemas.public.tables.users.columns.id: Fivetran does not allow `excluded` here "
            "(OTHER: A primary key cannot be excluded)",
            True,
        ),
    ]
    others = compare({"new": "block_all", "others": "reset"}, config)
    assert others.findings == ()
    assert "heartbeat" not in str(others.patch)


def test_locked_column_can_be_hashed():
    config = live()
    declared = sync(public={"tables": {"users": {"columns": {"id": "hashed"}}}})
    columns = compare(declared, config, config.source).patch["schemas"]["public"]["tables"]["users"]["columns"]
    assert columns == {"id": {"enabled": True, "hashed": True}}


@pytest.mark.parametrize("code", ["SYSTEM_TABLE", "DELETED"])
def test_lock_on_a_table_without_source_data_exposes_nothing(code: str):
    config = live()
    config.schemas["audit"].tables["log"].lock = Lock(code)
    [(_, exposes)] = findings(sync(audit={"tables": {"log": "excluded"}}), config)
    assert not exposes
    config.schemas["audit"].tables["log"].lock = Lock("OTHER")
    [(_, exposes)] = findings(sync(audit={"tables": {"log": "excluded"}}), config)
    assert exposes
    config.schemas["audit"].tables["log"].enabled = False
    [(_, exposes)] = findings(sync(audit={"tables": {"log": "included"}}), config)
    assert not exposes


def test_unknown_name_is_never_sent_and_gets_a_suggestion():
    declared = sync(
        Public="included",
        public={"tables": {"user": {"columns": {"email": "hashed"}}, "payments": "included"}},
        secrets="excluded",
    )
    seen = compare(declared, live())
    assert (seen.patch, seen.differences, seen.as_file) == ({}, (), declared)
    capitals = "Names are case-sensitive"
    assert findings(declared) == [
        (f"sync.schemas.Public: the source has no such schema; did you mean public? {capitals}", False),
        (f"sync.schemas.public.tables.user: the source has no such table; did you mean users? {capitals}", True),
        ("sync.schemas.public.tables.payments: the source has no such table; it has heartbeat, orders, users", False),
        ("sync.schemas.secrets: the source has no such schema; it has audit, public", True),
    ]


def test_column_is_missing_only_where_all_columns_are_known():
    config = live()
    declared = sync(public={"tables": {"users": {"columns": {"emial": "hashed"}}}})
    assert compare(declared, config).findings == ()
    assert to_look_up(declared, config) == (("public", "users"),)
    seen = compare(declared, config, config.source)
    assert seen.patch == {}
    [finding] = seen.findings
    assert "the source has no such column; did you mean email?" in str(finding)
    assert finding.exposes


def test_live_config_takes_precedence_over_columns_read_from_the_source():
    config = live()
    source = live().source
    config.schemas["public"].tables["users"].columns["phone"] = Column(enabled=False)
    declared = sync(public={"tables": {"users": {"columns": {"phone": "excluded"}}}})
    assert compare(declared, config, source).differences == ()


def test_columns_are_looked_up_only_where_one_to_be_kept_back_is_not_listed():
    tables = {"users": {"columns": {"email": "excluded", "phone": "included"}}, "orders": {"mode": "history"}}
    assert to_look_up(sync(public={"tables": tables}), live()) == ()
    assert to_look_up(sync(public={"tables": {"heartbeat": {"columns": {"id": "hashed"}}}}), live()) == ()
    assert to_look_up(sync(other={"tables": {"users": {"columns": {"id": "hashed"}}}}), live()) == ()


def test_table_without_a_choice_of_columns_is_found_before_anything_is_sent():
    declared = sync(public={"tables": {"heartbeat": {"columns": {"id": "hashed", "at": "included"}}}})
    path = "sync.schemas.public.tables.heartbeat.columns.id"
    assert findings(declared) == [(f"{path}: this table does not support a choice of columns", True)]
    assert compare(declared, live()).patch == {}


def test_mode_that_cannot_be_is_found_and_not_sent():
    config = live()
    config.schemas["public"].tables["users"].supports_history_mode = False
    declared = sync(public={"tables": {"users": {"mode": "history"}, "orders": {"mode": "live"}}})
    config.schemas["public"].tables["orders"].enabled = True
    path = "sync.schemas.public.tables"
    assert findings(declared, config) == [
        (f"{path}.users.mode: this table does not support `history`", False),
        (f"{path}.orders.mode: this connection does not support `mode`", False),
    ]
    assert compare(declared, config).patch == {}


def test_node_without_enabled_counts_as_synced():
    config = live()
    config.schemas["audit"].enabled = None
    config.schemas["public"].tables["users"].columns["email"] = Column(enabled=None, hashed=None)
    declared = sync(audit="excluded", public={"tables": {"users": {"columns": {"email": "hashed"}}}})
    assert len(paths(declared, config)) == 2
    config.schema_change_handling = None
    assert len(paths(declared, config)) == 2


def test_difference_that_exposes_data_is_distinguished_from_others():
    declared = {
        "new": "block_all",
        "others": "keep",
        "schemas": {
            "public": {"tables": {"users": {"mode": "history", "columns": {"email": "included", "phone": "hashed"}}}},
            "audit": "excluded",
        },
    }
    protecting = {each.path.rpartition(".")[2]: protects(each) for each in compare(declared, live()).differences}
    assert protecting == {"new": True, "mode": False, "email": False, "phone": True, "audit": True}


def test_schema_synced_into_an_undeclared_dataset_is_named_with_it():
    config = live()
    config.schemas["public"].name_in_destination = "db_public"
    config.schemas["audit"].name_in_destination = "db_audit"
    assert undeclared(config, ["db_public"]) == (("audit", "db_audit"),)
    config.schemas["audit"].enabled = False
    assert undeclared(config, ["db_public"]) == ()
