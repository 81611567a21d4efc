"""What lives in BigQuery held against the files: access lists, datasets taken over, datasets in no file. Pure."""

from reconciler.datasets.entries import in_words, missing, renamed, said
from reconciler.datasets.findings import Findings
from reconciler.datasets.live import Live
from reconciler.datasets.project import FIVETRANS_OWN, Undeclared, Writer, declared_ids, undeclared
from reconciler.datasets.takeover import Judgement, Meeting, meet
from reconciler.datasets.write import Write, without_account

__all__ = [
    "FIVETRANS_OWN",
    "Findings",
    "Judgement",
    "Live",
    "Meeting",
    "Undeclared",
    "Write",
    "Writer",
    "declared_ids",
    "in_words",
    "meet",
    "missing",
    "renamed",
    "said",
    "undeclared",
    "without_account",
]
