"""Operations on a connection's schema config: which schemas, tables and columns it syncs, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from reconciler.fivetran.api.json_reader import flag, mapping, text, word
from reconciler.fivetran.api.request import Call, Operations, given, path_to

ExcludeMode = Literal["PRESERVE", "EXCLUDE"]


@dataclass(frozen=True)
class Lock:
    """Why whether something is synced cannot be set: `SYSTEM_TABLE`, `SYSTEM_COLUMN`, `DELETED`, `OTHER`, or newer."""

    code: str
    reason: str | None

    @classmethod
    def parse(cls, value: object) -> Self | None:
        """Read `enabled_patch_settings`; None where it can be set, and where nothing was told."""
        settings = mapping(value)
        if flag(settings.get("allowed")) is not False:
            return None
        return cls((text(settings.get("reason_code")) or "OTHER").strip().upper(), text(settings.get("reason")))


@dataclass(frozen=True)
class ColumnConfig:
    """A column. `enabled` says whether it is synced."""

    enabled: bool | None
    hashed: bool | None
    is_primary_key: bool | None
    lock: Lock | None

    @classmethod
    def parse_all(cls, value: object) -> Mapping[str, Self]:
        """Read `columns`."""
        return {
            name: cls(
                enabled=flag(data.get("enabled")),
                hashed=flag(data.get("hashed")),
                is_primary_key=flag(data.get("is_primary_key")),
                lock=Lock.parse(data.get("enabled_patch_settings")),
            )
            for name, data in _entries(value)
        }


@dataclass(frozen=True)
class TableConfig:
    """A table, with those of its columns that somebody has set or Fivetran has blocked.

    `sync_mode` is in lower case, and None for a connection that has no choice of modes.
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
    """A schema of the source. `name_in_destination` is the dataset it is written to."""

    enabled: bool | None
    name_in_destination: str | None
    tables: Mapping[str, TableConfig]


@dataclass(frozen=True)
class StandardConfig:
    """A connection's whole schema config; `schema_change_handling` in lower case."""

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
    """`/connections/{id}/schemas`. Every method raises FivetranError, NotFound and Conflict among them.

    A Conflict means that somebody else has changed the config at the same time: nothing was done, try again.
    """

    def get_schema_config(self, connection_id: str) -> StandardConfig:
        """The config (connection_schema_config). NotFound until Fivetran has looked at the source once."""
        call = Call("GET", path_to("connections", connection_id, "schemas"))
        return self._transport.send(call).read(StandardConfig.parse)

    def create_schema_config(
        self, connection_id: str, *, schemas: Mapping[str, object], schema_change_handling: str | None = None
    ) -> None:
        """Send a config ahead of the first look at the source (pre_create_connection_schema_config).

        The answer only repeats what was sent. Fivetran applies it in the first sync, as far as it can be.
        """
        body = given(schemas=schemas, schema_change_handling=schema_change_handling)
        # Not repeated: the second would meet the first and be refused as a conflict.
        self._transport.send(Call("POST", path_to("connections", connection_id, "schemas"), body=body))

    def update_schema_config(
        self,
        connection_id: str,
        *,
        schemas: Mapping[str, object] | None = None,
        schema_change_handling: str | None = None,
    ) -> None:
        """Change what the tree names (modify_connection_schema_config); every node in it needs its `enabled`.

        The answer is of no use: by account, it holds what was changed or everything. ValueError when nothing is given.
        """
        body = given(schemas=schemas, schema_change_handling=schema_change_handling)
        if not body:
            raise ValueError("update_schema_config needs something to change")
        self._transport.send(Call("PATCH", path_to("connections", connection_id, "schemas"), body=body))

    def reload_schema_config(self, connection_id: str, *, exclude_mode: ExcludeMode = "PRESERVE") -> StandardConfig:
        """Look at the source, which can take minutes, and return the config (reload_connection_schema_config).

        Rejected for a connection whose setup state is not connected. Repeated on a fault: it only looks.
        """
        call = Call(
            "POST",
            path_to("connections", connection_id, "schemas", "reload"),
            body={"exclude_mode": exclude_mode},
            asks_source=True,
            repeat_post=exclude_mode == "PRESERVE",
        )
        return self._transport.send(call).read(StandardConfig.parse)

    def get_source_columns(self, connection_id: str, schema: str, table: str) -> Mapping[str, ColumnConfig]:
        """All columns of a table, read from the source (connection_column_config). It needs setup state connected."""
        path = path_to("connections", connection_id, "schemas", schema, "tables", table, "columns")
        answer = self._transport.send(Call("GET", path, asks_source=True))
        return answer.read(lambda data: ColumnConfig.parse_all(data.get("columns")))


def _entries(value: object) -> list[tuple[str, Mapping[str, object]]]:
    """The objects of an object, by name."""
    return [(name, mapping(node)) for name, node in mapping(value).items()]
