"""A BigQuery dataset and its access."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal


@dataclass(frozen=True)
class Condition:
    """An IAM condition: the role applies only while `expression` (Common Expression Language) is true."""

    title: str
    expression: str
    description: str | None = None


@dataclass(frozen=True)
class Grant:
    """A role for members, written as in files: `user:`, `group:`, `workgroup:`, …"""

    role: str
    members: tuple[str, ...]
    ticket: str | None = None
    """The ticket that requests this access."""
    until: date | None = None
    """The last day of this access, in UTC. Never together with `condition`."""
    condition: Condition | None = None


@dataclass(frozen=True)
class DatasetAdopt:
    """How to adopt an existing dataset.

    `apply_changes` lets the run change its access and deletion rules to match the file. `revokes` lists the service
    accounts from which the run may then revoke access, written as in files.
    """

    apply_changes: bool = False
    revokes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A BigQuery dataset, as its file declares it. `labels` include the environment's defaults."""

    id: str
    location: str
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    sensitive: bool = False
    default_access: bool = True
    """Whether the dataset has the environment's default access. A sensitive dataset never has it."""
    access: tuple[Grant, ...] = ()
    default_table_expiration_ms: int | None = None
    written_by: Literal["fivetran"] | None = None
    """`fivetran`: Fivetran's service account writes it, although no file declares a connector for it."""
    adopt: DatasetAdopt = DatasetAdopt()
