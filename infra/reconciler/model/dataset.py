"""A BigQuery dataset, and who may do what with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Grant:
    """One role for some members. Members keep the form of the file: `user:`, `group:`, `workgroup:`, …"""

    role: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A BigQuery dataset as its file declares it. Labels are complete: the environment's defaults are merged in."""

    id: str
    location: str
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    sensitive: bool = False
    access: tuple[Grant, ...] = ()
    default_table_expiration_ms: int | None = None
