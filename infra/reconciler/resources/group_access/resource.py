"""GroupAccess: the users and teams with a role in the Fivetran group, if a file declares them.

A run adopts declared roles that exist, without a write. It revokes the role of a member whose line was removed. Other
members keep theirs, unless the policy revokes undeclared access. No run revokes the role of the API key's own user or
of the last administrator of the group: it applies the rest, and fails at its end (decision 44).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pulumi import Input, ResourceOptions
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from reconciler.fivetran import roles
from reconciler.fivetran.api import FivetranError, Forbidden, NotFound, Unauthorized
from reconciler.fivetran.group_roles import LiveRoles, RoleChange, member_key, role_changes
from reconciler.model import Environment, Grant
from reconciler.resources.group_access.members import Writer, read_members
from reconciler.resources.operation import Provider, found, is_unknown, operation, stored
from reconciler.resources.run.account import look_ahead
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run

logger = logging.getLogger(__name__)

#: What state holds besides the inputs: why a member's role is not as declared, by member.
_FAILED = "failed"

#: What a refresh found of members that no line declares.
_UNDECLARED = "undeclared"

#: The input with each member's line, last day and ticket: for `check` only, which keeps it out of state.
_LINES = "lines"

#: The input with the last day of each member that has one. Fivetran stores none; a review shows a later one.
_UNTIL = "until"

#: The input with the policy about members that no line declares.
_POLICY = "undeclared_access"

_WHAT = "who has a role in the Fivetran group"


class GroupAccessProvider(Provider):
    """The roles of the declared members. State stores them by member."""

    about = ("fivetran", "access")

    @operation
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        lines = news.pop(_LINES, {})
        run.declare(group_members={member: (path, ticket) for member, (path, ticket) in lines.items()})
        if run.declared.is_preview and not olds:
            _log(news, _look_ahead(news))
        elif run.declared.is_preview and _begins_to_revoke(olds, news):
            others = [each for each in _look_ahead(news) if each.after is None and each.member not in olds["members"]]
            _log(news, others)
        return CheckResult(news, [])

    @operation
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        if is_unknown(news.get("group_id")) or olds.get("group_id") != news["group_id"]:
            return DiffResult(changes=True, replaces=["group_id"])
        changes = list(role_changes(_known_roles(olds, news), news["members"]))
        failed = olds.get(_FAILED) or {}
        if run.declared.is_preview:
            _log(news, changes)
            for member, reason in failed.items():
                logger.warning("%s: the last run failed: %s", _locate(news, member), reason)
        others = any(olds.get(name) != news.get(name) for name in (_POLICY, _UNTIL))
        return DiffResult(changes=bool(changes or failed or others))

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["group_id"], _write(props, {}))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        before = {name: value for name, value in stored(props).items() if name not in (_FAILED, _UNDECLARED)}
        outputs = {_FAILED: props[_FAILED]} if props.get(_FAILED) else {}
        try:
            live = read_members(id_)
            now = {**before, "members": _live_roles(before, live)}
            if before.get(_POLICY) == "revoked":
                own = run.account.creator().user
                others = {each.name: each.role for each in live.undeclared(before["members"]) if each.id != own}
                now |= {_UNDECLARED: others} if others else {}
        except NotFound:
            return ReadResult(None, {})
        except Forbidden as error:
            _warn_forbidden(props, error)
            return found(id_, before, before, outputs)
        return found(id_, before, now, outputs)

    @operation
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_write(news, olds))

    @operation
    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Keep the roles: no file declares them any more."""
        if props["members"]:
            logger.warning(
                "%s: no longer declares who has a role in the Fivetran group %s: %s keep theirs",
                props["file"],
                props["group"],
                ", ".join(sorted(props["members"])),
            )


class GroupAccess(Resource, module="fivetran", name="GroupAccess"):
    """One per environment that declares `fivetran.access`. Its id is the group's id."""

    def __init__(
        self, environment: Environment, group_id: Input[str], today: date, opts: ResourceOptions | None = None
    ) -> None:
        props = {**inputs(environment, today), "group_id": group_id, _FAILED: None}
        super().__init__(GroupAccessProvider(), environment.name, props, opts)


def inputs(environment: Environment, today: date) -> dict[str, Any]:
    """Return the inputs that declare an environment's members, without those whose last day is over."""
    members: dict[str, str] = {}
    until: dict[str, str] = {}
    lines: dict[str, list[str]] = {}
    for number, grant in enumerate(environment.fivetran_access or ()):
        for index, member in enumerate(grant.members):
            lines[member] = [f"fivetran.access[{number}].members[{index}]", _terms(grant)]
            if grant.until is None or grant.until >= today:
                members[member] = grant.role
                until |= {member: grant.until.isoformat()} if grant.until else {}
    return {
        "file": environment.file,
        "group": environment.group,
        "members": members,
        _UNTIL: until,
        _POLICY: environment.policy.undeclared_fivetran_access,
        _LINES: lines,
    }


def _begins_to_revoke(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether the policy begins to revoke roles, which the last run did not record."""
    return olds.get(_POLICY) != "revoked" == news.get(_POLICY) and not olds.get(_UNDECLARED)


def _terms(grant: Grant) -> str:
    """Return the last day and the ticket of a grant, behind a space; empty where it has neither."""
    until = f" until {grant.until}" if grant.until else ""
    return f"{until} ({grant.ticket})" if grant.ticket else until


def _known_roles(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, str]:
    """Return the roles that state has; those of others only where they are revoked."""
    others = olds.get(_UNDECLARED) or {} if news.get(_POLICY) == "revoked" else {}
    return {**olds["members"], **others}


def _live_roles(props: Mapping[str, Any], live: LiveRoles) -> dict[str, str]:
    """Return the live role of each declared member, in the file's own words where it is the declared one."""
    roles_now: dict[str, str] = {}
    for name, role in props["members"].items():
        there = live.members.get(member_key(name))
        if there is not None:
            roles_now[name] = role if roles.is_same(there.role, role) else there.role
        elif name.startswith("team:") and live.is_without_teams:
            roles_now[name] = role
    return roles_now


def _first_changes(props: Mapping[str, Any], group_id: str) -> list[RoleChange]:
    """Return what the first run changes. Raises what the client raises."""
    live = read_members(group_id)
    before = _live_roles(props, live)
    if props.get(_POLICY) == "revoked":
        own = run.account.creator().user
        before |= {each.name: each.role for each in live.undeclared(props["members"]) if each.id != own}
    return list(role_changes(before, props["members"]))


def _look_ahead(props: Mapping[str, Any]) -> list[RoleChange]:
    """Return what the first run changes, in a preview.

    Nothing where the group does not exist or cannot be read.
    """
    nothing: list[RoleChange] = []

    def ask() -> list[RoleChange]:
        known = props.get("group_id")
        ids = [group.id for group in run.account.groups(props["group"])] if is_unknown(known) else [str(known)]
        return _first_changes(props, ids[0]) if ids else nothing

    try:
        return look_ahead(_WHAT, ask, nothing, warns_without_key=False)
    except (Unauthorized, OperationError):
        return nothing  # Another operation reports that the key is rejected.
    except Forbidden as error:
        _warn_forbidden(props, error)
        return nothing


def _write(props: Mapping[str, Any], olds: Mapping[str, Any]) -> dict[str, Any]:
    """Make the roles as declared, log each change, record what failed, and return what state is to hold."""
    declared = {name: value for name, value in stored(props).items() if name not in (_FAILED, _UNDECLARED, _LINES)}
    writer = Writer(props["group_id"], props["group"], lambda member: _locate(props, member))
    former = {*(olds.get("members") or {}), *(olds.get(_FAILED) or {})} if olds else set()
    try:
        writer.write(props["members"], former, revokes_others=props.get(_POLICY) == "revoked")
    except Unauthorized:
        raise
    except FivetranError as error:
        writer.fail("", f"cannot read {_WHAT} {props['group']}", error)
    for member, reason in writer.failed.items():
        run.outcomes.fail(props["file"], f"{_locate(props, member)}: {reason}", f"access {member}")
    return {**declared, **({_FAILED: writer.failed} if writer.failed else {})}


def _log(props: Mapping[str, Any], changes: Iterable[RoleChange]) -> None:
    for change in changes:
        terms = run.declared.group_members.get(change.member, ("", ""))[1] if change.after else ""
        logger.warning("%s: %s", _locate(props, change.member), change.describe(props["group"], terms))


def _locate(props: Mapping[str, Any], member: str) -> str:
    path = run.declared.group_members.get(member, ("", ""))[0]
    return run.declared.locate(str(props["file"]), path or "fivetran.access")


def _warn_forbidden(props: Mapping[str, Any], error: Forbidden) -> None:
    logger.warning(
        "%s: this run does not check %s %s: %s\n    %s",
        _locate(props, ""),
        _WHAT,
        props["group"],
        error.answer,
        "Give the API key the role Manage Destination in the group, or for a system key DESTINATION and TEAM.",
    )
