"""Operations on a connection's schema config, which selects schemas, tables and columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from reconciler.fivetran.api.json_reader import flag, mapping, text, word
from reconciler.fivetran.api.request import Call, Operations, given, path_to


@dataclass(frozen=True)
class Lock:
    """Why Fivetran allows no choice: `SYSTEM_TABLE`, `SYSTEM_COLUMN`, `DELETED`, `OTHER`, or a newer code."""

    code: str
    reason: str | None

    @classmethod
    def parse(cls, value: object) -> Self | None:
        """Read `enabled_patch_settings`; None if there is a choice, or the field is absent."""
        settings = mapping(value)
        if flag(settings.get("allowed")) is not False:
            return None
        return cls((text(settings.get("reason_code")) or "OTHER").strip().upper(), text(settings.get("reason")))


@dataclass(frozen=True)
class ColumnConfig:
    """A column. `enabled` is whether it is synced."""

    enabled: bool | None
    hashed: bool | None
    lock: Lock | None

    @classmethod
    def parse_all(cls, value: object) -> Mapping[str, Self]:
        """Read `columns`."""
        return {
            name: cls(
                enabled=flag(data.get("enabled")),
                hashed=flag(data.get("hashed")),
                lock=Lock.parse(data.get("enabled_patch_settings")),
            )
            for name, data in _entries(value)
        }


@dataclass(frozen=True)
class TableConfig:
    """A table, with the columns that a user has set or Fivetran has blocked.

    `sync_mode` is in lower case, and None if the connection has no choice of modes.
    """

    enabled: bool | None
    sync_mode: str | None
    supports_columns_config: bool | None
    supports_history_mode: bool | None
    lock: Lock | None
    columns: Mapping[str, ColumnConfig]

    @classmethod
    def parse_all(cls, value: object) -> Mapping[str, Self]:
        """Read `tables`."""
        return {
            name: cls(
                enabled=flag(data.get("enabled")),
                sync_mode=word(data.get("sync_mode")),
                supports_columns_config=flag(data.get("supports_columns_config")),
                supports_history_mode=flag(data.get("supports_history_mode")),
                lock=Lock.parse(data.get("enabled_patch_settings")),
                columns=ColumnConfig.parse_all(data.get("columns")),
            )
            for name, data in _entries(value)
        }


@dataclass(frozen=True)
class SchemaConfig:
    """A schema of the source. `name_in_destination` is its dataset."""

    enabled: bool | None
    name_in_destination: str | None
    tables: Mapping[str, TableConfig]


@dataclass(frozen=True)
class StandardConfig:
    """The schema config of a connection, with `schema_change_handling` in lower case."""

    schema_change_handling: str | None
    schemas: Mapping[str, SchemaConfig]

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Self:
        """Read StandardConfigResponse."""
        schemas = {
            name: SchemaConfig(
                enabled=flag(schema.get("enabled")),
                name_in_destination=text(schema.get("name_in_destination")),
                tables=TableConfig.parse_all(schema.get("tables")),
            )
            for name, schema in _entries(data.get("schemas"))
        }
        return cls(word(data.get("schema_change_handling")), schemas)


class SchemaConfigOperations(Operations):
    """`/connections/{id}/schemas`. Every method raises FivetranError, including NotFound and Conflict.

    After a Conflict, try again: another process changed the config at the same time, and Fivetran did nothing.
    """

    def get_schema_config(self, connection_id: str) -> StandardConfig:
        """Return the config (connection_schema_config).

        Raises NotFound until Fivetran has read the source's schema.
        """
        call = Call("GET", path_to("connections", connection_id, "schemas"))
        return self._transport.send(call).read(StandardConfig.parse)

    def create_schema_config(
        self, connection_id: str, *, schemas: Mapping[str, object], schema_change_handling: str | None = None
    ) -> None:
        """Send a config before Fivetran first reads the source's schema (pre_create_connection_schema_config).

        The answer repeats the request. Fivetran applies the parts that it can in the first sync.
        """
        body = given(schemas=schemas, schema_change_handling=schema_change_handling)
        # Not repeated: after the first request, Fivetran rejects the second as a conflict.
        self._transport.send(Call("POST", path_to("connections", connection_id, "schemas"), body=body))

    def update_schema_config(
        self,
        connection_id: str,
        *,
        schemas: Mapping[str, object] | None = None,
        schema_change_handling: str | None = None,
    ) -> None:
        """Change the nodes of the tree (modify_connection_schema_config). Each node needs its `enabled`.

        Returns nothing, because the answer differs by account: the changes, or the whole config. Raises ValueError
        without a change.
        """
        body = given(schemas=schemas, schema_change_handling=schema_change_handling)
        if not body:
            raise ValueError("update_schema_config needs something to change")
        self._transport.send(Call("PATCH", path_to("connections", connection_id, "schemas"), body=body))

    def reload_schema_config(self, connection_id: str) -> StandardConfig:
        """Let Fivetran read the source's schema, which can take minutes (reload_connection_schema_config).

        Raises Rejected unless the setup state is connected. Repeated after a fault, because it only reads.
        """
        call = Call(
            "POST",
            path_to("connections", connection_id, "schemas", "reload"),
            body={"exclude_mode": "PRESERVE"},
            asks_source=True,
            repeat_post=True,
        )
        return self._transport.send(call).read(StandardConfig.parse)

    def get_source_columns(self, connection_id: str, schema: str, table: str) -> Mapping[str, ColumnConfig]:
        """Read all columns of a table from the source (connection_column_config).

        Needs the setup state connected.
        """
        path = path_to("connections", connection_id, "schemas", schema, "tables", table, "columns")
        answer = self._transport.send(Call("GET", path, asks_source=True))
        return answer.read(lambda data: ColumnConfig.parse_all(data.get("columns")))


def _entries(value: object) -> list[tuple[str, Mapping[str, object]]]:
    """Yield the objects of an object by name."""
    return [(name, mapping(node)) for name, node in mapping(value).items()]
