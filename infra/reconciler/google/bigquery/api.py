"""Read the datasets of a project, and write their access lists.

Credentials are Google's application-default ones; with BIGQUERY_EMULATOR_HOST, which names a local BigQuery, none.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Self

from reconciler.google.bigquery.pace import READS_A_SECOND, Pace
from reconciler.google.rest import google_failures, read_environment_once
from reconciler.http.answers import limit_answers
from reconciler.model.errors import RemoteError, google_error

EMULATOR: Final = "BIGQUERY_EMULATOR_HOST"
#: How long one request may take, and how long all attempts at it.
_REQUEST_S: Final = 30
_ATTEMPTS_S: Final = 60
#: As many as the library's connection pool holds.
_AT_ONCE: Final = 10


@dataclass(frozen=True)
class ListedDataset:
    """A dataset as the list of datasets has it."""

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LiveDataset:
    """An existing dataset. `access` are entries of BigQuery's REST resource, with their conditions."""

    id: str
    location: str
    friendly_name: str | None
    description: str | None
    labels: Mapping[str, str]
    default_table_expiration_ms: int | None
    access: tuple[Mapping[str, Any], ...]
    created: datetime | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Parse a Dataset resource (BigQuery REST v2). Empty texts count as unset."""
        expiration = int(data.get("defaultTableExpirationMs") or 0)
        return cls(
            id=data["datasetReference"]["datasetId"],
            location=data.get("location", ""),
            friendly_name=data.get("friendlyName") or None,
            description=data.get("description") or None,
            labels=data.get("labels", {}),
            default_table_expiration_ms=expiration or None,
            access=tuple(data.get("access", ())),
            created=_time(data.get("creationTime")),
        )


@dataclass(frozen=True)
class AccessList:
    """The access list of a dataset at one moment; every write to the dataset changes `etag`."""

    entries: tuple[Mapping[str, Any], ...]
    etag: str


class AccessDenied(RemoteError):
    """Google denies an access list because of an entry: a deleted account, or a policy that forbids it."""

    mentions: Callable[[str], bool] = staticmethod(lambda _: False)
    """Whether all that Google answered contains a pattern, in whatever case. The answer itself may quote anything."""


class AccessListChanged(Exception):
    """Another process wrote the dataset since it was read, or is writing it: read it again.

    `denial` is the error where the dataset turns out to be as it was: policies are preconditions, too.
    """

    def __init__(self, dataset_id: str, denial: AccessDenied | None = None) -> None:
        super().__init__(dataset_id)
        self.denial = denial


#: BigQuery's quota is the user's, whichever project a process reads.
_PACE: Final = Pace(READS_A_SECOND)


class Datasets:
    """The datasets of one project. Every method raises `RemoteError`.

    Args:
        project: The project.
        pace: When a dataset may be read; that of a process which reads alone if None.
    """

    def __init__(self, project: str, pace: Pace | None = None) -> None:
        self.project = project
        self._pace = pace or _PACE
        with self._failures("the credentials"):
            self._client = _client(project)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def all(self) -> tuple[ListedDataset, ...]:
        """Return every dataset that the credentials may see, except hidden ones."""
        with self._failures("the datasets"):
            found = self._client.list_datasets(self.project, retry=_retry(), timeout=_REQUEST_S)
            return tuple(ListedDataset(item.dataset_id, dict(item.labels)) for item in found)

    def get(self, dataset_id: str) -> LiveDataset | None:
        """Return one dataset; None when there is none of this id."""
        found = self._get(dataset_id)
        return None if found is None else LiveDataset.parse(found)

    def resource(self, dataset_id: str) -> Mapping[str, Any] | None:
        """Return one dataset as the API answers it, with all its settings; None when there is none."""
        found: Mapping[str, Any] | None = self._get(dataset_id)
        return found

    def access_list(self, dataset_id: str) -> AccessList | None:
        """Return the access list of one dataset; None when there is none of this id."""
        found = self._get(dataset_id)
        return None if found is None else _access_list(found)

    def write_access(self, dataset_id: str, entries: Iterable[Mapping[str, Any]], etag: str) -> AccessList:
        """Replace the access list that was read with this etag, and return the stored list.

        Raises:
            AccessListChanged: Another process wrote the dataset meanwhile, or the answer was lost: read the list again.
            AccessDenied: Google denies the list because of an entry in it.
        """
        from google.api_core.exceptions import (  # noqa: PLC0415
            BadRequest,
            Conflict,
            NotFound,
            PreconditionFailed,
        )

        body = {"access": [dict(entry) for entry in entries]}
        with self._failures(f"the access list of the dataset {dataset_id}", "written"):
            try:
                ask = functools.partial(self._request, "PATCH", dataset_id, data=body, headers={"If-Match": etag})
                return _access_list(_retry()(ask)())
            except Conflict:
                raise AccessListChanged(dataset_id) from None
            except PreconditionFailed as error:
                raise AccessListChanged(dataset_id, self._denied(dataset_id, error)) from None
            except (BadRequest, NotFound) as error:
                raise self._denied(dataset_id, error) from None

    def _denied(self, dataset_id: str, error: Any) -> AccessDenied:
        subject = f"BigQuery, project {self.project}: the access list of the dataset {dataset_id}"
        failed = google_error(f"{subject} cannot be written", error)
        denial = AccessDenied(str(failed), unmasked_message=failed.unmasked_message)
        answer = str(getattr(error.response, "text", "") or error)
        denial.mentions = lambda pattern: re.search(pattern, answer, re.IGNORECASE) is not None
        return denial

    def _get(self, dataset_id: str) -> Any:
        from google.api_core.exceptions import NotFound  # noqa: PLC0415 (the library is slow to import)

        with self._failures(f"the dataset {dataset_id}"):
            try:
                return _retry()(functools.partial(self._request, "GET", dataset_id))()
            except NotFound:
                return None

    def _request(self, method: str, dataset_id: str, **more: Any) -> Any:
        if method == "GET":
            self._pace.wait()
        # The library's own methods leave out the version, and without it conditions are neither answered nor written.
        return self._client._connection.api_request(
            method,
            f"/projects/{self.project}/datasets/{dataset_id}",
            query_params={"accessPolicyVersion": 3},
            timeout=_REQUEST_S,
            **more,
        )

    def table_count(self, dataset_id: str) -> int:
        """Return how many tables and views a dataset holds: `totalItems` of tables.list. 0 when there is none."""
        from google.api_core.exceptions import NotFound  # noqa: PLC0415

        path = f"/projects/{self.project}/datasets/{dataset_id}/tables"
        ask = functools.partial(self._client._connection.api_request, "GET", path, {"maxResults": 1})
        with self._failures(f"the tables of the dataset {dataset_id}"):
            try:
                return int(_retry()(ask)().get("totalItems", 0))
            except NotFound:
                return 0

    def get_all(
        self, dataset_ids: Iterable[str], done: Callable[[], object] = lambda: None
    ) -> dict[str, LiveDataset | None]:
        """Return several datasets, read in parallel; `done` is called after each."""

        def one(dataset_id: str) -> tuple[str, LiveDataset | None]:
            found = self.get(dataset_id)
            done()
            return dataset_id, found

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(pool.map(one, dataset_ids))

    def _failures(self, what: str, done: str = "read") -> AbstractContextManager[None]:
        """Turn the library's exceptions into one line about what could not be read or written."""
        return google_failures(f"BigQuery, project {self.project}: {what} cannot be {done}")


def _time(milliseconds: object) -> datetime | None:
    """Return the time that BigQuery writes as a number of milliseconds; None for anything else."""
    try:
        return datetime.fromtimestamp(int(str(milliseconds)) // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _access_list(data: Mapping[str, Any]) -> AccessList:
    return AccessList(tuple(data.get("access", ())), data["etag"])


def _client(project: str) -> Any:
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415
    from google.cloud import bigquery  # noqa: PLC0415

    anonymous: Any = AnonymousCredentials
    client = bigquery.Client(project=project, credentials=anonymous() if os.environ.get(EMULATOR) else None)
    read_environment_once(client._http, str(client._connection.API_BASE_URL))
    limit_answers(client._http)
    return client


def _retry() -> Any:
    from google.cloud.bigquery import DEFAULT_RETRY  # noqa: PLC0415

    return DEFAULT_RETRY.with_timeout(_ATTEMPTS_S)
