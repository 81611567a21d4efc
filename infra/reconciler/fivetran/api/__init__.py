"""Call Fivetran's REST API by typed methods (`FivetranClient`).

With retries, pacing and one tree of errors (`errors`).

Of this project it imports `reconciler.http` only. Its logger is `reconciler.fivetran.api`. httpx logs URLs at INFO, and
httpcore logs headers of responses at DEBUG. None of them logs requests, so no log level shows a key, a secret or a
config value.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from reconciler.fivetran.api.clock import Clock
from reconciler.fivetran.api.errors import (
    ApiError,
    Conflict,
    FivetranError,
    Forbidden,
    InvalidSettings,
    MissingCredentials,
    NotFound,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
    Unauthorized,
    UnexpectedAnswer,
)
from reconciler.fivetran.api.schema_config import ColumnConfig, Lock, SchemaConfig, StandardConfig, TableConfig
from reconciler.fivetran.api.types import (
    AccountInfo,
    Alert,
    Approval,
    ApprovalKind,
    Connection,
    ConnectorType,
    Destination,
    Group,
    Package,
    Role,
    SetupTest,
    SystemKey,
    Team,
    User,
)

if TYPE_CHECKING:
    from reconciler.fivetran.api.client import FivetranClient
    from reconciler.fivetran.api.client_settings import Credentials
    from reconciler.fivetran.api.pacing import Limits
    from reconciler.fivetran.api.retry import Retry
    from reconciler.fivetran.api.transport import Timeouts

__all__ = [
    "AccountInfo",
    "Alert",
    "ApiError",
    "Approval",
    "ApprovalKind",
    "Clock",
    "ColumnConfig",
    "Conflict",
    "Connection",
    "ConnectorType",
    "Credentials",
    "Destination",
    "FivetranClient",
    "FivetranError",
    "Forbidden",
    "Group",
    "InvalidSettings",
    "Limits",
    "Lock",
    "MissingCredentials",
    "NotFound",
    "Package",
    "RateLimited",
    "Rejected",
    "Retry",
    "Role",
    "SchemaConfig",
    "ServerError",
    "SetupTest",
    "StandardConfig",
    "SystemKey",
    "TableConfig",
    "Team",
    "Timeouts",
    "TransportError",
    "Unauthorized",
    "UnexpectedAnswer",
    "User",
]

#: httpx is imported on first use, because most processes of a run send no request to Fivetran.
_LATE = {
    "Credentials": "client_settings",
    "FivetranClient": "client",
    "Limits": "pacing",
    "Retry": "retry",
    "Timeouts": "transport",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
