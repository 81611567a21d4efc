"""What the local GitHub remembers."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.github.git import Git, Signature

#: The id of the GitHub App of GitHub Actions.
ACTIONS_ID = 15368
ACTIONS = "github-actions"


@dataclass
class Account:
    """A person, an organisation or the bot of an App."""

    id: int
    login: str
    type: str = "User"


@dataclass
class App:
    """A GitHub App."""

    id: int
    slug: str
    owner: str
    permissions: dict[str, str]
    public_key: str = ""
    """In PEM, to check its JSON Web Tokens."""

    @property
    def bot(self) -> str:
        """The login as which its installations write."""
        return f"{self.slug}[bot]"


@dataclass
class Token:
    """The owner of a token, and what it may do."""

    login: str
    app: App | None = None
    """The App of an installation's token."""
    permissions: Mapping[str, str] | None = None
    """Permissions of an installation or a fine-grained token; None for all that the user may do."""
    repositories: frozenset[str] | None = None
    """The repositories that it is for, by full name; None for all."""
    expires: datetime | None = None


@dataclass
class Team:
    """A team of an organisation."""

    id: int
    organisation: str
    slug: str
    members: dict[str, str]
    """The role of each member, by login."""
    pending: set[str] = field(default_factory=set)


@dataclass
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    number: int
    login: str
    app: App | None
    body: str
    created: str
    updated: str


@dataclass
class Review:
    """A review of a pull request."""

    id: int
    login: str
    state: str
    body: str
    commit: str
    submitted: str | None


@dataclass
class Pull:
    """What a pull request has that an issue has not."""

    head_repository: str
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool = False
    merged: str | None = None
    merged_by: str | None = None
    merge_commit: str | None = None
    introduced: frozenset[str] = frozenset()
    """The commits of the base branch that the merge has brought."""
    reviews: list[Review] = field(default_factory=list)


@dataclass
class Issue:
    """An issue, or a pull request, which has the same numbers."""

    id: int
    number: int
    login: str
    app: App | None
    title: str
    body: str | None
    created: str
    updated: str
    labels: list[str] = field(default_factory=list)
    state: str = "open"
    state_reason: str | None = None
    closed: str | None = None
    closed_by: str | None = None
    pull: Pull | None = None


@dataclass
class CheckRun:
    """A check run on a commit."""

    id: int
    app: App
    name: str
    head: str
    status: str
    conclusion: str | None
    started: str
    completed: str | None
    details_url: str | None
    external_id: str
    output: dict[str, Any]


@dataclass
class WorkflowRun:
    """A run of a workflow."""

    id: int
    number: int
    path: str
    name: str
    event: str
    head: str
    branch: str
    actor: str
    created: str
    updated: str
    inputs: dict[str, Any] = field(default_factory=dict)
    status: str = "queued"
    conclusion: str | None = None
    attempt: int = 1
    jobs: list[dict[str, Any]] = field(default_factory=list)
    """What is known of the jobs of the last attempt, by the API's names."""


@dataclass
class Settings:
    """The settings of a repository, in GitHub's own form."""

    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Environments by name, with `branch_policies` of the deployment branches, `variables` and names of `secrets`."""
    variables: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    organisation_variables: dict[str, str] = field(default_factory=dict)
    """Those of the organisation that the repository has."""
    organisation_secrets: list[str] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    rulesets: dict[int, dict[str, Any]] = field(default_factory=dict)
    protection: dict[str, Any] | None = None
    workflow_permissions: dict[str, Any] = field(
        default_factory=lambda: {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}
    )
    codeowners_errors: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Repository:
    """One repository."""

    id: int
    name: str
    """With its owner: `example/data`."""
    git: Git
    default_branch: str = "main"
    is_private: bool = True
    parent: str | None = None
    """The repository that this is a fork of."""
    roles: dict[str, str] = field(default_factory=dict)
    """`read`, `write` or `admin` by login."""
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    runs: dict[int, WorkflowRun] = field(default_factory=dict)
    workflow_ids: dict[str, int] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)

    @property
    def owner(self) -> str:
        """The login of the owner."""
        return self.name.partition("/")[0]

    def pulls(self) -> Iterator[tuple[Issue, Pull]]:
        """Yield the pull requests, the oldest first."""
        for issue in self.issues.values():
            if issue.pull is not None:
                yield issue, issue.pull


@dataclass
class Fault:
    """What happens to the next requests instead of an answer, or after it."""

    method: str = ""
    path: str = ""
    """A part of the path; empty for any."""
    times: int = 1
    status: int = 0
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    """The body, where it is no JSON of GitHub's."""
    is_lost: bool = False
    """Whether the request is carried out first."""
    drops: bool = False
    """Whether the connection is closed without an answer."""


@dataclass
class State:
    """Everything."""

    folder: Path = Path()
    """Where repositories are created that name no folder of their own."""
    accounts: dict[str, Account] = field(default_factory=dict)
    """By login in lower case."""
    apps: dict[int, App] = field(default_factory=dict)
    installations: dict[int, tuple[App, frozenset[str]]] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    teams: dict[tuple[str, str], Team] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    """By full name in lower case."""
    renamed: dict[str, int] = field(default_factory=dict)
    """Former names with the repository's id."""
    attempts: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    """Attempts of runs whose workflows are elsewhere, by run and number; `jobs` is the list of their jobs."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    public_url: str = ""
    """The address that answers name, if it is not the one of the request."""
    fixed_now: datetime | None = None
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001))

    def __post_init__(self) -> None:
        granted = dict.fromkeys(("checks", "contents", "issues", "pull_requests", "actions", "statuses"), "write")
        self.add_app(ACTIONS, "github", {**granted, "metadata": "read"}, app_id=ACTIONS_ID)

    def now(self) -> datetime:
        """Return the time, which tests may fix."""
        return self.fixed_now or datetime.now(UTC).replace(microsecond=0)

    def timestamp(self) -> str:
        """Return the time as answers have it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def next_id(self) -> int:
        """Return an id that nothing has."""
        return next(self.ids)

    def account(self, login: str, kind: str = "User") -> Account:
        """Return an account, which is created if necessary."""
        key = login.lower()
        if key not in self.accounts:
            self.accounts[key] = Account(self.next_id(), login, kind)
        return self.accounts[key]

    def signature(self, login: str) -> Signature:
        """Return who wrote a commit that GitHub creates."""
        account = self.account(login)
        email = f"{account.id}+{account.login}@users.noreply.github.com"
        return Signature(account.login, email, self.timestamp())

    def add_app(
        self, slug: str, owner: str, permissions: Mapping[str, str], *, app_id: int | None = None, public_key: str = ""
    ) -> App:
        """Register an App and the account of its bot."""
        app = App(app_id or self.next_id(), slug, owner, dict(permissions), public_key)
        self.apps[app.id] = app
        self.account(owner, "Organization")
        self.account(app.bot, "Bot")
        return app

    def install(self, app: App, *repositories: str) -> int:
        """Install an App in repositories, and return the installation's id."""
        number = self.next_id()
        self.installations[number] = (app, frozenset(repositories))
        return number

    def user_token(self, login: str, permissions: Mapping[str, str] | None = None, *, token: str = "") -> str:
        """Return a new token of a person."""
        self.account(login)
        token = token or f"ghp_{secrets.token_hex(18)}"
        self.tokens[token] = Token(login, permissions=permissions)
        return token

    def app_token(
        self,
        app: App,
        *repositories: str,
        permissions: Mapping[str, str] | None = None,
        expires: datetime | None = None,
        token: str = "",
    ) -> str:
        """Return a new installation token."""
        token = token or f"ghs_{secrets.token_hex(18)}"
        wanted = dict(app.permissions if permissions is None else permissions)
        self.tokens[token] = Token(app.bot, app, {"metadata": "read", **wanted}, frozenset(repositories), expires)
        return token

    def workflow_token(self, repository: str, permissions: Mapping[str, str], *, token: str = "") -> str:
        """Return a new token of a job of GitHub Actions."""
        return self.app_token(self.apps[ACTIONS_ID], repository, permissions=permissions, token=token)

    def add_repository(
        self, name: str, folder: Path | None = None, *, default_branch: str = "main", parent: str | None = None
    ) -> Repository:
        """Create a repository, over a bare git repository that exists or a new one."""
        self.account(name.partition("/")[0], "Organization")
        git = Git(folder or self.folder / f"{name}.git", default_branch)
        found = Repository(self.next_id(), name, git, default_branch, parent=parent)
        self.repositories[name.lower()] = found
        return found

    def by_id(self, number: int) -> Repository | None:
        """Return a repository by its id."""
        return next((each for each in self.repositories.values() if each.id == number), None)

    def sync(self, repository: Repository) -> None:
        """Take notice of what was pushed: the heads of open pull requests, and their references."""
        for issue, pull in repository.pulls():
            head = self.repositories.get(pull.head_repository.lower())
            if issue.state != "open":
                continue
            pushed = head.git.branch(pull.head_ref) if head is not None else None
            if pushed is not None and pushed != pull.head_sha:
                pull.head_sha = pushed
                pull.base_sha = repository.git.branch(pull.base_ref) or pull.base_sha
                issue.updated = self.timestamp()
            if pushed is not None and head is not None and head is not repository:
                repository.git.fetch(head.git.folder, pull.head_ref)
            repository.git.update(f"refs/pull/{issue.number}/head", pull.head_sha)
