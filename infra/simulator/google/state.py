"""The state of the local Google Cloud: projects with datasets, functions and IAM policies.

No behaviour.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from simulator.google.quota import ApiQuota

#: A value of a JSON body. `Any`, because each module checks the values that it uses.
Json: TypeAlias = Any


@dataclass
class Dataset:
    """A BigQuery dataset.

    `settings`, `access` and `labels` have the names and shapes of the REST resource.
    """

    project: str
    id: str
    location: str
    settings: dict[str, Json]
    access: list[dict[str, Json]]
    labels: dict[str, str]
    created_ms: int
    modified_ms: int
    revision: int = 1
    tables: dict[str, int] = field(default_factory=dict)
    """Rows by table name. A dataset with a table is in use, even if the table has no rows."""

    @property
    def etag(self) -> str:
        """A text that changes with every write to the dataset."""
        return hashlib.sha256(f"{self.project}:{self.id}:{self.created_ms}:{self.revision}".encode()).hexdigest()[:22]


@dataclass(frozen=True)
class Grant:
    """A member of an IAM binding. Bindings with different conditions are different, as in the API."""

    role: str
    member: str
    condition: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """The condition's title; empty without a condition."""
        return dict(self.condition).get("title", "")


@dataclass
class Policy:
    """An IAM policy as the set of its grants."""

    grants: set[Grant] = field(default_factory=set)
    revision: int = 0

    @property
    def etag(self) -> str:
        """A text that changes with every write to the policy."""
        return f"BwX{self.revision:08d}="


@dataclass(frozen=True)
class Role:
    """The permissions of a role. With `denied`, Google denies reading the role."""

    permissions: tuple[str, ...]
    denied: bool = False


@dataclass
class Container:
    """An organisation, a folder or a project in Resource Manager."""

    parent: str = ""
    """`folders/N` or `organizations/N`; empty for an organisation, and for a project without one."""
    display_name: str = ""
    policy: Policy = field(default_factory=Policy)
    denied: set[str] = field(default_factory=set)
    """Methods (`get`, `getIamPolicy`, `setIamPolicy`) that Google denies."""
    granted: set[str] | None = None
    """The permissions that `testIamPermissions` finds; None: all of them."""


@dataclass
class Project(Container):
    """A project."""

    datasets: dict[str, Dataset] = field(default_factory=dict)
    located: dict[tuple[str, str, str], Policy] = field(default_factory=dict)
    """`functions` of Cloud Functions and `services` of Cloud Run by (collection, place, name): only policies matter."""


@dataclass
class Store:
    """All objects, in memory. `now_ms` is the clock, in milliseconds since the epoch."""

    now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    projects: dict[str, Project] = field(default_factory=dict)
    above: dict[str, Container] = field(default_factory=dict)
    """Folders and organisations, by `folders/N` and `organizations/N`."""
    roles: dict[str, Role] = field(default_factory=dict)
    """Roles by name, in addition to predefined ones."""
    unknown_members: set[str] = field(default_factory=set)
    """E-mail addresses that Google does not know, in lower case: it rejects grants to them."""
    rejects_listed: set[Literal["unknown", "forbidden"]] = field(default_factory=set)
    """For which of these members Google rejects an access list even if they were there before."""
    policies_are_preconditions: bool = False
    """Whether BigQuery answers 412 instead of 400 for a list that a policy of the organisation forbids."""
    forbidden_members: set[str] = field(default_factory=set)
    """E-mail addresses, in lower case, that a policy of the organisation forbids."""
    aliases: dict[str, str] = field(default_factory=dict)
    """The primary address of each alias, in lower case."""
    quota: ApiQuota = field(default_factory=ApiQuota)
    """BigQuery's quota of API requests."""
    declared: set[str] | None = None
    """The ids of existing projects. With None, every project exists, and is created on first use."""

    @property
    def rejected_if_listed(self) -> set[str]:
        """The members for which Google rejects an access list even if they were there before."""
        members = {"unknown": self.unknown_members, "forbidden": self.forbidden_members}
        return {member for kind in self.rejects_listed for member in members[kind]}

    def declare(self, *projects: str) -> None:
        """Create projects by hand. From then on, only created projects exist."""
        self.declared = (self.declared or set()) | {*projects, *self.projects}

    def project(self, project: str) -> Project:
        """Return a project, and create it if it does not exist: for changes by hand."""
        if self.declared is not None:
            self.declared.add(project)
        return self.projects.setdefault(project, Project())

    def found(self, project: str) -> Project | None:
        """Return a project for an API that reads; None if it does not exist. Never creates one."""
        if self.declared is not None and project not in self.declared:
            return None
        return self.projects.get(project) or Project()

    def opened(self, project: str) -> Project | None:
        """Return a project for an API that writes; None if it does not exist."""
        return None if self.found(project) is None else self.project(project)

    def clear(self) -> None:
        """Delete all objects, but keep the list of projects."""
        self.projects.clear()
        self.above.clear()
        self.roles.clear()
        self.unknown_members.clear()
        self.rejects_listed.clear()
        self.policies_are_preconditions = False
        self.forbidden_members.clear()
        self.aliases.clear()
        self.quota.clear()
