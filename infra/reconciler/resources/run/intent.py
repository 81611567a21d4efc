"""Intent: that this stack is about to create a connection, recorded before it does.

A create whose reply was lost, or whose run was killed, leaves a connection that state does not know. It is ours only if
an earlier run recorded the intent, and Fivetran says that our API key created the connection after that (decision 23).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from reconciler.fivetran.api import AccountInfo, Connection

#: How far the clock of an intent may be ahead of that of `created_at`. It is this machine's, put right by what
#: Fivetran's answers say. A larger tolerance would add little: an intent is recorded only where no connection of the
#: name existed, and `connected_by` has to match as well.
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Creator:
    """Whose API key creates connections: a user's, whom Fivetran names in `connected_by`, or a system key."""

    user: str | None = None
    system_key: str | None = None

    @classmethod
    def of(cls, account: AccountInfo) -> Self:
        """Read the creator from the answer of get_account_info."""
        return cls(account.user_id, account.system_key_id)

    def has_created(self, live: Connection) -> bool:
        """Return whether Fivetran names this creator.

        For a system key it names no user (connected_by is null).
        """
        if self.user is not None:
            return live.connected_by == self.user
        return self.system_key is not None and live.connected_by is None


@dataclass(frozen=True)
class Intent:
    """That a connection is about to be created: when, in UTC, and with whose key."""

    at: datetime
    creator: Creator = Creator()

    def covers(self, live: Connection) -> bool:
        """Return whether a connection is the one that this intent was about."""
        return self.creator.has_created(live) and self._is_before(live, CLOCK_TOLERANCE)

    def is_fulfilled_by(self, live: Connection) -> bool:
        """Return whether a connection that state has came of this intent, so that the intent is used up."""
        return self.creator.has_created(live) and self._is_before(live, timedelta(0))

    def _is_before(self, live: Connection, tolerance: timedelta) -> bool:
        created_at = _moment(live.created_at)
        return created_at is not None and created_at >= self.at - tolerance

    def as_property(self) -> dict[str, str]:
        """Return the intent as JSON, for state."""
        found = {"at": self.at.isoformat(), "user": self.creator.user, "system_key": self.creator.system_key}
        return {key: value for key, value in found.items() if value is not None}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self | None:
        """Read an intent from state; None where its time cannot be read, which proves nothing."""
        at = _moment(stored.get("at"))
        return None if at is None else cls(at, Creator(stored.get("user"), stored.get("system_key")))


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
