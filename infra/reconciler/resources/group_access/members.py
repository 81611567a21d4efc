"""Read the roles in a Fivetran group, and write the missing, the differing and the undeclared ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial

from reconciler.fivetran import roles
from reconciler.fivetran.api import FivetranError, Forbidden, NotFound, Unauthorized
from reconciler.fivetran.group_roles import GroupMember, LiveRoles, RoleChange, member_key, read_access
from reconciler.resources.operation import explain, shorten_lines
from reconciler.resources.run.run import run
from reconciler.secrets import known_values_of_run
from reconciler.secrets.masking import MASK, mask

logger = logging.getLogger(__name__)

#: Which permission lets a key do what it was denied.
_PERMISSION = "Give the API key the role Manage Destination in the group, or for a system key DESTINATION and {more}."


def read_members(group_id: str) -> LiveRoles:
    """Read who has a role in a group, with names as they may be logged and stored.

    Raises FivetranError: Forbidden where the key may not.
    """
    live = read_access(run.account.client(), group_id)
    values = known_values_of_run(ask=False).values
    return live.masked(lambda text: shorten_lines(mask(text, values) or MASK))


class Writer:
    """One write of a group's roles. A failed write of one member does not stop those of others."""

    def __init__(self, group_id: str, group: str, locate: Callable[[str], str]) -> None:
        self.failed: dict[str, str] = {}
        """Why a member's role is not as declared, by member as files write it; empty text for all of them."""
        self._group_id = group_id
        self._group = group
        self._locate = locate
        self._client = run.account.client()
        self._members: dict[str, GroupMember] = {}
        self._live = LiveRoles({})

    def write(self, wanted: Mapping[str, str], former: Collection[str], *, revokes_others: bool) -> None:
        """Make the group's roles as wanted.

        Args:
            wanted: The role of each declared member.
            former: The members that earlier runs knew; their role is revoked unless they are still declared.
            revokes_others: Whether to revoke it from every other member too.
        """
        self._read()
        gains = {name: role for name, role in wanted.items() if self._is_gain(name, role)}
        for member, role in gains.items():
            self._guarded(member, partial(self._set, member, role))
        others = {name: role for name, role in wanted.items() if name not in gains and self._differs(name, role)}
        losses = list(self._to_revoke(wanted, former, revokes_others=revokes_others))
        if gains and (others or losses):
            self._read()  # A new member may not have accepted the invitation yet, and is not an administrator then.
        for member, role in others.items():
            self._guarded(member, partial(self._set, member, role))
        for there in losses:
            self._guarded(there.name, partial(self._revoke, there))
        for name in former if self._live.is_without_teams else ():
            if name.startswith("team:") and name not in wanted:
                self._fail_without_teams(name, f"cannot revoke the role of {name}")

    def _is_gain(self, member: str, role: str) -> bool:
        """Return whether a member has no role yet, or becomes an administrator."""
        return member_key(member) not in self._members or (self._differs(member, role) and roles.is_administrator(role))

    def _differs(self, member: str, role: str) -> bool:
        there = self._members.get(member_key(member))
        return there is None or not roles.is_same(there.role, role)

    def fail(self, member: str, what: str, error: FivetranError | None = None) -> None:
        """Record why a member's role is not as declared."""
        if error is None:
            self.failed[member] = what
            return
        more = "USER" if member.startswith("user:") else "TEAM"
        text = explain(error, known_values_of_run(ask=False))
        if isinstance(error, Forbidden):
            text = f"{error.answer}\n    {_PERMISSION.format(more=more)}"
        self.failed[member] = f"{what}: {text}"

    def _fail_without_teams(self, member: str, what: str) -> None:
        self.fail(member, f"{what}: the API key may not read teams\n    {_PERMISSION.format(more='TEAM')}")

    def _read(self) -> None:
        self._live = read_members(self._group_id)
        self._members = dict(self._live.members)

    def _guarded(self, member: str, change: Callable[[], None]) -> None:
        """Make one change. A lost reply counts as made if the group shows it."""
        try:
            change()
        except Unauthorized:
            raise
        except FivetranError as error:
            self.fail(member, f"the role of {member} in the Fivetran group {self._group} is not as declared", error)

    def _set(self, member: str, role: str) -> None:
        there = self._members.get(member_key(member))
        if there is None:
            self._grant(member, role)
        elif not roles.is_same(there.role, role):
            self._change(there, member, role)

    def _grant(self, member: str, role: str) -> None:
        kind, _, name = member.partition(":")
        if kind == "team":
            if self._live.is_without_teams:
                self._fail_without_teams(member, f"cannot grant {role} to {member}")
                return
            if name not in self._live.teams:
                self.fail(
                    member,
                    f"cannot grant {role} to {member}: Fivetran has no team of this name\n"
                    "    Create the team in Fivetran, or correct its name, then run again.",
                )
                return
            team = self._live.teams[name]
            self._send(lambda: self._client.add_group_team(self._group_id, team, role=role), member, role)
        else:
            try:
                self._send(lambda: self._client.add_group_user(self._group_id, email=name, role=role), member, role)
            except NotFound:
                self.fail(
                    member,
                    f"cannot grant {role} to {member}: the Fivetran account has no user with this address\n"
                    "    Invite the user in Fivetran, or correct the address, then run again.",
                )
                return
        self._note(RoleChange(member, None, role))
        self._members.setdefault(member_key(member), GroupMember(member, "", role, is_user=kind == "user"))

    def _change(self, there: GroupMember, member: str, role: str) -> None:
        if why := self._protected(there, role):
            self.fail(member, f"keeps {there.role} in the Fivetran group {self._group}, not {role}: {member} {why}")
            return
        if there.is_user:
            self._client.update_group_user(self._group_id, there.id, role=role)
        else:
            self._client.update_group_team(self._group_id, there.id, role=role)
        self._members[member_key(member)] = replace(there, role=role)
        self._note(RoleChange(member, there.role, role))

    def _to_revoke(
        self, wanted: Mapping[str, str], former: Collection[str], *, revokes_others: bool
    ) -> Iterator[GroupMember]:
        """Return who is to lose the role; administrators last, so that one of them is left."""
        keys, known = {member_key(name) for name in wanted}, {member_key(name) for name in former}
        own = run.account.creator().user if revokes_others else None
        for key, there in sorted(self._members.items(), key=lambda item: roles.is_administrator(item[1].role)):
            is_other = revokes_others and (there.id != own or not there.is_user)
            if key not in keys and (key in known or is_other):
                yield there

    def _revoke(self, there: GroupMember) -> None:
        if why := self._protected(there, None):
            self.fail(there.name, f"{there.name} keeps {there.role} in the Fivetran group {self._group}: it {why}")
            return
        try:
            if there.is_user:
                self._client.remove_group_user(self._group_id, there.id)
            else:
                self._client.remove_group_team(self._group_id, there.id)
        except NotFound:
            pass  # Another process was faster.
        del self._members[member_key(there.name)]
        self._note(RoleChange(there.name, there.role, None))

    def _protected(self, there: GroupMember, role: str | None) -> str:
        """Return why a member keeps its role: empty if it may lose it, or have this one."""
        own = run.account.creator().user
        if there.is_user and there.id == own:
            return "is the user of the API key\n    Declare its role, or change it in Fivetran."
        if not there.is_user and own is not None and own in self._client.list_team_users(there.id):
            return "has the user of the API key\n    Declare its role, or remove the user from the team in Fivetran."
        is_administrator = roles.is_administrator(there.role)
        if is_administrator and not (role and roles.is_administrator(role)) and not self._has_other(there):
            return (
                f"is the last administrator of the group\n    Declare another member with {roles.ADMINISTRATOR} first."
            )
        return ""

    def _has_other(self, there: GroupMember) -> bool:
        """Return whether the group has another administrator; a team without users is none."""
        others = [each for each in LiveRoles(self._members).administrators() if each.id != there.id]
        if any(each.is_user for each in others):
            return True
        return any(any(True for _ in self._client.list_team_users(each.id)) for each in others if each.id)

    def _send(self, send: Callable[[], None], member: str, role: str) -> None:
        """Grant a role. After a lost reply or a conflict, the group shows whether the member has it."""
        try:
            send()
        except (Unauthorized, Forbidden, NotFound):
            raise
        except FivetranError:
            self._read()
            there = self._members.get(member_key(member))
            if there is None or not roles.is_same(there.role, role):
                raise

    def _note(self, change: RoleChange) -> None:
        terms = run.declared.group_members.get(change.member, ("", ""))[1] if change.after else ""
        logger.warning("%s: %s", self._locate(change.member), change.describe(self._group, terms))
