"""What an environment allows, and what a unit says about its own end, as frozen data. The words are the files'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, TypeAlias

#: How a unit goes: `retire` first and the file later, or the file alone.
Removal: TypeAlias = Literal["retire", "file"]


@dataclass(frozen=True)
class ExpiryPolicy:
    """How long a unit may live, when its end is announced, and how long it stays paused before it is removed."""

    forbidden: bool = False
    required: bool = False
    longest: timedelta | None = None
    warn: timedelta = timedelta(days=14)
    grace: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class DeleteGuard:
    """The most that one run removes unannounced: a share in percent of what exists, and `at_least` in any case."""

    share: int = 20
    at_least: int = 3


@dataclass(frozen=True)
class PeoplePolicy:
    """What access for people and groups needs. Members in `standing` need none of it, nor do service accounts."""

    need: frozenset[Literal["ticket", "until"]] = frozenset()
    longest: timedelta | None = None
    """The furthest from today that `until` may be."""
    warn: timedelta = timedelta(days=7)
    standing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """What holds for every unit of an environment."""

    expiry: ExpiryPolicy = ExpiryPolicy()
    removal: Removal = "file"
    people: PeoplePolicy = PeoplePolicy()
    public_access: Literal["allowed", "forbidden"] = "forbidden"
    """Whether a file may let in everybody: `allUsers`, `allAuthenticatedUsers`."""
    undeclared_datasets: Literal["allowed", "forbidden"] = "allowed"
    """Whether the project may have datasets that no file declares, and connectors may make such."""
    delete_guard: DeleteGuard = DeleteGuard()
    secret_versions: Literal["pinned", "latest"] = "latest"  # noqa: S105 (no password)
    """`pinned`: each reference to Secret Manager names a version; `latest`: one without takes the newest."""
    pulumi_config: Literal["allowed", "forbidden"] = "allowed"
    """Whether a file may refer to a value in the stack's config, which previews can decrypt."""
    trust: Literal["declared", "any"] = "declared"
    """Whether a file may trust whatever certificate or host key a source presents, in place of those it declares."""


@dataclass(frozen=True)
class Never:
    """A unit that does not expire, and why."""

    never: str


@dataclass(frozen=True)
class Retire:
    """A unit that is going: its connection is paused, and its file may go. `keep` leaves the data in BigQuery."""

    ticket: str
    data: Literal["keep", "delete"] = "keep"


@dataclass(frozen=True)
class Change:
    """`{from: old, to: new}`: texts, and for a key of `config` any JSON."""

    old: Any
    new: Any


@dataclass(frozen=True)
class AllowResync:
    """Permission for exactly these changes, each of which makes a new connection that syncs its whole history.

    `schema` names connections as Fivetran does: `schema`, `schema.table` or the prefix. `config` names keys by their
    dotted paths. `retire` is about the datasets that only the old connection wrote.
    """

    ticket: str
    schema: Change | None = None
    service: Change | None = None
    group: Change | None = None
    config: Mapping[str, Change] = field(default_factory=dict)
    retire: Retire | None = None
