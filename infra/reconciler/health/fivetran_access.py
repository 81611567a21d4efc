"""Compare the roles in an environment's Fivetran group with its file, and find expiring keys. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from reconciler.fivetran import roles
from reconciler.fivetran.api import Role, SystemKey, User
from reconciler.fivetran.group_roles import GroupMember, LiveRoles, member_key
from reconciler.health.checks import Check
from reconciler.health.lateness import parse_time
from reconciler.model import Environment, commands
from reconciler.model.commands import count

#: How long before an API key expires it is reported.
WARN = timedelta(days=30)

_CHECK = "Fivetran access"
_PERMISSION = "give the API key the role Manage Destination in the group, or for a system key DESTINATION and TEAM"


@dataclass(frozen=True)
class UndeclaredMember:
    """A user or a team whose role in the group no file declares. Its fields are keys of the JSON output."""

    name: str
    role: str
    group: str
    note: str = ""
    kind: str = "member"

    def __str__(self) -> str:
        return f"{self.name} has {self.role} in the Fivetran group {self.group}{self.note}"


def declared_roles(environment: Environment, today: date) -> dict[str, str]:
    """Return the role of each declared member whose last day is not over."""
    return {
        member: grant.role
        for grant in environment.fivetran_access or ()
        for member in grant.members
        if grant.until is None or grant.until >= today
    }


def undeclared_members(
    live: LiveRoles, environment: Environment, today: date, own: str | None
) -> Iterator[UndeclaredMember]:
    """Return who has a role that the file does not declare; none where it declares no access at all.

    Args:
        live: The roles in the group.
        environment: What the file declares.
        today: The day by which an entry's last day is over.
        own: The id of the API key's user.
    """
    if environment.fivetran_access is None:
        return
    for each in live.undeclared(declared_roles(environment, today)):
        note = " (the user of this API key)" if each.is_user and each.id == own else each.note
        yield UndeclaredMember(each.name, each.role, environment.group, note)


def expiring_keys(keys: Iterable[SystemKey], day: date) -> Iterator[tuple[SystemKey, date]]:
    """Return the system keys that expire soon, the next one first, each with its last day."""
    found = [(key, moment.date()) for key in keys if (moment := parse_time(key.expires_at)) is not None]
    soon = [(key, last) for key, last in found if timedelta(0) <= last - day <= WARN]
    yield from sorted(soon, key=lambda each: (each[1], each[0].name))


def describe_key(key: SystemKey, name: str, last: date, day: date) -> str:
    """Format a key that expires soon. `name` is its name as it may be shown."""
    days = (last - day).days
    when = f"in {count(days, 'day')}" if days else "today"
    return f"the Fivetran system key {name} ({key.id}) expires on {last}, {when}"


def check_access(
    live: LiveRoles,
    environment: Environment,
    today: date,
    own: str | None,
    known_roles: Iterable[Role],
    *,
    users: Iterable[User] = (),
) -> Iterator[Check]:
    """Check that the declared members have their roles, and that others have none.

    Args:
        live: The roles in the group.
        environment: What the file declares; nothing is checked where it declares no access.
        today: The day by which an entry's last day is over.
        own: The id of the API key's user.
        known_roles: The roles of the account; empty where they cannot be read.
        users: The users of the account; empty where they cannot be read.
    """
    if environment.fivetran_access is None:
        return
    found = [
        *_unknown_roles(environment, {role.name: role for role in known_roles}),
        *_differences(live, declared_roles(environment, today), environment, {*map(_address, users)}),
        *_undeclared(live, environment, today, own),
    ]
    if live.is_without_teams:
        found.append(Check(_CHECK, "warning", "this API key may not read teams", _PERMISSION))
    yield from found
    if not found:
        number = count(len(declared_roles(environment, today)), "member")
        text = f"{number} {_have(number)} a role in the group {environment.group}, as the file declares"
        yield Check(_CHECK, "ok", text)


def _have(number: str) -> str:
    return "has" if number.startswith("1 ") else "have"


def check_account_administrators(users: Iterable[User], shown: Mapping[str, str]) -> Check:
    """Report who changes connectors by a role in the account. `shown` are the addresses by id."""
    found = sorted(shown[each.id] for each in users if each.role == roles.ACCOUNT_ADMINISTRATOR)
    names = ", ".join(found) or "no user"
    return Check(_CHECK, "ok", f"{names}: may change every connector as {roles.ACCOUNT_ADMINISTRATOR}")


def unreadable_access(environment: Environment, answer: str) -> Check:
    """Warn that the API key may not read the members that the file declares."""
    text = f"this API key may not read who has a role in the group {environment.group}: {answer}"
    return Check(_CHECK, "warning", text, _PERMISSION)


def check_keys(keys: Iterable[SystemKey], shown: Mapping[str, str], day: date) -> Iterator[Check]:
    """Warn for each system key that expires soon. `shown` are the names by id."""
    to_do = "rotate it in Fivetran's account settings, and store the new secret where the runs read it"
    for key, last in expiring_keys(keys, day):
        yield Check("API keys", "warning", describe_key(key, shown[key.id], last, day), to_do)


def _unknown_roles(environment: Environment, known: Mapping[str, Role]) -> Iterator[Check]:
    for role in sorted({grant.role for grant in environment.fivetran_access or ()}):
        found = known.get(role) or known.get(roles.current_name(role))
        if known and (found is None or "DESTINATION" not in found.scopes):
            text = f"the account has no role {role} for a destination"
            yield Check(_CHECK, "failed", text, f"correct `fivetran.access` in {environment.file}")


def _address(user: User) -> str:
    return f"user:{user.email or ''}".lower()


def _differences(
    live: LiveRoles, declared: Mapping[str, str], environment: Environment, users: Collection[str]
) -> Iterator[Check]:
    up = commands.up(environment.name, refresh=True)
    for name, role in sorted(declared.items()):
        there: GroupMember | None = live.members.get(member_key(name))
        if there is None:
            if not (live.is_without_teams and name.startswith("team:")):
                text, step = f"{name} does not have the declared role {role}", f"run {up}"
                if users and name.startswith("user:") and name.lower() not in users:
                    text += ": the Fivetran account has no user with this address"
                    step = f"invite the user in Fivetran, or correct the address, then {step}"
                elif name.startswith("team:") and name.removeprefix("team:") not in live.teams:
                    text += ": Fivetran has no team of this name"
                    step = f"create the team in Fivetran, or correct its name, then {step}"
                yield Check(_CHECK, "warning", text, step)
        elif not roles.is_same(there.role, role):
            yield Check(_CHECK, "warning", f"{name} has {there.role}, not the declared role {role}", f"run {up}")
        elif there.note:
            text = f"{name} has {role}{there.note}"
            yield Check(
                _CHECK, "warning", text, "ask the user to accept the invitation or to log in again, or remove the line"
            )


def _undeclared(live: LiveRoles, environment: Environment, today: date, own: str | None) -> Iterator[Check]:
    for each in undeclared_members(live, environment, today, own):
        to_do = f"declare it under `fivetran.access` in {environment.file}, or remove it in Fivetran"
        if environment.policy.undeclared_fivetran_access == "revoked" and "API key" not in each.note:
            to_do = f"run {commands.up(environment.name, refresh=True)}, which revokes the role, or declare it"
        yield Check(_CHECK, "warning", f"{each}, but no file declares it", to_do)
