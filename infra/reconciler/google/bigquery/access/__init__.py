"""Who may do what with a dataset: the one authoritative access list, computed from the YAML. Pure.

    files' members and roles → entries in BigQuery's own form → the list, in a normal form ↔ what is live

The list holds the environment's automation, what the file declares, the environment's default unless the dataset is
sensitive, and Fivetran's service account where it writes. Entries that only other automation makes (authorised views,
routines, datasets) are kept from the live dataset. Nobody else is.
"""

from reconciler.google.bigquery.access.declared import (
    DeclaredEntry,
    by_no_file,
    declared_entries,
    effective,
    given_entries,
    placed_entries,
    with_owner,
    without_void,
    writer_entry,
)
from reconciler.google.bigquery.access.entry import (
    Entry,
    as_input,
    basic_role,
    entry_of,
    foreign_entries,
    predefined_role,
)
from reconciler.google.bigquery.access.lapsing import lapses, until, until_of
from reconciler.google.bigquery.access.member import (
    MemberNames,
    in_policy,
    is_deleted,
    is_everybody,
    is_of_the_project,
    is_person,
    member_of,
    place,
    workgroup_address,
)

__all__ = [
    "DeclaredEntry",
    "Entry",
    "MemberNames",
    "as_input",
    "basic_role",
    "by_no_file",
    "declared_entries",
    "effective",
    "entry_of",
    "foreign_entries",
    "given_entries",
    "in_policy",
    "is_deleted",
    "is_everybody",
    "is_of_the_project",
    "is_person",
    "lapses",
    "member_of",
    "place",
    "placed_entries",
    "predefined_role",
    "until",
    "until_of",
    "with_owner",
    "without_void",
    "workgroup_address",
    "writer_entry",
]
