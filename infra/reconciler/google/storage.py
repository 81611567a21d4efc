"""Read and write objects of the bucket with Pulumi's state (`gs://bucket/prefix`), by its JSON API.

Credentials are those that Pulumi sends to the bucket; an emulator (`STORAGE_EMULATOR_HOST`) gets none.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

from reconciler.google.iam.policies import Binding
from reconciler.google.rest import Denied, GoogleRest
from reconciler.model.errors import NO_CREDENTIALS, RemoteError, google_error

EMULATOR: Final = "STORAGE_EMULATOR_HOST"
_GOOGLE: Final = "https://storage.googleapis.com"
_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"
_MOST_PAGES: Final = 1000


@dataclass(frozen=True)
class StoredObject:
    """One object; `generation` changes with each write."""

    name: str
    """Without the prefix of the backend."""
    generation: int


class Changed(Exception):
    """The object has another generation than expected: another process wrote or deleted it."""


class StateBucket:
    """The bucket of a `gs://` backend. Methods raise `RemoteError`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.name = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        emulator = os.environ.get(EMULATOR, "")
        host = emulator if "://" in emulator else f"http://{emulator}"
        self._host = host.rstrip("/") if emulator else _GOOGLE
        self._subject = f"Cloud Storage, bucket {self.name}"
        credentials = None if emulator else _pulumis_credentials(self._subject)
        self._rest = GoogleRest(self._subject, anonymous=bool(emulator), credentials=credentials)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.close()

    def __str__(self) -> str:
        return f"gs://{self.name}/{self._prefix}".rstrip("/")

    def list(self, folder: str) -> Iterator[StoredObject]:
        """Yield the objects directly in a folder, sorted by name."""
        params = {"prefix": f"{self._prefix}{folder.strip('/')}/", "delimiter": "/"}
        for _ in range(_MOST_PAGES):
            page = self._object("GET", "/o", params=params)
            with _unusable(self._subject):
                found = [
                    StoredObject(str(each["name"]).removeprefix(self._prefix), int(each["generation"]))
                    for each in page.get("items", ())
                ]
            yield from found
            following = page.get("nextPageToken")
            if not following:
                return
            params = {**params, "pageToken": str(following)}
        raise RemoteError(f"{self._subject}: Google's list does not end")

    def read(self, name: str, generation: int | None = None) -> tuple[bytes, int] | None:
        """Return an object's content and generation; None without such an object or generation."""
        params = {"alt": "media"} | ({} if generation is None else {"generation": str(generation)})
        try:
            answer = self._ask("GET", self._path(name), params=params)
        except Denied as denial:
            if denial.status == 404:
                return None
            raise self._error(denial, f"cannot read {name}") from None
        with _unusable(self._subject):
            return bytes(answer.content), int(generation or answer.headers["x-goog-generation"])

    def write(self, name: str, content: bytes) -> None:
        """Create or replace an object."""
        params = {"uploadType": "media", "name": f"{self._prefix}{name}"}
        url = f"{self._host}/upload/storage/v1/b/{quote(self.name, safe='')}/o"
        try:
            self._rest.ask("POST", url, params=params, data=content)
        except Denied as denial:
            raise self._error(denial, f"cannot write {name}") from None

    def delete(self, found: StoredObject) -> bool:
        """Delete exactly this generation of an object; return whether it still existed.

        Raises:
            Changed: The object has another generation.
        """
        params = {"ifGenerationMatch": str(found.generation)}
        try:
            self._ask("DELETE", self._path(found.name), params=params)
        except Denied as denial:
            if denial.status == 404:
                return False
            if denial.status == 412:
                raise Changed(found.name) from None
            raise self._error(denial, f"cannot delete {found.name}") from None
        return True

    def settings(self) -> dict[str, Any]:
        """Return the bucket's settings, as the JSON API has them."""
        return self._object("GET", "")

    def policy(self) -> tuple[Binding, ...]:
        """Return the bindings of the bucket's own IAM policy."""
        answer = self._object("GET", "/iam", params={"optionsRequestedPolicyVersion": "3"})
        with _unusable(self._subject):
            return tuple(map(Binding.parse, answer.get("bindings", ())))

    def test_permissions(self, permissions: Sequence[str]) -> frozenset[str]:
        """Return which of these permissions the credentials have on the bucket."""
        answer = self._object("GET", "/iam/testPermissions", params={"permissions": list(permissions)})
        with _unusable(self._subject):
            return frozenset(map(str, answer.get("permissions", ())))

    def _path(self, name: str) -> str:
        return f"/o/{quote(self._prefix + name, safe='')}"

    def _ask(self, method: str, path: str, *, params: Any = None) -> Any:
        url = f"{self._host}/storage/v1/b/{quote(self.name, safe='')}{path}"
        return self._rest.ask(method, url, params=params)

    def _object(self, method: str, path: str, *, params: Any = None) -> dict[str, Any]:
        url = f"{self._host}/storage/v1/b/{quote(self.name, safe='')}{path}"
        try:
            return self._rest.object(method, url, params=params)
        except Denied as denial:
            raise self._error(denial, "cannot be read") from None

    def _error(self, denial: Denied, what: str) -> RemoteError:
        step = "Use credentials that may read and write the bucket" if denial.status == 403 else ""
        text = f"{self._subject}: {what}: {denial}"
        return RemoteError(text, unmasked_message=denial.unmasked_message, step=step)


@contextlib.contextmanager
def _unusable(subject: str) -> Iterator[None]:
    """Turn the errors of an answer of another shape into one line."""
    try:
        yield
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise google_error(subject, error) from None


def _pulumis_credentials(subject: str) -> Any:
    """Return the credentials of the variables that Pulumi reads for a bucket first; None without them."""
    import google.auth  # noqa: PLC0415 (slow to import)
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.oauth2.credentials import Credentials  # noqa: PLC0415

    library: Any = google.auth
    token: Any = Credentials
    if content := os.environ.get("GOOGLE_CREDENTIALS"):
        try:
            with warnings.catch_warnings():
                # The variable is the user's own, and Pulumi accepts every type of credentials in it.
                warnings.filterwarnings("ignore", message="The load_credentials_from_dict method is deprecated")
                return library.load_credentials_from_dict(json.loads(content), scopes=[_SCOPE])[0]
        except (GoogleAuthError, AttributeError, KeyError, TypeError, ValueError) as error:
            text = f"{subject}: {NO_CREDENTIALS} in GOOGLE_CREDENTIALS ({type(error).__name__})"
            raise RemoteError(text, step="Set it to the content of a credentials file, or unset it") from None
    if access_token := os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN"):
        return token(access_token)
    return None
