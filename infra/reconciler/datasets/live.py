"""A live dataset, as BigQuery answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Live:
    """What exists under a dataset's id. Texts and numbers that are not set are None."""

    location: str
    accesses: tuple[Mapping[str, Any], ...] = ()
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    default_table_expiration_ms: int | None = None
