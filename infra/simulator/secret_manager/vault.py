"""The operations of Secret Manager on the store, with the API's errors. No HTTP.

Written from the API's reference (secretmanager v1) and its guides on versions, etags and data integrity.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from typing import Any

from simulator.secret_manager.crc32c import crc32c
from simulator.secret_manager.errors import ApiError, denied, not_enabled
from simulator.secret_manager.state import Secret, State, Store, Version, project_number

_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
#: The largest size of a version, in bytes.
_LARGEST = 65_536


#: The fields of a secret that an update may name and that are simulated.
_UPDATABLE = frozenset({"labels", "annotations"})


class Vault:
    """Secret Manager, for one caller."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def permit(self, permission: str, resource: str) -> None:
        """Reject a denied permission. `resource` is the name in the request."""
        project = project_number(resource.split("/")[1])
        if project in self.store.disabled_projects:
            raise not_enabled(project)
        for denial in self.store.denials:
            if denial.permission in (permission, "*") and fnmatch.fnmatchcase(resource, denial.resource):
                raise denied(permission, resource)

    def secrets(self, project: str) -> Iterator[Secret]:
        """Return a project's secrets by name."""
        number = project_number(project)
        return (secret for (owner, _), secret in sorted(self.store.secrets.items()) if owner == number)

    def secret(self, project: str, name: str) -> Secret:
        """Return a secret; 404."""
        found = self.store.secrets.get((project_number(project), name))
        if found is None:
            raise ApiError("NOT_FOUND", f"Secret [{secret_name(project, name)}] not found.")
        return found

    def create(self, project: str, name: str, settings: dict[str, Any]) -> Secret:
        """Create a secret without a version; 400, 409."""
        if not _SECRET_ID.fullmatch(name):
            raise ApiError("INVALID_ARGUMENT", f"The provided Secret ID [{name}] does not match the expected format.")
        replication = settings.get("replication")
        if not isinstance(replication, dict) or not replication.keys() & {"automatic", "userManaged"}:
            raise ApiError("INVALID_ARGUMENT", "The Secret's replication policy must be set.")
        key = (project_number(project), name)
        if key in self.store.secrets:
            raise ApiError("ALREADY_EXISTS", f"Secret [{secret_name(project, name)}] already exists.")
        made = self.store.secrets[key] = Secret(name, self.store.now(), settings, revision=self.store.revision())
        return made

    def update(self, project: str, name: str, settings: dict[str, Any], paths: list[str]) -> Secret:
        """Replace the fields that the update mask names; 404, 400 for a bad mask or an older etag."""
        secret = self.secret(project, name)
        self._check(settings.get("etag"), secret)
        if not paths or not set(paths) <= _UPDATABLE:
            raise ApiError("INVALID_ARGUMENT", "The update mask is empty, or names a field that cannot be updated.")
        for path in paths:
            secret.settings.pop(path, None)
            if path in settings:
                secret.settings[path] = settings[path]
        secret.revision = self.store.revision()
        return secret

    def delete(self, project: str, name: str, etag: str | None) -> None:
        """Delete a secret with all its versions; 404, 400 for an older etag."""
        self._check(etag, self.secret(project, name))
        del self.store.secrets[project_number(project), name]

    def add(self, project: str, name: str, data: bytes, checksum: int | None) -> Version:
        """Add an enabled version with the next number; 404, 400."""
        secret = self.secret(project, name)
        if not data:
            raise ApiError("INVALID_ARGUMENT", "The Secret Payload must not be empty.")
        if len(data) > _LARGEST:
            raise ApiError("INVALID_ARGUMENT", f"The Secret Payload size exceeds the maximum of {_LARGEST} bytes.")
        if checksum is not None and checksum != crc32c(data):
            raise ApiError("INVALID_ARGUMENT", "The provided checksum does not match that of the Secret Payload.")
        number = max(secret.versions, default=0) + 1
        secret.versions[number] = Version(
            number, data, self.store.now(), checked=checksum is not None, revision=self.store.revision()
        )
        return secret.versions[number]

    def version(self, project: str, name: str, which: str) -> Version:
        """Return a version by its number, or the newest as `latest`, in any state; 404."""
        secret = self.store.secrets.get((project_number(project), name))
        if secret is None or not secret.versions:
            raise ApiError("NOT_FOUND", f"Secret [{secret_name(project, name)}] not found or has no versions.")
        number = max(secret.versions) if which == "latest" else int(which) if which.isdigit() else 0
        if number not in secret.versions:
            raise ApiError("NOT_FOUND", f"Secret Version [{secret_name(project, name)}/versions/{which}] not found.")
        return secret.versions[number]

    def access(self, project: str, name: str, which: str) -> Version:
        """Return a version to read; 404, 400 unless it is enabled."""
        found = self.version(project, name, which)
        if found.state != "ENABLED":
            raise _in_state(project, name, found)
        return found

    def move(self, project: str, name: str, which: str, state: State, etag: str | None) -> Version:
        """Enable, disable or destroy a version. Destroying deletes its data. 404, 400."""
        found = self.version(project, name, which)
        self._check(etag, found)
        if found.state == "DESTROYED":
            raise _in_state(project, name, found)
        found.state, found.revision = state, self.store.revision()
        if state == "DESTROYED":
            found.data, found.destroyed = b"", self.store.now()
        return found

    def _check(self, etag: str | None, what: Secret | Version) -> None:
        if etag and etag != etag_of(what):
            raise ApiError("FAILED_PRECONDITION", f"The etag provided, {etag}, does not match the current one.")


def secret_name(project: str, name: str) -> str:
    """Return a secret's name for answers."""
    return f"projects/{project_number(project)}/secrets/{name}"


def etag_of(what: Secret | Version) -> str:
    """Return the etag: a text that begins and ends with a quotation mark."""
    return f'"{what.revision:014x}"'


def _in_state(project: str, name: str, version: Version) -> ApiError:
    place = f"{secret_name(project, name)}/versions/{version.number}"
    return ApiError("FAILED_PRECONDITION", f"Secret Version [{place}] is in {version.state} state.")
