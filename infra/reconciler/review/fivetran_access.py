"""Who gains and who loses access to change connectors: roles in the Fivetran group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from reconciler.fivetran import roles
from reconciler.fivetran.group_roles import RoleChange, member_key, role_changes
from reconciler.model import Grant
from reconciler.model.commands import format_list, reconciler
from reconciler.review.consequence import Consequence
from reconciler.review.context import Context
from reconciler.review.preview import Step


def fivetran_access(context: Context) -> Iterator[Consequence]:
    """Return the roles that are granted, changed and revoked. A first list is one consequence."""
    for step in context.preview.of_type("GroupAccess"):
        change = _AccessReview(context, step)
        if step.operation == "delete":
            yield change.left()
            yield from change.left_days()
        elif step.operation == "update":
            yield from change.consequences()
        else:
            yield change.declared()


class _AccessReview:
    """One change of the roles in the group."""

    def __init__(self, context: Context, step: Step) -> None:
        self.context = context
        self.group = str((step.new or step.old).get("group", context.environment.group))
        self.before: Mapping[str, str] = step.old.get("members") or {}
        self.others: Mapping[str, str] = step.old.get("undeclared") or {}
        self.after: Mapping[str, str] = step.new.get("members") or {}
        self.old_days: Mapping[str, str] = step.old.get("until") or {}
        self.new_days: Mapping[str, str] = step.new.get("until") or {}
        self.revokes = step.new.get("undeclared_access") == "revoked"
        self.begins_to_revoke = self.revokes and step.old.get("undeclared_access") != "revoked"
        self.lines = _lines(context)

    def consequences(self) -> Iterator[Consequence]:
        """Return one consequence for each member, and one for a policy that begins to revoke undeclared roles."""
        for change in role_changes(self.before, self.after):
            yield self._member(change)
        yield from self._other_days()
        for name, role in sorted(self.others.items()) if self.revokes else ():
            if member_key(name) not in {member_key(each) for each in self.after}:
                text = f"revokes {role} in the Fivetran group {self.group} from {name}, whom no file declares"
                yield Consequence("note", "fivetran_access_revoked", text, self._object(name), place=self._place(name))
        if self.begins_to_revoke:
            yield self._begins()

    def _other_days(self) -> Iterator[Consequence]:
        """Return the members who keep their role, with another last day."""
        before = {member_key(name): role for name, role in self.before.items()}
        old_days = {member_key(name): day for name, day in self.old_days.items()}
        for name, role in sorted(self.after.items()):
            old, new = old_days.get(member_key(name)), self.new_days.get(name)
            if old == new or not roles.is_same(before.get(member_key(name), ""), role):
                continue
            text = f"keeps {role} in the Fivetran group {self.group} for {self._named(name)}"
            earlier = f", instead of {f'until {old}' if old else 'permanently'}"
            is_earlier = new is not None and (old is None or new < old)
            yield Consequence(
                "note" if is_earlier else "stop",
                "fivetran_access_changed",
                text + earlier,
                self._object(name),
                place=self._place(name),
                value=[roles.current_name(role), new],
            )

    def declared(self) -> Consequence:
        """Return what a first list does: some of its members may have their roles already."""
        named = "; ".join(f"{role} to {self._named(name)}" for name, role in sorted(self.after.items())) or "no member"
        text = f"declares who can change connectors in the Fivetran group {self.group}: {named}"
        if self.revokes:
            text += ". Revokes the roles of all other users and teams"
        value = [
            sorted((member_key(name), role, self.new_days.get(name)) for name, role in self.after.items()),
            self.revokes,
        ]
        place = self.context.environment_place("fivetran", "access")
        return Consequence(
            "stop", "fivetran_access_declared", text, f"Fivetran group {self.group}", place=place, value=value
        )

    def left(self) -> Consequence:
        """Return what happens to the members when no line declares them any more."""
        names = ", ".join(sorted(self.before)) or "no one"
        text = (
            f"no longer declares who can change connectors in the Fivetran group {self.group}: {names} keep their role"
        )
        place = self.context.environment_place("fivetran")
        return Consequence("note", "fivetran_access_left", text, f"Fivetran group {self.group}", place=place)

    def left_days(self) -> Iterator[Consequence]:
        """Return the members whose role no run revokes any more after its last day."""
        for name, day in sorted(self.old_days.items()):
            role = self.before.get(name)
            if role is None:
                continue
            text = f"no longer revokes {role} in the Fivetran group {self.group} from {name} after {day}"
            place = self.context.environment_place("fivetran")
            value = [roles.current_name(role), None]
            yield Consequence("stop", "fivetran_access_changed", text, self._object(name), place=place, value=value)

    def _begins(self) -> Consequence:
        text = f"revokes the roles in the Fivetran group {self.group} from all users and teams that no file declares"
        known = {member_key(name) for name in (*self.before, *self.after)}
        found = sorted(self.context.preview.revoked_roles.items())
        others = [f"{name} ({role})" for name, role in found if member_key(name) not in known]
        command = reconciler("unmanaged", environment=self.context.environment.name)
        text += f": {format_list(others) or f'{command} lists them'}"
        place = self.context.environment_place("policy", "undeclared_fivetran_access")
        return Consequence(
            "stop", "fivetran_access_complete", text, f"Fivetran group {self.group}", place=place, value="revoked"
        )

    def _member(self, change: RoleChange) -> Consequence:
        name, at = change.member, f"in the Fivetran group {self.group}"
        if change.after is None:
            return self._lost(change)
        can = f", who can then {roles.allows(change.after)}"
        if change.before is None:
            kind, text = "fivetran_access_granted", f"grants {change.after} {at} to {self._named(name)}{can}"
        else:
            kind = "fivetran_access_changed"
            text = f"changes the role of {self._named(name)} {at} from {change.before} to {change.after}{can}"
            text += self._protection(change)
        value = [roles.current_name(change.after), self.new_days.get(name)]
        return Consequence("stop", kind, text, self._object(name), place=self._place(name), value=value)

    def _lost(self, change: RoleChange) -> Consequence:
        grant, at = self._grant(change.member), f"in the Fivetran group {self.group}"
        past = grant.until if grant is not None and self._is_over(grant.until) else None
        recorded = {member_key(name): date.fromisoformat(day) for name, day in self.old_days.items()}
        if past is not None and self._is_over(recorded.get(member_key(change.member))):
            text = f"revokes {change.before} {at} from {change.member}: its last day was {past}"
            at, place = self._object(change.member), self._place(change.member)
            return Consequence("note", "fivetran_access_revoked", text, at, place=place, is_scheduled=True)
        text = f"revokes {change.before} {at} from {change.member}, who can no longer "
        text += f"{roles.allows(str(change.before))}{self._other_ways(change.member)}"
        text += self._protection(change)
        if past is not None:
            text += f". The file says that its last day was {past}"
        place = self._place(change.member)
        return Consequence("stop", "fivetran_access_revoked", text, self._object(change.member), place=place)

    def _is_over(self, day: date | None) -> bool:
        return day is not None and day < self.context.active.expiries.today

    def _protection(self, change: RoleChange) -> str:
        """Return what a run does where no declared member manages the group any more (decision 44)."""
        was, now = (roles.is_administrator(role or "") for role in (change.before, change.after))
        if not was or now or any(map(roles.is_administrator, self.after.values())):
            return ""
        return ". Where no other administrator is left, the run keeps this role and fails"

    def _other_ways(self, member: str) -> str:
        """Return by what else a user, or the users of a team, may have a role. No file says who is in a team."""
        if member.startswith("team:"):
            return ". Its users keep roles of their own and of other teams"
        teams = [f"{name} ({role})" for name, role in sorted(self.after.items()) if name.startswith("team:")]
        return f". Members of {format_list(teams)} have that role" if teams else ""

    def _object(self, member: str) -> str:
        return f"Fivetran group {self.group}: {member_key(member)}"

    def _grant(self, member: str) -> Grant | None:
        found = self.lines.get(member_key(member))
        return found[0] if found else None

    def _named(self, member: str) -> str:
        grant = self._grant(member)
        if grant is None:
            return member
        until = f" until {grant.until}" if grant.until else ""
        return f"{member}{until}{f' ({grant.ticket})' if grant.ticket else ''}"

    def _place(self, member: str) -> str:
        found = self.lines.get(member_key(member))
        return self.context.environment_place(found[1] if found else "fivetran.access")


def _lines(context: Context) -> dict[str, tuple[Grant, str]]:
    """Return the grant and the path of each declared member, also of those whose last day is over."""
    return {
        member_key(member): (grant, f"fivetran.access[{number}].members[{index}]")
        for number, grant in enumerate(context.environment.fivetran_access or ())
        for index, member in enumerate(grant.members)
    }
