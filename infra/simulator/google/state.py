"""What exists in the local Google Cloud: projects with their datasets, functions and IAM policies. No behaviour."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

#: A value of a JSON body. `Any` keeps nested API bodies readable; each module checks what it uses.
Json: TypeAlias = Any


@dataclass
class Dataset:
    """A BigQuery dataset. `settings`, `access` and `labels` have the names and shapes of the REST resource."""

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
    """Rows by table name. A dataset with a table in it is in use, however few rows the table has."""

    @property
    def etag(self) -> str:
        """Changes with every write to the dataset."""
        return hashlib.sha256(f"{self.project}:{self.id}:{self.created_ms}:{self.revision}".encode()).hexdigest()[:22]


@dataclass(frozen=True)
class Grant:
    """One member of one IAM binding. A condition makes it another binding, as in the API."""

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
        """Changes with every write to the policy."""
        return f"BwX{self.revision:08d}="


@dataclass(frozen=True)
class Role:
    """What a role may do; `denied`: whoever asks has no permission to know."""

    permissions: tuple[str, ...]
    denied: bool = False


@dataclass
class Container:
    """What holds others, or is held: an organisation, a folder or a project, as Resource Manager has them."""

    parent: str = ""
    """`folders/N` or `organizations/N`; empty for an organisation, and for a project that belongs to none."""
    display_name: str = ""
    policy: Policy = field(default_factory=Policy)
    denied: set[str] = field(default_factory=set)
    """Methods (`get`, `getIamPolicy`, `setIamPolicy`) for which whoever asks has no permission."""
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
    """Everything that exists, for the life of the process. `now_ms` is the clock, in milliseconds since the epoch."""

    now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    projects: dict[str, Project] = field(default_factory=dict)
    above: dict[str, Container] = field(default_factory=dict)
    """Folders and organisations, by `folders/N` and `organizations/N`."""
    roles: dict[str, Role] = field(default_factory=dict)
    """Roles by name, over the predefined ones."""
    unknown_members: set[str] = field(default_factory=set)
    """E-mail addresses that Google does not know, in lower case: a grant to one is refused."""
    kept_out: set[str] = field(default_factory=set)
    """Unknown and forbidden members with which no access list can be written that has them already."""
    policies_are_preconditions: bool = False
    """Whether BigQuery answers 412 where a policy of the organisation does not allow an access list, and not 400."""
    forbidden_members: set[str] = field(default_factory=set)
    """E-mail addresses, in lower case, that a policy of the organisation does not allow in a policy or access list."""
    aliases: dict[str, str] = field(default_factory=dict)
    """By an alias, in lower case, the address that BigQuery answers for it."""
    declared: set[str] | None = None
    """The ids of the projects that exist. None: every project exists, and is there once it is first named."""

    def declare(self, *projects: str) -> None:
        """Make projects by hand. From then on no project exists but those that were made this way."""
        self.declared = (self.declared or set()) | {*projects, *self.projects}

    def project(self, project: str) -> Project:
        """The project of that id, made if it is not there: for what is done by hand."""
        if self.declared is not None:
            self.declared.add(project)
        return self.projects.setdefault(project, Project())

    def found(self, project: str) -> Project | None:
        """The project of that id as an API finds it; None when it does not exist. Looking leaves no project behind."""
        if self.declared is not None and project not in self.declared:
            return None
        return self.projects.get(project) or Project()

    def opened(self, project: str) -> Project | None:
        """The project of that id for an API that changes something in it; None when it does not exist."""
        return None if self.found(project) is None else self.project(project)

    def clear(self) -> None:
        """Forget everything but which projects exist."""
        self.projects.clear()
        self.above.clear()
        self.roles.clear()
        self.unknown_members.clear()
        self.kept_out.clear()
        self.policies_are_preconditions = False
        self.forbidden_members.clear()
        self.aliases.clear()
