"""The client: all operations that the project uses, over one connection pool for all threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpx

from reconciler.fivetran.api.client_settings import PUBLIC_API, USUAL_SHARE, BaseUrl, Credentials, requests_per_hour
from reconciler.fivetran.api.clock import Clock
from reconciler.fivetran.api.connections import ApprovalOperations, ConnectionOperations
from reconciler.fivetran.api.destinations import DestinationOperations
from reconciler.fivetran.api.groups import GroupOperations, MemberOperations
from reconciler.fivetran.api.pacing import Limits
from reconciler.fivetran.api.packages import ConnectorTypeOperations, PackageOperations
from reconciler.fivetran.api.retry import Retry
from reconciler.fivetran.api.schema_config import SchemaConfigOperations
from reconciler.fivetran.api.transport import Timeouts, Transport


class FivetranClient(
    GroupOperations,
    MemberOperations,
    DestinationOperations,
    ConnectionOperations,
    SchemaConfigOperations,
    ConnectorTypeOperations,
    PackageOperations,
    ApprovalOperations,
):
    """Fivetran's REST API, one method per operation. Create one per process, since limits are per client.

    `base_url` includes `/v1`. It may be http:// on this machine only, for which no proxy is used. Raises
    InvalidSettings for an unusable base URL, proxy or certificate setting.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        secret: str,
        *,
        limits: Limits | None = None,
        retry: Retry | None = None,
        timeouts: Timeouts | None = None,
        clock: Clock | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base_url = BaseUrl.parse(base_url)
        self._transport: Transport = Transport(
            self._base_url,
            Credentials(key, secret),
            limits=limits or Limits(),
            retry=retry or Retry(),
            timeouts=timeouts or Timeouts(),
            clock=clock or Clock(),
            transport=transport,
        )

    @classmethod
    def from_environment(
        cls,
        env: Mapping[str, str] | None = None,
        *,
        limits: Limits | None = None,
        retry: Retry | None = None,
        timeouts: Timeouts | None = None,
        clock: Clock | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> Self:
        """Create a client from FIVETRAN_APIKEY, FIVETRAN_APISECRET and FIVETRAN_API_URL.

        Without an address, it is that of the public API.

        FIVETRAN_REQUESTS_PER_HOUR is the most requests per hour, unless `limits` says otherwise.

        Raises MissingCredentials with the names of the missing variables, and InvalidSettings.
        """
        found = os.environ if env is None else env
        credentials = Credentials.from_environment(found)
        limits = limits or Limits(requests_per_hour=requests_per_hour(found), left_to_others=USUAL_SHARE / 100)
        return cls(
            found.get("FIVETRAN_API_URL", "").strip() or PUBLIC_API,
            credentials.key,
            credentials.secret,
            limits=limits,
            retry=retry,
            timeouts=timeouts,
            clock=clock,
            transport=transport,
        )

    def now(self) -> datetime:
        """Return this machine's time, corrected if Fivetran's last answer shows that it is wrong."""
        return datetime.fromtimestamp(self._transport.now(), UTC)

    def leave_to_others(self, percent: int | None) -> None:
        """Set the share of the account's quota that this client leaves to others; None for the usual share."""
        self._transport.leave_to_others((USUAL_SHARE if percent is None else percent) / 100)

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"FivetranClient({self._base_url.url!r})"
