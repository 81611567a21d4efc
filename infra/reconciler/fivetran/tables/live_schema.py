# ruff: noqa: D102 (the names are the API's)
"""The compared part of a live schema config. None means that the answer lacks the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

#: A table, by its schema's name and its own.
Place: TypeAlias = tuple[str, str]


class LiveLock(Protocol):
    """Why Fivetran allows no choice (`enabled_patch_settings`)."""

    @property
    def code(self) -> str: ...
    @property
    def reason(self) -> str | None: ...


class LiveColumn(Protocol):
    """ColumnConfigResponse."""

    @property
    def enabled(self) -> bool | None: ...
    @property
    def hashed(self) -> bool | None: ...
    @property
    def lock(self) -> LiveLock | None: ...


class LiveTable(Protocol):
    """TableConfigResponse; `sync_mode` in lower case, None also where the connection has no choice of modes."""

    @property
    def enabled(self) -> bool | None: ...
    @property
    def sync_mode(self) -> str | None: ...
    @property
    def supports_columns_config(self) -> bool | None: ...
    @property
    def supports_history_mode(self) -> bool | None: ...
    @property
    def lock(self) -> LiveLock | None: ...
    @property
    def columns(self) -> Mapping[str, LiveColumn]: ...


class LiveSchema(Protocol):
    """SchemaConfigResponse."""

    @property
    def enabled(self) -> bool | None: ...
    @property
    def name_in_destination(self) -> str | None: ...
    @property
    def tables(self) -> Mapping[str, LiveTable]: ...


class LiveConfig(Protocol):
    """StandardConfigResponse; `schema_change_handling` in lower case."""

    @property
    def schema_change_handling(self) -> str | None: ...
    @property
    def schemas(self) -> Mapping[str, LiveSchema]: ...
