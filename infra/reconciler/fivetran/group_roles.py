"""Who has a role in a Fivetran group: read by the API, and compared with what a file declares.

A member is a user, written `user:<address>`, or a team, written `team:<name>`. Addresses have no case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reconciler.fivetran import roles
from reconciler.fivetran.api import Forbidden, NotFound, Team, User

if TYPE_CHECKING:
    from reconciler.fivetran.api import FivetranClient

#: How many teams are asked about at a time; the client observes Fivetran's rate limits.
_AT_A_TIME = 8


@dataclass(frozen=True)
class GroupMember:
    """A user or a team with a role in a group."""

    name: str
    """As files write it."""
    id: str
    role: str
    is_user: bool = True
    is_pending: bool = False
    """Whether a user was invited and has not accepted."""
    is_suspended: bool = False
    """Whether a user may not log in."""

    @property
    def note(self) -> str:
        """A remark besides the role, in parentheses behind a space; or empty."""
        if self.is_pending:
            return " (invited, has not accepted)"
        return " (suspended)" if self.is_suspended else ""


@dataclass(frozen=True)
class LiveRoles:
    """The roles in a group. Users who see it by a role in the account have no role in it."""

    members: Mapping[str, GroupMember]
    """By `member_key`."""
    teams: Mapping[str, str] = field(default_factory=dict)
    """The id of every team of the account by its name."""
    is_without_teams: bool = False
    """Whether the API key may not read teams, so that none is in `members`."""

    def masked(self, show: Callable[[str], str]) -> LiveRoles:
        """Return a copy with masked names and roles, which may be shown and stored."""
        members = [replace(each, name=show(each.name), role=show(each.role)) for each in self.members.values()]
        return replace(self, members={member_key(each.name): each for each in members})

    def administrators(self) -> list[GroupMember]:
        """Return who manages the group: teams, and users who accepted their invitation and may log in."""
        return [
            each
            for each in self.members.values()
            if roles.is_administrator(each.role) and not each.is_pending and not each.is_suspended
        ]

    def undeclared(self, declared: Iterable[str]) -> list[GroupMember]:
        """Return the members that are not declared, sorted by name."""
        keys = {member_key(name) for name in declared}
        return sorted((each for key, each in self.members.items() if key not in keys), key=lambda each: each.name)


@dataclass(frozen=True)
class RoleChange:
    """A role that a member gets, loses or changes; `before` and `after` are None without one."""

    member: str
    before: str | None
    after: str | None

    def describe(self, group: str, terms: str = "") -> str:
        """Format the change as one line. `terms` are the last day and the ticket, behind a space."""
        at = f"in the Fivetran group {group}"
        if self.before is None:
            return f"grants {self.after} {at} to {self.member}{terms}"
        if self.after is None:
            return f"revokes {self.before} {at} from {self.member}"
        return f"changes the role of {self.member} {at} from {self.before} to {self.after}{terms}"


def member_key(name: str) -> str:
    """Return a member as it is compared."""
    return name.lower() if name.startswith("user:") else name


def role_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[RoleChange]:
    """Return what differs between two lists of roles by member: grants first, then changes, then losses."""
    old = {member_key(name): (name, role) for name, role in before.items()}
    new = {member_key(name): (name, role) for name, role in after.items()}
    for key in sorted(new.keys() - old.keys()):
        yield RoleChange(new[key][0], None, new[key][1])
    for key in sorted(new.keys() & old.keys()):
        if not roles.is_same(old[key][1], new[key][1]):
            yield RoleChange(new[key][0], old[key][1], new[key][1])
    for key in sorted(old.keys() - new.keys()):
        yield RoleChange(old[key][0], old[key][1], None)


def read_access(client: FivetranClient, group_id: str) -> LiveRoles:
    """Read a group's users, the teams of the account, and the role of each team in the group.

    Raises FivetranError: Forbidden where the key may not read the group's users.
    """
    found = [_as_member(user) for user in client.list_group_users(group_id) if not roles.is_account_role(user.role)]
    try:
        teams = list(client.list_teams())
        found += _read_teams(client, group_id, teams)
    except Forbidden:
        return LiveRoles({member_key(each.name): each for each in found}, is_without_teams=True)
    return LiveRoles({member_key(each.name): each for each in found}, {team.name: team.id for team in teams})


def _as_member(user: User) -> GroupMember:
    return GroupMember(
        f"user:{user.email or user.id}",
        user.id,
        user.role or "",
        is_pending=user.is_pending,
        is_suspended=user.active is False,
    )


def _read_teams(client: FivetranClient, group_id: str, teams: list[Team]) -> list[GroupMember]:
    def role(team: Team) -> str | None:
        try:
            return client.get_group_team(group_id, team.id)
        except NotFound:
            return None

    if not teams:
        return []
    with ThreadPoolExecutor(min(_AT_A_TIME, len(teams))) as pool:
        found = zip(teams, pool.map(role, teams), strict=True)
    return [GroupMember(f"team:{team.name}", team.id, role, is_user=False) for team, role in found if role]
