"""Roles in their two spellings: that of files, which is IAM's, and that of access lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: BigQuery answers these three predefined roles by their basic names, with a condition too, so that we write them that
#: way at once: anything else shows as a difference for ever (Dataset.access, BigQuery REST v2).
_BASIC_ROLES: Final[Mapping[str, str]] = {
    "roles/bigquery.dataOwner": "OWNER",
    "roles/bigquery.dataEditor": "WRITER",
    "roles/bigquery.dataViewer": "READER",
}


def basic_role(role: str) -> str:
    """The role as BigQuery stores it in an access list."""
    return _BASIC_ROLES.get(role, role)


def predefined_role(role: str) -> str:
    """The role as files spell it: the reverse of `basic_role`."""
    return next((predefined for predefined, basic in _BASIC_ROLES.items() if basic == role), role)
