"""Keep the variables as secrets for Airflow's Secret Manager backend: `airflow-variables-<key>`.

Labels are the marker. Connection ids are not secrets; that backend is merely where some Airflows read variables from.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import google_crc32c
import requests
from google.api_core import exceptions as google_exceptions
from google.auth import exceptions as auth_exceptions
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import ParseError

from reconciler.airflow.marker import Marker
from reconciler.airflow.push import AmbiguousWrite, Live
from reconciler.model.errors import RemoteError, google_error
from reconciler.secrets.secret_manager import connect, retry

#: What Airflow's backend puts before the key, unless it is configured otherwise.
PREFIX = "airflow-variables-"

_MANAGER, _OURS = "managed-by", "fivetran-reconciler"
_ENVIRONMENT, _CONNECTION = "reconciler-environment", "reconciler-connection"
_TIMEOUT_S = 30.0
_PAGE = 1000

#: What another process, or a failure of Google's, may leave behind: read again.
_AMBIGUOUS = (
    google_exceptions.NotFound,
    google_exceptions.Conflict,
    google_exceptions.BadRequest,  # an etag of an earlier state, above all
    google_exceptions.TooManyRequests,
    google_exceptions.ServerError,
    google_exceptions.RetryError,
    requests.exceptions.RequestException,
    auth_exceptions.TransportError,
    ParseError,  # a proxy's page
)


class SecretVariables:
    """The variables in Secret Manager of one project."""

    def __init__(self, project: str) -> None:
        """Connect. Raises ReconcilerError without Google credentials."""
        self._project = project
        self._client: SecretManagerServiceClient = connect().client

    def snapshot(self, keys: Collection[str]) -> Mapping[str, Live]:
        """Return the variables that are marked or among the keys. Only values of the keys are read."""
        with self._reading(f"secrets of {self._project}"):
            request = {"parent": f"projects/{self._project}", "page_size": _PAGE}
            listed = list(self._client.list_secrets(request=request, retry=retry(), timeout=_TIMEOUT_S))
        found = {}
        for secret in listed:
            name = secret.name.rpartition("/")[2]
            key = name.removeprefix(PREFIX)
            if name.startswith(PREFIX) and (key in keys or _marker(secret) is not None):
                found[key] = self._live(key, secret, with_value=key in keys)
        return found

    def read(self, key: str) -> Live | None:
        """Return one variable, None if there is none."""
        with self._reading(self._subject(key)):
            try:
                secret = self._client.get_secret(name=self._name(key), retry=retry(), timeout=_TIMEOUT_S)
            except google_exceptions.NotFound:
                return None
            return self._live(key, secret, with_value=True)

    def create(self, key: str, value: str, marker: Marker) -> None:
        """Create the secret, then its version.

        A secret without a version is ours and is completed by the next run.
        """
        secret = {"replication": {"automatic": {}}, "labels": _labels({}, marker)}
        request = {"parent": f"projects/{self._project}", "secret_id": f"{PREFIX}{key}", "secret": secret}
        with self._writing(key):
            self._client.create_secret(request=request, timeout=_TIMEOUT_S)
            self._add_version(key, value)

    def update(self, live: Live, value: str, marker: Marker) -> None:
        """Add a version if the value differs, and write the labels if they do."""
        with self._writing(live.key):
            if live.value != value:
                self._add_version(live.key, value)
            if live.marker != marker:
                current = self._client.get_secret(name=self._name(live.key), timeout=_TIMEOUT_S)
                labels = _labels(current.labels, marker)
                secret = {"name": self._name(live.key), "labels": labels, "etag": live.etag}
                request = {"secret": secret, "update_mask": FieldMask(paths=["labels"])}
                self._client.update_secret(request=request, timeout=_TIMEOUT_S)

    def delete(self, live: Live) -> None:
        """Delete the secret with all its versions, unless it has changed since it was read."""
        request = {"name": self._name(live.key), "etag": live.etag}
        with self._writing(live.key):
            self._client.delete_secret(request=request, timeout=_TIMEOUT_S)

    def _add_version(self, key: str, value: str) -> None:
        data = value.encode()
        payload = {"data": data, "data_crc32c": google_crc32c.value(data)}
        self._client.add_secret_version(request={"parent": self._name(key), "payload": payload}, timeout=_TIMEOUT_S)

    def _live(self, key: str, secret: Any, *, with_value: bool) -> Live:
        value = self._value(key) if with_value else None
        return Live(key, value, _marker(secret), etag=secret.etag)

    def _value(self, key: str) -> str:
        """Return the newest version's value; empty where Airflow would find none either."""
        name = f"{self._name(key)}/versions/latest"
        try:
            answer = self._client.access_secret_version(name=name, retry=retry(), timeout=_TIMEOUT_S)
        except google_exceptions.NotFound:
            return ""
        except google_exceptions.BadRequest as error:
            if re.search("in (DISABLED|DESTROYED) state", str(error.message)):
                return ""
            raise
        return answer.payload.data.decode(errors="replace")

    def _name(self, key: str) -> str:
        return f"projects/{self._project}/secrets/{PREFIX}{key}"

    def _subject(self, key: str) -> str:
        return f"secret {PREFIX}{key} of {self._project}"

    @contextmanager
    def _reading(self, subject: str) -> Iterator[None]:
        """Turn errors of the library into ours, without its text."""
        try:
            yield
        except _FAILURES as error:
            failed = google_error(subject, error)
        else:
            return
        raise failed

    @contextmanager
    def _writing(self, key: str) -> Iterator[None]:
        try:
            yield
        except _AMBIGUOUS as error:
            found = google_error(self._subject(key), error)
            failed: RemoteError = AmbiguousWrite(str(found), unmasked_message=found.unmasked_message, step="Run again")
        except _FAILURES as error:
            failed = google_error(self._subject(key), error)
        else:
            return
        raise failed


_FAILURES = (
    google_exceptions.GoogleAPIError,
    requests.exceptions.RequestException,
    auth_exceptions.GoogleAuthError,
    ParseError,
)


def _marker(secret: Any) -> Marker | None:
    labels = secret.labels
    environment, connection = labels.get(_ENVIRONMENT), labels.get(_CONNECTION)
    if labels.get(_MANAGER) != _OURS or not environment or not connection:
        return None
    return Marker(environment, connection)


def _labels(others: Mapping[str, str], marker: Marker) -> dict[str, str]:
    ours = {_MANAGER: _OURS, _ENVIRONMENT: marker.environment, _CONNECTION: marker.connection}
    return {**others, **ours}
