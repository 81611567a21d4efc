"""The policy of an environment, and the expiry and retirement of a unit, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, TypeAlias

#: How a unit is removed: first `retire`, then its file; or by deleting the file alone.
Removal: TypeAlias = Literal["retire", "file"]


@dataclass(frozen=True)
class ExpiryPolicy:
    """The longest time until expiry, when to warn before it, and the grace days between pause and removal."""

    forbidden: bool = False
    required: bool = False
    longest: timedelta | None = None
    warn: timedelta = timedelta(days=14)
    grace: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class DeleteGuard:
    """The most unannounced removals in one run.

    A percentage of what exists, but never fewer than `at_least`.
    """

    share: int = 20
    at_least: int = 3


@dataclass(frozen=True)
class PeoplePolicy:
    """What grants to people and groups need. Members in `standing` and service accounts need none of it."""

    need: frozenset[Literal["ticket", "until"]] = frozenset()
    longest: timedelta | None = None
    """The longest time from today to `until`."""
    warn: timedelta = timedelta(days=7)
    standing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """The rules for all units of an environment."""

    expiry: ExpiryPolicy = ExpiryPolicy()
    removal: Removal = "file"
    people: PeoplePolicy = PeoplePolicy()
    public_access: Literal["allowed", "forbidden"] = "forbidden"
    """Whether a file may grant access to the public: `allUsers`, `allAuthenticatedUsers`."""
    undeclared_datasets: Literal["allowed", "forbidden"] = "allowed"
    """Whether the project may have datasets that no file declares, and connectors may create them."""
    delete_guard: DeleteGuard = DeleteGuard()
    secret_versions: Literal["pinned", "latest"] = "latest"  # noqa: S105 (no password)
    """`pinned`: each reference to Secret Manager has a version; `latest`: a reference without one takes the newest."""
    pulumi_config: Literal["allowed", "forbidden"] = "allowed"
    """Whether a file may refer to a value in the stack's config, which previews can decrypt."""
    trust: Literal["declared", "any"] = "declared"
    """Whether a file may trust any certificate or host key that a source presents, instead of declared ones."""
    undeclared_fivetran_access: Literal["reported", "revoked"] = "reported"
    """Whether a run revokes roles in the Fivetran group from users and teams that `fivetran.access` does not list."""


@dataclass(frozen=True)
class Never:
    """The reason why a unit does not expire."""

    never: str


@dataclass(frozen=True)
class Retire:
    """A retired unit: its connection is paused, then its file may be deleted.

    `keep` leaves the data in BigQuery.
    """

    ticket: str
    data: Literal["keep", "delete"] = "keep"


@dataclass(frozen=True)
class Change:
    """`{from: old, to: new}`: texts, or any JSON for a key of `config`."""

    old: Any
    new: Any


@dataclass(frozen=True)
class AllowResync:
    """Permission for these changes only. Each creates a new connection, which syncs its whole history.

    `schema` has connection names as in Fivetran: `schema`, `schema.table` or the prefix. `config` has keys by their
    dotted paths. `retire` decides about datasets that only the old connection wrote.
    """

    ticket: str
    schema: Change | None = None
    service: Change | None = None
    group: Change | None = None
    config: Mapping[str, Change] = field(default_factory=dict)
    retire: Retire | None = None
