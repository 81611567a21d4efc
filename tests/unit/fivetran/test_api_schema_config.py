"""Reading schema configs, and what of them may be asked for twice."""

import httpx
import pytest

from reconciler.fivetran.api import (
    ColumnConfig,
    Lock,
    Rejected,
    SchemaConfig,
    StandardConfig,
    TableConfig,
    TransportError,
)

from .support import Server, ok, rejection

FULL = {
    "enable_new_by_default": True,
    "schema_change_handling": "ALLOW_ALL",
    "schemas": {
        "public": {
            "name_in_destination": "db_public",
            "enabled": True,
            "tables": {
                "users": {
                    "name_in_destination": "users",
                    "enabled": True,
                    "sync_mode": "SOFT_DELETE",
                    "supports_columns_config": True,
                    "supports_history_mode": False,
                    "enabled_patch_settings": {"allowed": True},
                    "columns": {
                        "Email Address": {
                            "name_in_destination": "email_address",
                            "enabled": True,
                            "hashed": True,
                            "is_primary_key": False,
                            "enabled_patch_settings": {"allowed": False, "reason_code": "OTHER", "reason": "why"},
                        }
                    },
                },
            },
        }
    },
}


def test_schema_config_is_read_in_full() -> None:
    column = ColumnConfig(enabled=True, hashed=True, lock=Lock("OTHER", "why"))
    table = TableConfig(
        enabled=True,
        sync_mode="soft_delete",
        supports_columns_config=True,
        supports_history_mode=False,
        lock=None,
        columns={"Email Address": column},
    )
    assert StandardConfig.parse(FULL) == StandardConfig(
        schema_change_handling="allow_all",
        schemas={"public": SchemaConfig(enabled=True, name_in_destination="db_public", tables={"users": table})},
    )


def test_missing_fields_of_a_schema_config_are_none() -> None:
    config = StandardConfig.parse({"schemas": {"public": {"tables": {"users": {"columns": {"id": None}}}}}})
    assert config.schema_change_handling is None
    table = config.schemas["public"].tables["users"]
    assert (table.enabled, table.sync_mode, table.lock, table.supports_columns_config) == (None, None, None, None)
    assert table.columns == {"id": ColumnConfig(enabled=None, hashed=None, lock=None)}


@pytest.mark.parametrize(
    ("settings", "lock"),
    [
        ({"allowed": False, "reason_code": "system_table"}, Lock("SYSTEM_TABLE", None)),
        ({"allowed": "false"}, Lock("OTHER", None)),
        ({"allowed": True, "reason_code": "OTHER"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_lock_is_read_only_from_the_answer(settings: object, lock: Lock | None) -> None:
    assert Lock.parse(settings) == lock


def test_reload_is_repeated_on_a_fault() -> None:
    server = Server(httpx.ReadError("x"), ok(FULL))
    with server.client() as client:
        assert client.reload_schema_config("a_b") == StandardConfig.parse(FULL)
    assert len(server.requests) == 2


def test_config_sent_ahead_is_sent_once() -> None:
    server = Server(httpx.ReadError("x"), ok())
    with server.client() as client, pytest.raises(TransportError) as lost:
        client.create_schema_config("a_b", schemas={})
    assert len(server.requests) == 1
    assert lost.value.may_have_taken_effect


def test_reload_of_what_is_not_connected_is_rejected_in_the_api_s_words() -> None:
    words = "We expected the connector's setup state ('status.setup_state') to be 'connected', but it was 'incomplete'"
    with Server(rejection(400, "InvalidInput", words)).client() as client, pytest.raises(Rejected) as caught:
        client.reload_schema_config("a_b")
    assert caught.value.unmasked_message == words
