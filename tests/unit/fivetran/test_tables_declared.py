"""`sync` as plain JSON, and as the API accepts it before it has read the source."""

from reconciler.fivetran.tables import ahead, inputs, parse
from reconciler.model import SchemaSync, Sync, TableSync

SYNC = Sync(
    new="allow_columns",
    schemas={
        "public": SchemaSync(
            tables={
                "users": TableSync(mode="history", columns={"id": "included", "email": "hashed", "phone": "excluded"}),
                "orders": TableSync(),
                "log": TableSync(included=False),
            }
        ),
        "audit": SchemaSync(included=False),
        "shop": SchemaSync(),
    },
)


def test_selection_has_one_form():
    assert inputs(SYNC) == {
        "new": "allow_columns",
        "others": "keep",
        "schemas": {
            "public": {
                "tables": {
                    "users": {
                        "mode": "history",
                        "columns": {"id": "included", "email": "hashed", "phone": "excluded"},
                    },
                    "orders": "included",
                    "log": "excluded",
                }
            },
            "audit": "excluded",
            "shop": "included",
        },
    }
    assert inputs(Sync(new="block_all")) == {"new": "block_all", "others": "keep"}


def test_stored_sync_is_parsed_equal():
    assert parse(inputs(SYNC)) == SYNC
    assert parse({"new": "block_all"}) == Sync(new="block_all")


def test_everything_that_the_file_names_is_sent_before_the_source_is_read():
    assert ahead(inputs(SYNC)) == {
        "schema_change_handling": "ALLOW_COLUMNS",
        "schemas": {
            "public": {
                "enabled": True,
                "tables": {
                    "users": {
                        "enabled": True,
                        "sync_mode": "HISTORY",
                        "columns": {
                            "id": {"enabled": True, "hashed": False},
                            "email": {"enabled": True, "hashed": True},
                            "phone": {"enabled": False},
                        },
                    },
                    "orders": {"enabled": True},
                    "log": {"enabled": False},
                },
            },
            "audit": {"enabled": False},
            "shop": {"enabled": True},
        },
    }
