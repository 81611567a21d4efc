"""List which role each identity has, and on what.

It is the table in docs/how-to/set-up-an-environment.md as data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from bootstrap.conditions import Identity

Target: TypeAlias = Literal[
    "project",
    "projects of functions",
    "secrets project",
    "function",
    "function of the second generation",
    "state",
    "key",
    "Fivetran key",
    "itself",
]
_BOTH: tuple[Identity, ...] = ("preview", "apply")
_APPLY: tuple[Identity, ...] = ("apply",)
_PREVIEW: tuple[Identity, ...] = ("preview",)


@dataclass(frozen=True)
class Grant:
    """One role, on one kind of resource, for one or both identities."""

    role: str
    on: Target
    to: tuple[Identity, ...]


GRANTS = (
    Grant("roles/bigquery.metadataViewer", "project", _BOTH),
    Grant("roles/browser", "project", _BOTH),
    Grant("roles/bigquery.user", "project", _APPLY),
    Grant("roles/resourcemanager.projectIamAdmin", "project", _APPLY),
    Grant("roles/iam.securityReviewer", "projects of functions", _BOTH),
    Grant("roles/cloudfunctions.admin", "function", _APPLY),
    Grant("roles/run.admin", "function of the second generation", _APPLY),
    Grant("roles/secretmanager.viewer", "secrets project", _BOTH),
    Grant("roles/secretmanager.secretAccessor", "secrets project", _APPLY),
    Grant("roles/secretmanager.secretAccessor", "Fivetran key", _BOTH),
    Grant("roles/storage.objectViewer", "state", _PREVIEW),
    Grant("roles/storage.objectUser", "state", _APPLY),
    Grant("roles/cloudkms.cryptoKeyDecrypter", "key", _PREVIEW),
    Grant("roles/cloudkms.cryptoKeyEncrypterDecrypter", "key", _APPLY),
    Grant("roles/iam.workloadIdentityUser", "itself", _BOTH),
)


def roles(on: Target, identity: Identity) -> list[str]:
    """Return the roles of an identity on one kind of resource."""
    return [grant.role for grant in GRANTS if grant.on == on and identity in grant.to]
