"""A BigQuery dataset, and who may do what with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal


@dataclass(frozen=True)
class Condition:
    """An IAM condition: a role holds only while `expression` (Common Expression Language) is true."""

    title: str
    expression: str
    description: str | None = None


@dataclass(frozen=True)
class Grant:
    """One role for some members. Members keep the form of the file: `user:`, `group:`, `workgroup:`, …"""

    role: str
    members: tuple[str, ...]
    ticket: str | None = None
    """Where this access was asked for."""
    until: date | None = None
    """The last day of this access, in UTC. Never together with `condition`."""
    condition: Condition | None = None


@dataclass(frozen=True)
class DatasetAdopt:
    """How a dataset is taken over that exists already.

    `apply_changes` lets its access and its deletion rules become the file's; `revokes` are the service accounts that
    lose access by that, as the file spells members.
    """

    apply_changes: bool = False
    revokes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A BigQuery dataset as its file declares it. Labels are complete: the environment's defaults are merged in."""

    id: str
    location: str
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    sensitive: bool = False
    default_access: bool = True
    """Whether the environment's default access applies, unless the dataset is sensitive."""
    access: tuple[Grant, ...] = ()
    default_table_expiration_ms: int | None = None
    written_by: Literal["fivetran"] | None = None
    """`fivetran`: Fivetran's service account writes it though no connector of ours does."""
    adopt: DatasetAdopt = DatasetAdopt()
