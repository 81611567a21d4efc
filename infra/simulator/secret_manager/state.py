"""What exists in the local Secret Manager: projects with their secrets and versions. No behaviour."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.secret_manager.crc32c import crc32c

State = Literal["ENABLED", "DISABLED", "DESTROYED"]


def project_number(project: str) -> str:
    """The number of a project: Google's answers name it in place of the id, and requests may."""
    return project if project.isdigit() else f"{100_000_000_000 + crc32c(project.encode())}"


@dataclass
class Version:
    """One version of a secret. A destroyed one has no data any more; times are seconds since the epoch."""

    number: int
    data: bytes = field(repr=False)
    created: float
    state: State = "ENABLED"
    destroyed: float | None = None
    checked: bool = False
    """Whether the one who added it gave a checksum."""
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
    """A permission that the caller lacks, on the resources whose name matches a shell pattern."""

    permission: str
    resource: str = "*"


@dataclass
class Store:
    """Everything that exists, for the life of the process. Secrets are kept by project number and name."""

    now: Callable[[], float] = time.time
    secrets: dict[tuple[str, str], Secret] = field(default_factory=dict)
    denials: list[Denial] = field(default_factory=list)
    disabled_projects: set[str] = field(default_factory=set)
    """The numbers of projects in which the API is not enabled."""
    latency_ms: float = 0
    _revisions: int = 0

    def revision(self) -> int:
        """A number that no resource has had yet, for its etag."""
        self._revisions += 1
        return self._revisions

    def clear(self) -> None:
        """Forget everything."""
        self.secrets.clear()
        self.denials.clear()
        self.disabled_projects.clear()
