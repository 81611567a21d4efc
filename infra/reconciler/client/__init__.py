"""Fivetran's REST API as typed methods (`FivetranClient`), with retries, pacing and one tree of errors (`errors`).

It imports nothing else of this project. It logs as `reconciler.client`. Below it, httpx logs URLs at INFO and httpcore
the answers' headers at DEBUG; neither logs what was sent: no level of logging shows a key, a secret or a config value.
"""

from reconciler.client.client import FivetranClient
from reconciler.client.clock import Clock
from reconciler.client.errors import (
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
from reconciler.client.pacing import Limits
from reconciler.client.retry import Retry
from reconciler.client.schema_config import ColumnConfig, Lock, SchemaConfig, StandardConfig, TableConfig
from reconciler.client.scrub import scrub, secret_values
from reconciler.client.settings import Credentials
from reconciler.client.transport import Timeouts
from reconciler.client.types import (
    Account,
    Alert,
    Connection,
    ConnectorType,
    Destination,
    Group,
    Package,
    SetupTest,
    User,
)

__all__ = [
    "Account",
    "Alert",
    "ApiError",
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
    "SchemaConfig",
    "ServerError",
    "SetupTest",
    "StandardConfig",
    "TableConfig",
    "Timeouts",
    "TransportError",
    "Unauthorized",
    "UnexpectedAnswer",
    "User",
    "scrub",
    "secret_values",
]
