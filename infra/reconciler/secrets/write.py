"""Write a value to Google Secret Manager as a new version.

Google's library is slow to import: import this late.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import google_crc32c
import requests
from google.api_core import exceptions as google_exceptions
from google.auth import exceptions as auth_exceptions
from google.protobuf.json_format import ParseError

from reconciler.model import Reference
from reconciler.model.commands import shell
from reconciler.model.errors import ReconcilerError, RemoteError, google_error
from reconciler.secrets.secret_manager import connect, retry
from reconciler.secrets.values_to_mask import remember_values

_LABELS = {"managed-by": "fivetran-reconciler"}
_TIMEOUT_S = 30.0

#: After these errors, Google may still have applied the request.
_AMBIGUOUS = (
    google_exceptions.ServerError,
    google_exceptions.RetryError,
    requests.exceptions.RequestException,
    auth_exceptions.TransportError,
    ParseError,  # a proxy's page
)

_FAILURES = (
    google_exceptions.GoogleAPIError,
    requests.exceptions.RequestException,
    auth_exceptions.GoogleAuthError,
    ParseError,
)


@dataclass(frozen=True)
class StoredVersion:
    """The newest version of a secret, and its value.

    None where it is disabled, destroyed, or may not be read.
    """

    number: int | None
    value: bytes | None


class Secret:
    """A secret of a project, to write."""

    def __init__(self, project: str, name: str) -> None:
        """Connect. Raises ReconcilerError without Google credentials."""
        self._project, self._short_name = project, name
        self._name = f"projects/{project}/secrets/{name}"
        self._subject = f"secret {name} of {project}"
        manager = connect()
        self._client, self._who = manager.client, manager.who

    def exists(self) -> bool:
        """Return whether there is such a secret; True also if the account may not look."""
        with self._errors("get"):
            try:
                self._client.get_secret(name=self._name, retry=retry(), timeout=_TIMEOUT_S)
            except google_exceptions.NotFound:
                return False
            except google_exceptions.Forbidden as error:
                if getattr(error, "reason", None) == "SERVICE_DISABLED":
                    raise
        return True

    def create(self) -> None:
        """Create the secret without a version, replicated by Google; nothing if there is one."""
        secret = {"replication": {"automatic": {}}, "labels": _LABELS}
        request = {"parent": f"projects/{self._project}", "secret_id": self._short_name, "secret": secret}
        with self._errors("create"):
            try:
                self._client.create_secret(request=request, timeout=_TIMEOUT_S)
            except google_exceptions.Conflict:
                return
            except _AMBIGUOUS:
                # The request may have succeeded: the secret exists then.
                self._client.get_secret(name=self._name, retry=retry(), timeout=_TIMEOUT_S)

    def newest(self) -> StoredVersion:
        """Return the newest version, to compare with."""
        name = f"{self._name}/versions/latest"
        with self._errors("access"):
            try:
                answer = self._client.access_secret_version(name=name, retry=retry(), timeout=_TIMEOUT_S)
            except (google_exceptions.NotFound, google_exceptions.Forbidden):
                return StoredVersion(None, None)
            except google_exceptions.BadRequest as error:
                if re.search("in (DISABLED|DESTROYED) state", str(error.message)):
                    return StoredVersion(None, None)
                raise
        data, checksum = answer.payload.data, answer.payload.data_crc32c
        if checksum and checksum != google_crc32c.value(data):
            return StoredVersion(None, None)
        return StoredVersion(_number(answer.name), data)

    def add(self, value: str) -> int:
        """Add a version; return its number. Never repeated: after a lost answer the newest version is read."""
        data = value.encode()
        remember_values({Reference("secret", self._short_name, None, self._project): value})
        request = {"parent": self._name, "payload": {"data": data, "data_crc32c": google_crc32c.value(data)}}
        with self._errors("add"):
            try:
                return _number(self._client.add_secret_version(request=request, timeout=_TIMEOUT_S).name)
            except _AMBIGUOUS:
                newest = self.newest()
                if newest.number is None or newest.value != data:
                    raise
                return newest.number

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """Turn errors of the library into ours, without its text, and with the next step."""
        try:
            yield
        except _FAILURES as error:
            failed = self._error(error, doing)
        else:
            return
        raise failed

    def _error(self, error: Exception, doing: str) -> ReconcilerError:
        found = google_error(self._subject, error)
        step = "Run again"
        if doing == "add":
            look = shell("gcloud", "secrets", "versions", "list", self._short_name, f"--project={self._project}")
            step = f"Look with {look} before you run again: it is not certain whether the version was added"
        match error:
            case google_exceptions.NotFound():
                step = f"Run again with --create, or {shell('gcloud', 'secrets', 'list', f'--project={self._project}')}"
            case google_exceptions.Forbidden(reason="SERVICE_DISABLED"):
                step = shell(
                    "gcloud", "services", "enable", "secretmanager.googleapis.com", f"--project={self._project}"
                )
                step = f"Run {step}"
            case google_exceptions.Forbidden():
                what, role = _PERMISSIONS[doing]
                step = f"Grant {self._who} {role}, which has secretmanager.{what}"
            case google_exceptions.Unauthorized() | auth_exceptions.RefreshError():
                step = "Log in with `gcloud auth application-default login`"
            case google_exceptions.BadRequest():
                step = "Check the secret, and its encryption key, in Google's console"
        return RemoteError(str(found), unmasked_message=found.unmasked_message, step=step)


#: The permission and a role that has it, by what is done.
_PERMISSIONS = {
    "get": ("secrets.get", "roles/secretmanager.viewer"),
    "access": ("versions.access", "roles/secretmanager.secretAccessor"),
    "add": ("versions.add", "roles/secretmanager.secretVersionAdder"),
    "create": ("secrets.create", "roles/secretmanager.admin"),
}


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])
