"""Buckets and objects, with generations and preconditions as Cloud Storage has them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulator.secret_manager.crc32c import crc32c

Json = dict[str, Any]


class ApiError(Exception):
    """An error answer: its HTTP status, reason and message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Stored:
    """One object as last written."""

    name: str
    content: bytes
    content_type: str
    generation: int
    created: datetime

    @property
    def md5(self) -> str:
        """The checksum as `md5Hash` has it."""
        return base64.b64encode(hashlib.md5(self.content, usedforsecurity=False).digest()).decode()

    @property
    def crc32c(self) -> str:
        """The checksum as `crc32c` has it: big-endian, in Base64."""
        return base64.b64encode(crc32c(self.content).to_bytes(4, "big")).decode()

    @property
    def etag(self) -> str:
        """The entity tag."""
        return base64.b64encode(f"{self.generation}/1".encode()).decode()


@dataclass
class Bucket:
    """One bucket. `granted` are the caller's permissions; None grants every one."""

    name: str
    settings: Json = field(default_factory=dict)
    policy: list[Json] = field(default_factory=list)
    granted: frozenset[str] | None = None
    objects: dict[str, Stored] = field(default_factory=dict)

    def require(self, permission: str) -> None:
        """Check the caller's permission; 403."""
        if self.granted is not None and permission not in self.granted:
            text = f"Caller does not have {permission} access to the Google Cloud Storage bucket. "
            text += f"Permission '{permission}' denied on resource (or it may not exist)."
            raise ApiError(403, "forbidden", text)

    def found(self, name: str, query: Mapping[str, str]) -> Stored:
        """Return the live object, if it has the generation of the query.

        404 if not, or 412 for a precondition.
        """
        live = self.objects.get(name)
        check_preconditions(live, query)
        wanted = query.get("generation")
        if live is None or (wanted is not None and wanted != str(live.generation)):
            raise ApiError(404, "notFound", f"No such object: {self.name}/{name}")
        return live


@dataclass
class Store:
    """What the local Cloud Storage remembers."""

    buckets: dict[str, Bucket] = field(default_factory=dict)
    last_generation: int = 0

    def bucket(self, name: str, permission: str) -> Bucket:
        """Return a bucket in which the caller has a permission; 404 or 403."""
        if name not in self.buckets:
            raise ApiError(404, "notFound", "The specified bucket does not exist.")
        self.buckets[name].require(permission)
        return self.buckets[name]

    def write(self, bucket: Bucket, name: str, content: bytes, content_type: str, query: Mapping[str, str]) -> Stored:
        """Create or replace an object.

        A generation is a time in microseconds, and each is later than the last.
        """
        if not name:
            raise ApiError(400, "required", "Required parameter: name")
        live = bucket.objects.get(name)
        if live is not None:
            bucket.require("storage.objects.delete")
        check_preconditions(live, query)
        now = datetime.now(UTC)
        self.last_generation = max(self.last_generation + 1, int(now.timestamp() * 1_000_000))
        stored = Stored(name, content, content_type, self.last_generation, now)
        bucket.objects[name] = stored
        return stored


def check_preconditions(live: Stored | None, query: Mapping[str, str]) -> None:
    """Check `ifGenerationMatch` and `ifGenerationNotMatch`; 412. Generation 0 stands for no live object."""
    generation = live.generation if live is not None else 0
    match, other = query.get("ifGenerationMatch"), query.get("ifGenerationNotMatch")
    if (match is not None and int(match) != generation) or (other is not None and int(other) == generation):
        if live is None and match not in (None, "0"):
            return  # a missing object is answered as such
        raise ApiError(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
