"""Know which IAM roles on a project, folder or organisation read the tables of its datasets. Pure.

What a predefined role may do is in https://cloud.google.com/iam/docs/roles-permissions and
https://cloud.google.com/bigquery/docs/access-control. Basic roles read a dataset exactly where its access list has
the special group that stands for them (https://cloud.google.com/bigquery/docs/access-control-basic-roles).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

#: The least with which Fivetran works (https://fivetran.com/docs/destinations/bigquery/setup-guide): it runs load jobs,
#: and makes datasets of its own for staging and for schemas without one. It reads no dataset of others.
FIVETRANS: Final = "roles/bigquery.user"

#: The service account of a Fivetran group, as a member of a policy.
FIVETRANS_MEMBER: Final = re.compile(
    r"serviceAccount:g-[a-z0-9-]+@fivetran-[a-z0-9-]+\.iam\.gserviceaccount\.com", re.IGNORECASE
)

#: Predefined roles without any of `READING`. A role that is not here may read.
BLIND: Final = frozenset(
    {
        "roles/bigquery.connectionUser",
        "roles/bigquery.jobUser",
        "roles/bigquery.metadataViewer",
        "roles/bigquery.readSessionUser",  # a session on a table needs `bigquery.tables.getData` too
        "roles/bigquery.resourceAdmin",
        "roles/bigquery.resourceEditor",
        "roles/bigquery.resourceViewer",
        "roles/bigquery.studioUser",
        "roles/bigquery.user",
        "roles/browser",
        "roles/cloudfunctions.invoker",
        "roles/logging.viewer",
        "roles/monitoring.viewer",
        "roles/run.invoker",
        "roles/secretmanager.secretAccessor",
        "roles/secretmanager.viewer",
        "roles/serviceusage.serviceUsageConsumer",
    }
)

#: The special group of dataset access lists of all members with a basic role on the project.
BASIC: Final[Mapping[str, str]] = {
    "roles/viewer": "projectReaders",
    "roles/editor": "projectWriters",
    "roles/owner": "projectOwners",
}

#: Predefined roles with one of `READING`.
_READERS: Final = frozenset(
    {
        "roles/bigquery.admin",
        "roles/bigquery.dataEditor",
        "roles/bigquery.dataOwner",
        "roles/bigquery.dataViewer",
        "roles/bigquery.filteredDataViewer",
        "roles/bigquery.studioAdmin",
    }
)

#: What is granted on projects alone, with what there is on a dataset instead, if anything
#: (https://cloud.google.com/iam/docs/roles-permissions/bigquery: the lowest resources on which a role can be granted).
ON_PROJECTS: Final[Mapping[str, str | None]] = {
    "roles/viewer": "roles/bigquery.dataViewer",
    "roles/editor": "roles/bigquery.dataEditor",
    "roles/owner": "roles/bigquery.dataOwner",
    "roles/bigquery.jobUser": None,
}

#: The roles whose names are known here.
KNOWN: Final = BLIND | _READERS | BASIC.keys()

#: Permissions by which rows leave a table (https://cloud.google.com/iam/docs/permissions-reference).
READING: Final = frozenset(
    {
        "bigquery.rowAccessPolicies.getFilteredData",
        "bigquery.tables.export",
        "bigquery.tables.getData",
        "bigquery.tables.replicateData",
    }
)


def role_reads_data(role: str, permissions: Collection[str] | None = None) -> bool | None:
    """Return whether a role that is not basic reads tables; None when only its permissions can show it."""
    if role in BLIND:
        return False
    if role in _READERS:
        return True
    return None if permissions is None else not READING.isdisjoint(permissions)
