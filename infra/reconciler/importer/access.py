"""A live access list → the grants that declare it, without what the environment gives anyway."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeAlias

from reconciler.config.build.to_yaml import describe
from reconciler.config.schema.schemas import errors
from reconciler.config.yaml.document import Path
from reconciler.google.bigquery.access import (
    Entry,
    MemberNames,
    drop_void_entries,
    foreign_entries,
    format_member,
    inherited_entries,
    is_deleted,
    is_person,
    is_project_role,
    is_public,
    parse_entry,
    parse_until,
    predefined_role,
    to_place,
    writer_entry,
)
from reconciler.google.bigquery.access.live_entries import format_entry
from reconciler.importer.draft import FILL_IN, Surroundings
from reconciler.model import Dataset, Environment, Grant, Unit

#: What is to fill in, by the key of a grant that it is marked at.
_Marks: TypeAlias = tuple[tuple[str, str], ...]

_TICKET = "fill-in"
#: How long access is written for that has no end, where the environment does not say how long it may be.
_USUAL = timedelta(days=14)


@dataclass(frozen=True)
class Access:
    """What a file says of a live access list."""

    grants: tuple[Grant, ...] = ()
    sensitive: bool = False
    default_access: bool = True
    """Whether the environment's default applies where it is not sensitive."""
    is_written: bool = False
    """Fivetran writes the dataset, though no connector of ours does."""
    lost: tuple[str, ...] = ()
    """The entries that are not here, in words with the reason: taking the dataset over takes them away."""
    comments: Mapping[Path, str] = field(default_factory=dict)
    """By the path below the dataset's."""


def access_of(live: Iterable[Mapping[str, Any]], around: Surroundings, *, is_written: bool) -> Access:
    """The grants of a dataset that a connector of ours writes, or none does.

    It gets the environment's default access only where all of that is there: the file changes nothing. Without it the
    dataset is sensitive, unless people have access by a role on the project, which no sensitive dataset allows.
    """
    there: set[Entry] = set()
    lost: list[str] = []
    for each in live:
        entry = parse_entry(each)
        if entry is not None:
            there.add(entry)
        elif not foreign_entries([each]):
            lost.append(f"{_format(each, around.environment)}: files cannot declare this")
    kept = set(drop_void_entries(there))
    lost += [
        f"{_format(entry, around.environment)}: it has no effect beside the member's other access"
        for entry in _sorted(there - kept)
    ]
    given = {default: _given(around, default=default, is_written=is_written) for default in (True, False)}
    by_fivetran = kept & _written(around) if not is_written else set()
    missing = given[True] - given[False] - kept
    drafts = _drafted(kept - given[not missing] - by_fivetran, around)
    sensitive = bool(missing) and not drafts.in_general
    comments: dict[Path, str] = {}
    if missing and not sensitive:
        others = ", ".join(_format(entry, around.environment) for entry in _sorted(missing))
        comments["default_access",] = (
            f"As in BigQuery: without this line the dataset also gets {others}. `sensitive: true` is not possible, "
            "because members below have access by a role on the project."
        )
    grants, marks = drafts.grants()
    return Access(
        grants,
        sensitive=sensitive,
        default_access=sensitive or not missing,
        is_written=bool(by_fivetran),
        lost=(*lost, *drafts.lost),
        comments={**comments, **marks},
    )


def _given(around: Surroundings, *, default: bool, is_written: bool) -> set[Entry]:
    return {*inherited_entries(around.environment, default=default), *(_written(around) if is_written else ())}


def _written(around: Surroundings) -> set[Entry]:
    """The entry by which Fivetran writes a dataset, where its account is known."""
    account = around.service_account
    return set() if account is None else {writer_entry(account)}


def _drafted(entries: Iterable[Entry], around: Surroundings) -> _Drafts:
    drafts = _Drafts(around)
    for entry in _sorted(entries):
        drafts.add(entry)
    return drafts


class _Drafts:
    """Grants in the making: members who have the same role on the same terms share one."""

    def __init__(self, around: Surroundings) -> None:
        self.lost: list[str] = []
        self.in_general = False
        """Whether somebody is let in who is nobody in particular: sensitive data is not for them."""
        self._around = around
        self._environment = around.environment
        self._policy = around.environment.policy.people
        pattern = around.environment.workgroups
        self._standing = {to_place(member, pattern) for member in self._policy.standing}
        self._members: dict[tuple[Grant, _Marks], list[str]] = defaultdict(list)

    def add(self, entry: Entry) -> None:
        """Take up an entry, or note why a file cannot have it."""
        grant = self._plain(entry)
        why = self._refused(entry, grant)
        marks: _Marks = ()
        if why is None and is_person(entry.at) and entry.at not in self._standing:
            grant, marks = self._as_asked(grant)
        if why is None and not _can_be_said(grant, self._environment):
            why = "files cannot declare this"
        if why is not None:
            self.lost.append(f"{_format(entry, self._environment)}: {why}")
            return
        self.in_general |= is_project_role(entry.at) or is_public(entry.at)
        self._members[replace(grant, members=()), marks].extend(grant.members)

    def _plain(self, entry: Entry) -> Grant:
        """An entry as a grant of its own, whatever the environment asks for."""
        grant = Grant(predefined_role(entry.role), (format_member(entry.at, self._environment.workgroups),))
        day = parse_until(entry.condition)
        if day is None:
            return replace(grant, condition=entry.condition)
        return replace(grant, until=day, ticket=entry.condition.description if entry.condition else None)

    def _refused(self, entry: Entry, grant: Grant) -> str | None:
        """Why an entry has no place in a file."""
        name = self._environment.name
        if is_deleted(entry.at):
            return "the account is deleted"
        if is_public(entry.at) and self._environment.policy.public_access != "allowed":
            return f"it is public access, which {name} forbids"
        if grant.until is not None and grant.until < self._around.today:
            return "it has expired"
        if "until" not in self._policy.need or not is_person(entry.at) or entry.at in self._standing:
            return None
        if is_public(entry.at):
            return f"{name} requires `until`, and IAM accepts no condition for the public"
        return f"{name} requires `until`, and this entry has another condition" if grant.condition else None

    def _as_asked(self, grant: Grant) -> tuple[Grant, _Marks]:
        """A grant for people with what the environment asks for beyond what is live, and what is to fill in."""
        policy, name, marks = self._policy, self._environment.name, {}
        if "ticket" in policy.need and grant.ticket is None:
            grant = replace(grant, ticket=_TICKET)
            marks["ticket"] = f"{FILL_IN} the ticket that {name} requires, or add the member to `standing`"
        last = self._around.today + (_USUAL if policy.longest is None else policy.longest)
        if "until" in policy.need and grant.until is None:
            grant = replace(grant, until=last)
            marks["until"] = f"{FILL_IN} the last day that {name} requires; BigQuery has none"
        elif grant.until is not None and policy.longest is not None and grant.until > last:
            marks["until"] = f"{FILL_IN} the last day; BigQuery has {grant.until}, later than {name} allows"
            grant = replace(grant, until=last)
        return grant, tuple(marks.items())

    def grants(self) -> tuple[tuple[Grant, ...], dict[Path, str]]:
        """The grants, sorted, and the comments on what is to fill in, by the path below the dataset's."""
        forms = sorted(self._members.items(), key=lambda form: (form[0][0].role, repr(form[0])))
        grants = tuple(replace(grant, members=tuple(members)) for (grant, _), members in forms)
        marks = ((index, key, text) for index, ((_, marked), _) in enumerate(forms) for key, text in marked)
        return grants, {("access", index, key): text for index, key, text in marks}


def _can_be_said(grant: Grant, environment: Environment) -> bool:
    """Whether the schema lets a file say this."""
    dataset = Dataset("unit", environment.destination.location, access=(grant,))
    unit = Unit("unit", "unit.yaml", "A dataset.", ("owner@example.com",), datasets=(dataset,))
    return not any(errors("unit", describe(unit, environment)))


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.role, entry.field, entry.member, repr(entry.condition)))


def _format(entry: Mapping[str, Any] | Entry, environment: Environment) -> str:
    """Return an entry as people read it, its member spelt as in a file."""
    return str(format_entry(entry, MemberNames(environment.workgroups)))
