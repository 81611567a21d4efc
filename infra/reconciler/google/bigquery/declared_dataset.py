"""A dataset as its file declares it, in JSON for the check of the first resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from reconciler.google.bigquery.access import DeclaredEntry, MemberNames, locate_entries, parse_entry, predefined_role
from reconciler.google.bigquery.access.live_entries import EntryText, format_condition
from reconciler.lifecycle.removal import DeletionRules
from reconciler.model import Dataset, Environment, Unit


@dataclass(frozen=True)
class DatasetDeclaration:
    """What a file declares of a dataset, with the line of each entry of its access list."""

    file: str
    path: str
    """Of the dataset in its file: `dataset`, or `datasets.<schema>`."""
    id: str
    location: str
    entries: tuple[DeclaredEntry, ...] = ()
    """The access list without Fivetran's service account."""
    is_written: bool = False
    """Whether Fivetran's service account is to write it."""
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    default_table_expiration_ms: int | None = None
    contents: bool = False
    """Whether the file lets its contents be deleted with it."""
    apply_changes: bool = False
    revokes: tuple[str, ...] = ()
    workgroups: str | None = None

    @property
    def names(self) -> MemberNames:
        """How the files of the environment write members."""
        return MemberNames(self.workgroups, {each.entry.at: each.member for each in self.entries})

    def format(self, each: DeclaredEntry) -> EntryText:
        """Format one of its entries as the file that declares it spells the member."""
        return EntryText(predefined_role(each.entry.role), each.member + format_condition(each.entry))

    def as_json(self) -> dict[str, Any]:
        """Return the declaration as JSON, without empty values."""
        node = {
            **vars(self),
            "entries": [_without_blanks({**vars(each), "entry": each.entry.as_property()}) for each in self.entries],
            "labels": dict(self.labels),
            "revokes": list(self.revokes),
        }
        return _without_blanks(node)

    @classmethod
    def from_json(cls, node: Mapping[str, Any]) -> Self:
        """Parse it from JSON."""
        entries = (
            DeclaredEntry(**{**each, "entry": entry})
            for each in node.get("entries", ())
            if (entry := parse_entry(each["entry"])) is not None
        )
        return cls(**{**node, "entries": tuple(entries), "revokes": tuple(node.get("revokes", ()))})


def build_declaration(
    environment: Environment, unit: Unit, dataset: Dataset, rules: DeletionRules, *, is_written: bool
) -> DatasetDeclaration:
    """Return what a unit's file declares of one of its datasets."""
    path = dataset_path(unit, dataset)
    return DatasetDeclaration(
        file=unit.file,
        path=path,
        id=dataset.id,
        location=dataset.location,
        entries=locate_entries(environment, dataset, unit.file, path),
        is_written=is_written,
        friendly_name=dataset.friendly_name,
        description=dataset.description or None,
        labels=dataset.labels,
        default_table_expiration_ms=dataset.default_table_expiration_ms,
        contents=rules.contents,
        apply_changes=dataset.adopt.apply_changes,
        revokes=tuple(member.lower().replace("serviceaccount:", "serviceAccount:") for member in dataset.adopt.revokes),
        workgroups=environment.workgroups,
    )


def dataset_path(unit: Unit, dataset: Dataset) -> str:
    """Return the path of a dataset in its unit's file."""
    prefix = unit.connector.destination.schema_prefix if unit.connector else None
    if prefix is None:
        return "dataset"
    former = unit.connector.allow_resync.schema if unit.connector and unit.connector.allow_resync else None
    of = prefix if dataset in unit.datasets or former is None else former.old
    return f"datasets.{dataset.id.removeprefix(f'{of}_')}"


def _without_blanks(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if value}
