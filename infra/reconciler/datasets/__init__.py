"""What lives in BigQuery held against the files: access lists, datasets taken over, datasets in no file. Pure."""

from reconciler.datasets.access_change import AccessChange, access_changes, deleted_members
from reconciler.datasets.entries import (
    EntryText,
    format_condition,
    format_entry,
    is_foreign,
    key,
    may_be_writer,
    missing,
    normal,
    renamed,
    same,
)
from reconciler.datasets.expected import Expected, dataset_path, expect
from reconciler.datasets.findings import Findings
from reconciler.datasets.live import Live
from reconciler.datasets.merge import merged
from reconciler.datasets.project import FIVETRANS_OWN, Undeclared, Writer, declared_ids, undeclared
from reconciler.datasets.takeover import Judgement, Meeting, meet

__all__ = [
    "FIVETRANS_OWN",
    "AccessChange",
    "EntryText",
    "Expected",
    "Findings",
    "Judgement",
    "Live",
    "Meeting",
    "Undeclared",
    "Writer",
    "access_changes",
    "dataset_path",
    "declared_ids",
    "deleted_members",
    "expect",
    "format_condition",
    "format_entry",
    "is_foreign",
    "key",
    "may_be_writer",
    "meet",
    "merged",
    "missing",
    "normal",
    "renamed",
    "same",
    "undeclared",
]
