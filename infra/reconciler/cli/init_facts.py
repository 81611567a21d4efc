"""Read what `reconciler init` can learn from Fivetran and Google, and what they do not let it see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from reconciler.cli import masked_output
from reconciler.cli.group_members import read_masked_access
from reconciler.edits.environment import project_access, shared_access
from reconciler.fivetran.api import Destination, FivetranClient, Forbidden, Group, NotFound
from reconciler.google.bigquery.api import Datasets, LiveDataset
from reconciler.google.iam import roles
from reconciler.google.iam.policies import Binding, Iam
from reconciler.model.commands import format_names
from reconciler.model.errors import ReconcilerError, printable

T = TypeVar("T")


@dataclass(frozen=True)
class LiveProject:
    """What Google has about a project."""

    location: str | None = None
    """The location of all its datasets; None if they have several, or there is none."""
    dataset_access: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who has a role on every dataset, by role."""
    project_access: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who has a role of BigQuery on the project that reads no data, by role."""
    readers: tuple[str, ...] = ()
    """Sentences about members that read every dataset through a role on the project."""


@dataclass(frozen=True)
class LiveMembers:
    """Who has a role in a Fivetran group."""

    by_role: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    own: str | None = None
    """The user of the API key, if it has a role in the group."""


class FactReader:
    """Reads, and keeps a note about everything that the credentials may not see."""

    def __init__(self, client: FivetranClient) -> None:
        self._client = client
        self.notes: list[str] = []

    def groups(self) -> list[Group]:
        """Return the groups of the account that the key sees, the oldest first."""
        found = self._ask("the groups of the Fivetran account", lambda: list(self._client.list_groups()))
        return sorted(found or [], key=lambda each: (each.created_at or "", each.id))

    def destination(self, group: Group) -> Destination | None:
        """Return the destination of a group; None without one."""
        try:
            return self._ask("the group's destination", lambda: self._client.get_destination(group.id))
        except NotFound:
            return None

    def service_account(self, group: Group) -> str | None:
        """Return the account with which Fivetran writes."""
        try:
            return self._ask("Fivetran's service account", lambda: self._client.group_service_account(group.id))
        except NotFound:
            return None

    def members(self, group: Group) -> LiveMembers:
        """Return who has a role in a group."""
        live = self._ask("who has a role in the group", lambda: read_masked_access(self._client, group.id))
        if live is None:
            return LiveMembers()
        if live.is_without_teams:
            self.notes.append("cannot read which teams have a role in the group: this API key may not read teams")
        by_role: dict[str, list[str]] = {}
        for each in sorted(live.members.values(), key=lambda each: each.name):
            by_role.setdefault(each.role, []).append(each.name)
        user = self._client.account_info().user_id
        own = next((each.name for each in live.members.values() if each.is_user and each.id == user), None)
        return LiveMembers({role: tuple(names) for role, names in by_role.items()}, own)

    def project(self, project: str, without: Iterable[str]) -> LiveProject:
        """Return who has access to a project and its datasets, without some addresses."""
        left_out = list(without)
        datasets = self._datasets(project)
        bindings = self._bindings(project)
        places = {each.location for each in datasets}
        return LiveProject(
            places.pop() if len(places) == 1 else None,
            shared_access([each.access for each in datasets], left_out) if datasets else {},
            project_access(((each.role, each.members) for each in bindings if each.condition is None), left_out),
            tuple(_readers(bindings)),
        )

    def _datasets(self, project: str) -> list[LiveDataset]:
        try:
            with Datasets(project) as client:
                listed = [each.id for each in client.all()]
                return [each for each in client.get_all(listed, lambda: None).values() if each is not None]
        except ReconcilerError as error:
            self.notes.append(f"cannot read who has access to datasets: {masked_output.format_error(error)}")
        return []

    def _bindings(self, project: str) -> tuple[Binding, ...]:
        try:
            with Iam(project) as iam:
                holder = iam.holders()[0]
        except ReconcilerError as error:
            self.notes.append(f"cannot read the roles on the project: {masked_output.format_error(error)}")
            return ()
        if holder.bindings is None:
            self.notes.append(f"cannot read the roles on the project {project}: {holder.denied}")
            return ()
        return holder.bindings

    def _ask(self, what: str, ask: Callable[[], T]) -> T | None:
        """Return the answer; None if the key may not read it, with a note."""
        try:
            return ask()
        except Forbidden as error:
            self.notes.append(f"cannot read {what}: {error.answer}")
            return None


def _readers(bindings: Iterable[Binding]) -> Iterable[str]:
    for each in bindings:
        if roles.role_reads_data(each.role) and each.members:
            names = format_names([printable(member) for member in each.members])
            yield f"{names} can read every dataset through {each.role} on the project"
