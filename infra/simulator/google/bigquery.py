"""Serve BigQuery's `datasets` methods (REST v2) from the local store.

Insert, get, list (`all_of`), update, patch, delete.

Bodies have the names of the REST resource, with numbers as numbers. Errors are `ApiError`s with BigQuery's texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from simulator.google.access import PolicyViolated, default_access, has_owner, normalise
from simulator.google.errors import ApiError
from simulator.google.state import Dataset, Json, Project, Store

#: The settings of a dataset besides its location, labels and access list, with BigQuery's values for unset ones.
SETTINGS: Mapping[str, Json] = {
    "friendlyName": "",
    "description": "",
    "defaultTableExpirationMs": 0,
    "defaultPartitionExpirationMs": 0,
    "defaultEncryptionConfiguration": None,
    "externalCatalogDatasetOptions": None,
    "externalDatasetReference": None,
    "resourceTags": {},
    "defaultCollation": "",
    "isCaseInsensitive": False,
    "maxTimeTravelHours": "168",
    "storageBillingModel": "",
    "defaultRoundingMode": "",
}
_ID = re.compile(r"[0-9A-Za-z_]{1,1024}")
_LABEL_KEY = re.compile(r"[^\W\dA-Z_][\w-]{0,62}")
_LABEL_VALUE = re.compile(r"[\w-]{0,63}")
_LEAST_EXPIRATION_MS = 3_600_000
#: The version of access policies in which entries can have conditions.
POLICY_VERSION = 3


class UpdateMode(Enum):
    """The part of a dataset that a write changes, whatever its body has (`updateMode`)."""

    METADATA = "UPDATE_METADATA"
    ACL = "UPDATE_ACL"
    FULL = "UPDATE_FULL"
    UNSPECIFIED = "UPDATE_MODE_UNSPECIFIED"

    def covers(self, key: str) -> bool:
        """Return whether a key of the body is in that part."""
        return self not in {UpdateMode.METADATA, UpdateMode.ACL} or (key == "access") == (self is UpdateMode.ACL)


@dataclass(frozen=True)
class Terms:
    """Conditions of a write: the etag of the dataset, the access policy version, and the part to change."""

    etag: str | None = None
    policy_version: int = POLICY_VERSION
    mode: UpdateMode = UpdateMode.FULL


class BigQuery:
    """The `datasets` methods. `creator` becomes an owner of each dataset created without an access list."""

    def __init__(self, store: Store, creator: str = "simulator@example.iam.gserviceaccount.com") -> None:
        self.store = store
        self.creator = creator

    def insert(
        self, project: str, dataset_id: str, body: Mapping[str, Json], *, policy_version: int = POLICY_VERSION
    ) -> Dataset:
        """Create a dataset; 409 `duplicate` if it exists.

        An access list with views, routines and datasets only is added to the default one.
        """
        name = f"{project}:{dataset_id}"
        if not _ID.fullmatch(dataset_id):
            message = (
                f'Invalid dataset ID "{dataset_id}". Dataset IDs must be alphanumeric (plus underscores and dashes) '
                "and must be at most 1024 characters long."
            )
            raise ApiError(400, message, "invalid")
        datasets = self._datasets(self.store.opened(project), project)
        if dataset_id in datasets:
            raise ApiError(409, f"Already Exists: Dataset {name}", "duplicate")
        access = self._access(name, body.get("access") or [], ())
        _reject_hidden_conditions(name, access, policy_version)
        if not any("role" in entry for entry in access):
            access = [*default_access(self.creator), *access]
        now = self.store.now_ms()
        dataset = Dataset(
            project=project,
            id=dataset_id,
            location=_location(body.get("location") or "US"),
            settings=_settings(body),
            access=access,
            labels=_labels(body.get("labels") or {}),
            created_ms=now,
            modified_ms=now,
        )
        datasets[dataset_id] = dataset
        return dataset

    def get(self, project: str, dataset_id: str) -> Dataset:
        """Return a dataset; 404 `notFound` if it or its project does not exist."""
        return self._find(project, dataset_id)

    def _find(self, project: str, dataset_id: str) -> Dataset:
        dataset = self._datasets(self.store.found(project), project).get(dataset_id)
        if dataset is None:
            raise ApiError(404, f"Not found: Dataset {project}:{dataset_id}", "notFound")
        return dataset

    def all_of(self, project: str) -> tuple[Dataset, ...]:
        """Return all datasets of a project, sorted by id; 404 `notFound` if the project does not exist."""
        datasets = self._datasets(self.store.found(project), project)
        return tuple(datasets[dataset_id] for dataset_id in sorted(datasets))

    def update(self, project: str, dataset_id: str, body: Mapping[str, Json], terms: Terms = Terms()) -> Dataset:
        """Replace a dataset's settings and labels (PUT). A body without `access` leaves the access list alone."""
        return self._write(project, dataset_id, {**SETTINGS, "labels": {}, **body}, terms)

    def patch(self, project: str, dataset_id: str, body: Mapping[str, Json], terms: Terms = Terms()) -> Dataset:
        """Change the fields in the body only (PATCH). Null removes a value, and a single label too."""
        if "labels" in body:
            merged = {**self._find(project, dataset_id).labels, **body["labels"]} if body["labels"] else {}
            body = {**body, "labels": {key: value for key, value in merged.items() if value is not None}}
        return self._write(project, dataset_id, body, terms)

    def _write(self, project: str, dataset_id: str, body: Mapping[str, Json], terms: Terms) -> Dataset:
        dataset = self._find(project, dataset_id)
        if terms.etag not in {None, "*", dataset.etag}:
            raise ApiError(412, "Precondition check failed.", "conditionNotMet")
        body = {key: value for key, value in body.items() if terms.mode.covers(key)}
        if "location" in body and _location(body["location"]) != dataset.location:
            raise ApiError(400, "Cannot change the location of a dataset.", "invalid")
        settings = _settings({**dataset.settings, **body})
        labels = _labels(body["labels"]) if "labels" in body else dataset.labels
        access = dataset.access
        if "access" in body:
            name = f"{project}:{dataset_id}"
            access = self._access(name, body["access"] or [], dataset.access)
            _reject_hidden_conditions(name, [*dataset.access, *access], terms.policy_version)
            if has_owner(dataset.access) and not has_owner(access):
                raise ApiError(400, "Cannot remove all owners from a dataset.", "invalid")
        dataset.settings, dataset.labels, dataset.access = settings, labels, access
        dataset.modified_ms = self.store.now_ms()
        dataset.revision += 1
        return dataset

    def _access(
        self, name: str, entries: Iterable[Mapping[str, Json]], present: Iterable[Mapping[str, Json]]
    ) -> list[dict[str, Json]]:
        store = self.store
        try:
            return normalise(
                entries,
                name,
                store.unknown_members,
                present,
                store.aliases,
                forbidden=store.forbidden_members,
                even_listed=store.rejected_if_listed,
            )
        except PolicyViolated as error:
            if store.policies_are_preconditions:
                raise ApiError(412, error.message, "conditionNotMet") from None
            raise

    def delete(self, project: str, dataset_id: str, *, delete_contents: bool) -> None:
        """Delete a dataset; 400 `resourceInUse` if it has tables, without `delete_contents`."""
        dataset = self._find(project, dataset_id)
        if dataset.tables and not delete_contents:
            raise ApiError(400, f"Dataset {project}:{dataset_id} is still in use", "resourceInUse")
        del self._datasets(self.store.opened(project), project)[dataset_id]

    @staticmethod
    def _datasets(found: Project | None, project: str) -> dict[str, Dataset]:
        if found is None:
            raise ApiError(404, f"Not found: Project {project}", "notFound")
        return found.datasets


class MeteredBigQuery(BigQuery):
    """The same methods for a caller of the API: each counts against the caller's quota (`quota`)."""

    def __init__(self, store: Store, user: str = "") -> None:
        super().__init__(store)
        self.user = user

    def insert(
        self, project: str, dataset_id: str, body: Mapping[str, Json], *, policy_version: int = POLICY_VERSION
    ) -> Dataset:
        """Create a dataset."""
        self.store.quota.spend("datasets.insert", self.user)
        return super().insert(project, dataset_id, body, policy_version=policy_version)

    def get(self, project: str, dataset_id: str) -> Dataset:
        """Return a dataset."""
        self.store.quota.spend("datasets.get", self.user)
        return super().get(project, dataset_id)

    def all_of(self, project: str) -> tuple[Dataset, ...]:
        """Return all datasets of a project."""
        self.store.quota.spend("datasets.list", self.user)
        return super().all_of(project)

    def update(self, project: str, dataset_id: str, body: Mapping[str, Json], terms: Terms = Terms()) -> Dataset:
        """Replace a dataset's settings and labels."""
        self.store.quota.spend("datasets.update", self.user)
        return super().update(project, dataset_id, body, terms)

    def patch(self, project: str, dataset_id: str, body: Mapping[str, Json], terms: Terms = Terms()) -> Dataset:
        """Change the fields in the body only."""
        self.store.quota.spend("datasets.patch", self.user)
        return super().patch(project, dataset_id, body, terms)

    def delete(self, project: str, dataset_id: str, *, delete_contents: bool) -> None:
        """Delete a dataset."""
        self.store.quota.spend("datasets.delete", self.user)
        super().delete(project, dataset_id, delete_contents=delete_contents)

    def tables(self, project: str, dataset_id: str) -> list[str]:
        """Return the names of a dataset's tables, sorted."""
        self.store.quota.spend("tables.list", self.user)
        return sorted(self._find(project, dataset_id).tables)


def _reject_hidden_conditions(name: str, access: list[dict[str, Json]], policy_version: int) -> None:
    """Reject a list in a policy version without conditions, if the old or the new list has conditions."""
    if policy_version < POLICY_VERSION and any("condition" in entry for entry in access):
        message = (
            f"IAM setPolicy failed for Dataset {name}: Specified policy version ({policy_version}) cannot be less than "
            f"the existing policy version ({POLICY_VERSION}). For more information, please refer to "
            "https://cloud.google.com/iam/docs/policies#versions"
        )
        raise ApiError(400, message, "invalid")


def _location(location: str) -> str:
    return location.upper() if len(location) == 2 else location.lower()


def _settings(body: Mapping[str, Json]) -> dict[str, Json]:
    settings = {key: body[key] if body.get(key) is not None else unset for key, unset in SETTINGS.items()}
    expiration = settings["defaultTableExpirationMs"]
    if expiration and expiration < _LEAST_EXPIRATION_MS:
        message = "Invalid value for defaultTableExpirationMs: must be at least 3600000 milliseconds (one hour)"
        raise ApiError(400, message, "invalid")
    return settings


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or key != key.lower():
            raise ApiError(400, f"Invalid label key: {key}", "invalid")
        if not _LABEL_VALUE.fullmatch(value) or value != value.lower():
            raise ApiError(400, f"Invalid label value for key {key}: {value}", "invalid")
    if len(labels) > 64:
        raise ApiError(400, f"Too many labels: {len(labels)}, at most 64 are allowed", "invalid")
    return dict(labels)
