"""A live dataset, as the plugin's function `getDataset` answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from reconciler.access import as_input

#: Settings that no file can say and that a write without them would take away, by the names that the function answers
#: and the resource takes. The plugin keeps the others by itself (collation, case, time travel, billing: "computed").
_KEPT: Final[Mapping[str, str]] = {
    "defaultPartitionExpirationMs": "default_partition_expiration_ms",
    "defaultEncryptionConfigurations": "default_encryption_configuration",
    "externalCatalogDatasetOptions": "external_catalog_dataset_options",
    "externalDatasetReferences": "external_dataset_reference",
    "resourceTags": "resource_tags",
}


@dataclass(frozen=True)
class Live:
    """What exists under a dataset's id. Texts and numbers that are not set are None."""

    location: str
    accesses: tuple[Mapping[str, Any], ...] = ()
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    default_table_expiration_ms: int | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    """Settings that no file can say, as the resource takes them: they stay as they are."""

    @classmethod
    def parse(cls, answer: Mapping[str, Any]) -> Self:
        """Read the function's answer."""
        kept = {ours: value for theirs, ours in _KEPT.items() if (value := _setting(answer.get(theirs)))}
        return cls(
            location=str(answer.get("location") or ""),
            accesses=tuple(answer.get("accesses") or ()),
            friendly_name=answer.get("friendlyName") or None,
            description=answer.get("description") or None,
            labels=dict(answer.get("effectiveLabels") or {}),
            default_table_expiration_ms=int(answer.get("defaultTableExpirationMs") or 0) or None,
            kept=kept,
        )


def _setting(value: Any) -> Any:
    """A setting without what is empty; of a list of one, which is how the function answers a block, that one."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, Mapping):
        return as_input(value)
    return int(value) if isinstance(value, float) else value
