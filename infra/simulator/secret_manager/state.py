"""The state of the local Secret Manager: projects with secrets and versions. No behaviour."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.secret_manager.crc32c import crc32c

State = Literal["ENABLED", "DISABLED", "DESTROYED"]


def project_number(project: str) -> str:
    """Return the number of a project.

    Google's answers have it instead of the id, and requests may have it.
    """
    return project if project.isdigit() else f"{100_000_000_000 + crc32c(project.encode())}"


@dataclass
class Version:
    """A version of a secret. A destroyed one has no data. Times are seconds since the epoch."""

    number: int
    data: bytes = field(repr=False)
    created: float
    state: State = "ENABLED"
    destroyed: float | None = None
    checked: bool = False
    """Whether the request that added it had a checksum."""
    revision: int = 1


@dataclass
class Secret:
    """A secret with its versions by number. `settings` are the fields of the REST resource that users set."""

    name: str
    created: float
    settings: dict[str, Any]
    versions: dict[int, Version] = field(default_factory=dict)
    revision: int = 1


@dataclass(frozen=True)
class Denial:
    """A denied permission, on resources whose name matches a shell pattern."""

    permission: str
    resource: str = "*"


@dataclass
class Store:
    """All objects, in memory. Secrets are stored by project number and name."""

    now: Callable[[], float] = time.time
    secrets: dict[tuple[str, str], Secret] = field(default_factory=dict)
    denials: list[Denial] = field(default_factory=list)
    disabled_projects: set[str] = field(default_factory=set)
    """The numbers of projects without the API."""
    latency_ms: float = 0
    _revisions: int = 0

    def revision(self) -> int:
        """Return an unused number for an etag."""
        self._revisions += 1
        return self._revisions

    def clear(self) -> None:
        """Delete everything."""
        self.secrets.clear()
        self.denials.clear()
        self.disabled_projects.clear()
