"""The access list of a dataset: one authoritative list, computed from the YAML. Pure.

    files' members and roles → entries in BigQuery's own form → the list, in a normal form ↔ what is live

The list holds the environment's automation, what the file declares, the environment's default unless the dataset is
sensitive, and Fivetran's service account where it writes. Entries that only other automation makes (authorised views,
routines, datasets) are kept from the live dataset. All others are revoked.
"""

from reconciler.google.bigquery.access.declared_entries import (
    DeclaredEntry,
    add_owner,
    declared_entries,
    drop_void_entries,
    effective_entries,
    find_inherited_entries,
    inherited_entries,
    locate_entries,
    writer_entry,
)
from reconciler.google.bigquery.access.entry import (
    AccessEntry,
    basic_role,
    describe_lapse,
    foreign_entries,
    parse_entry,
    parse_until,
    predefined_role,
    until_condition,
    without_blanks,
)
from reconciler.google.bigquery.access.member import (
    MemberNames,
    format_member,
    is_deleted,
    is_person,
    is_project_role,
    is_public,
    policy_member,
    to_place,
    workgroup_address,
)

__all__ = [
    "AccessEntry",
    "DeclaredEntry",
    "MemberNames",
    "add_owner",
    "basic_role",
    "declared_entries",
    "describe_lapse",
    "drop_void_entries",
    "effective_entries",
    "find_inherited_entries",
    "foreign_entries",
    "format_member",
    "inherited_entries",
    "is_deleted",
    "is_person",
    "is_project_role",
    "is_public",
    "locate_entries",
    "parse_entry",
    "parse_until",
    "policy_member",
    "predefined_role",
    "to_place",
    "until_condition",
    "without_blanks",
    "workgroup_address",
    "writer_entry",
]
