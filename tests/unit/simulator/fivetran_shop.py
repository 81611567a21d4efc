"""A database for the tests of schema configs: what is in it, a connection to it, and how to ask about its schemas."""

from __future__ import annotations

from typing import Any

from .fivetran_account import Account

#: Has a table of each kind: one like any other, one without columns config, locked ones that sync and that do not.
SOURCE: dict[str, Any] = {
    "schemas": {
        "public": {
            "Users": ["id key", "email", "createdAt", "_synced system"],
            "blobs": {"columns": ["id key", "data"], "supports_columns": False},
            "heartbeat": {"columns": ["id key"], "locked": "SYSTEM_TABLE"},
            "internal": {"columns": ["id"], "locked": "OTHER", "reason": "No primary key", "enabled": False},
        },
        "audit": {"log": ["id key", "actor"]},
    }
}


def create_shop(account: Account) -> str:
    """A paused, connected database in a group of its own; its schemas have not been looked at."""
    account.admin("PUT", "/sources/shop", SOURCE)
    config = {"schema_prefix": "shop", "host": "h", "database": "d", "user": "u", "password": "canary"}
    body = {"group_id": account.group(), "service": "postgres", "config": config, "paused": True}
    connection_id: str = account.data("POST", "/v1/connections", body)["id"]
    return connection_id


def reload(account: Account, connection: str, mode: str | None = None) -> Any:
    """The schema config after a reload."""
    body = {} if mode is None else {"exclude_mode": mode}
    return account.data("POST", f"/v1/connections/{connection}/schemas/reload", body)


def change(account: Account, connection: str, body: Any) -> Any:
    """The answer to a change of the whole schema config."""
    return account.data("PATCH", f"/v1/connections/{connection}/schemas", body)
