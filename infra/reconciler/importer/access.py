"""Turn a live access list into grants, without those that the environment gives to every dataset."""

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
    AccessEntry,
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
from reconciler.importer.draft import FILL_IN, ImportContext
from reconciler.model import Dataset, Environment, Grant, Unit

#: Comments on values to fill in, each with its key in the grant.
_Marks: TypeAlias = tuple[tuple[str, str], ...]

_TICKET = "fill-in"
#: The `until` of access without an end, where the environment has no maximum.
_USUAL = timedelta(days=14)


@dataclass(frozen=True)
class Access:
    """The part of a file that declares a live access list."""

    grants: tuple[Grant, ...] = ()
    sensitive: bool = False
    default_access: bool = True
    """Whether the dataset has the environment's default access. Always true for a sensitive dataset."""
    is_written: bool = False
    """Fivetran writes the dataset, although no file declares a connector for it."""
    lost: tuple[str, ...] = ()
    """The formatted entries that the file lacks, each with the reason. Adopting the dataset revokes them."""
    comments: Mapping[Path, str] = field(default_factory=dict)
    """Comments by their path below the dataset."""


def access_of(live: Iterable[Mapping[str, Any]], context: ImportContext, *, is_written: bool) -> Access:
    """Return the grants, and the flags, that declare a live access list.

    A dataset gets the environment's default access only if it has all of it, so that adopting changes nothing.
    Otherwise it is sensitive, unless its list has members without a name, such as `projectReaders`: sensitive datasets
    forbid them.

    Args:
        live: The entries as BigQuery returns them.
        context: The environment and its live datasets.
        is_written: Whether a declared connector writes the dataset.
    """
    present: set[AccessEntry] = set()
    lost: list[str] = []
    for each in live:
        entry = parse_entry(each)
        if entry is not None:
            present.add(entry)
        elif not foreign_entries([each]):
            lost.append(f"{_format(each, context.environment)}: files cannot declare this")
    kept = set(drop_void_entries(present))
    lost += [
        f"{_format(entry, context.environment)}: it has no effect beside the member's other access"
        for entry in _sorted(present - kept)
    ]
    inherited = {default: _inherited(context, default=default, is_written=is_written) for default in (True, False)}
    by_fivetran = kept & _writer_entries(context) if not is_written else set()
    missing = inherited[True] - inherited[False] - kept
    drafts = _draft_grants(kept - inherited[not missing] - by_fivetran, context)
    sensitive = bool(missing) and not drafts.has_unnamed_members
    comments: dict[Path, str] = {}
    if missing and not sensitive:
        others = ", ".join(_format(entry, context.environment) for entry in _sorted(missing))
        comments["default_access",] = (
            f"As in BigQuery: without this line the dataset also gets {others}. `sensitive: true` is not possible, "
            "because members below have access through a role on the project."
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


def _inherited(context: ImportContext, *, default: bool, is_written: bool) -> set[AccessEntry]:
    return {*inherited_entries(context.environment, default=default), *(_writer_entries(context) if is_written else ())}


def _writer_entries(context: ImportContext) -> set[AccessEntry]:
    """Return the entry with which Fivetran writes a dataset; none while its account is unknown."""
    account = context.service_account
    return set() if account is None else {writer_entry(account)}


def _draft_grants(entries: Iterable[AccessEntry], context: ImportContext) -> _Drafts:
    drafts = _Drafts(context)
    for entry in _sorted(entries):
        drafts.add(entry)
    return drafts


class _Drafts:
    """Collects grants. Members with the same role, condition, ticket and last day share one."""

    def __init__(self, context: ImportContext) -> None:
        self.lost: list[str] = []
        self.has_unnamed_members = False
        """Whether a grant has members without a name, such as `projectReaders` or `allUsers`."""
        self._context = context
        self._environment = context.environment
        self._policy = context.environment.policy.people
        pattern = context.environment.workgroups
        self._standing = {to_place(member, pattern) for member in self._policy.standing}
        self._members: dict[tuple[Grant, _Marks], list[str]] = defaultdict(list)

    def add(self, entry: AccessEntry) -> None:
        """Add an entry to the grants, or to `lost` if no file can declare it."""
        grant = self._as_grant(entry)
        why = self._reason_to_leave_out(entry, grant)
        marks: _Marks = ()
        if why is None and is_person(entry.at) and entry.at not in self._standing:
            grant, marks = self._apply_policy(grant)
        if why is None and not _is_declarable(grant, self._environment):
            why = "files cannot declare this"
        if why is not None:
            self.lost.append(f"{_format(entry, self._environment)}: {why}")
            return
        self.has_unnamed_members |= is_project_role(entry.at) or is_public(entry.at)
        self._members[replace(grant, members=()), marks].extend(grant.members)

    def _as_grant(self, entry: AccessEntry) -> Grant:
        """Return an entry as a grant, without what the environment requires."""
        grant = Grant(predefined_role(entry.role), (format_member(entry.at, self._environment.workgroups),))
        day = parse_until(entry.condition)
        if day is None:
            return replace(grant, condition=entry.condition)
        return replace(grant, until=day, ticket=entry.condition.description if entry.condition else None)

    def _reason_to_leave_out(self, entry: AccessEntry, grant: Grant) -> str | None:
        """Return why no file can declare an entry; None if one can."""
        name = self._environment.name
        if is_deleted(entry.at):
            return "the account is deleted"
        if is_public(entry.at) and self._environment.policy.public_access != "allowed":
            return f"it is public access, which {name} forbids"
        if grant.until is not None and grant.until < self._context.today:
            return "it has expired"
        if "until" not in self._policy.need or not is_person(entry.at) or entry.at in self._standing:
            return None
        if is_public(entry.at):
            return f"{name} requires `until`, and IAM accepts no condition for the public"
        return f"{name} requires `until`, and this entry has another condition" if grant.condition else None

    def _apply_policy(self, grant: Grant) -> tuple[Grant, _Marks]:
        """Return a grant with the ticket and last day that the environment requires.

        Comments say where to fill them in.
        """
        policy, name, marks = self._policy, self._environment.name, {}
        if "ticket" in policy.need and grant.ticket is None:
            grant = replace(grant, ticket=_TICKET)
            marks["ticket"] = f"{FILL_IN} the ticket that {name} requires, or add the member to `standing`"
        last = self._context.today + (_USUAL if policy.longest is None else policy.longest)
        if "until" in policy.need and grant.until is None:
            grant = replace(grant, until=last)
            marks["until"] = f"{FILL_IN} the last day that {name} requires; BigQuery has none"
        elif grant.until is not None and policy.longest is not None and grant.until > last:
            marks["until"] = f"{FILL_IN} the last day; BigQuery has {grant.until}, later than {name} allows"
            grant = replace(grant, until=last)
        return grant, tuple(marks.items())

    def grants(self) -> tuple[tuple[Grant, ...], dict[Path, str]]:
        """Return the sorted grants, and the comments by their path below the dataset."""
        forms = sorted(self._members.items(), key=lambda form: (form[0][0].role, repr(form[0])))
        grants = tuple(replace(grant, members=tuple(members)) for (grant, _), members in forms)
        marks = ((index, key, text) for index, ((_, marked), _) in enumerate(forms) for key, text in marked)
        return grants, {("access", index, key): text for index, key, text in marks}


def _is_declarable(grant: Grant, environment: Environment) -> bool:
    """Return whether the schema of units accepts a grant."""
    dataset = Dataset("unit", environment.destination.location, access=(grant,))
    unit = Unit("unit", "unit.yaml", "A dataset.", ("owner@example.com",), datasets=(dataset,))
    return not any(errors("unit", describe(unit, environment)))


def _sorted(entries: Iterable[AccessEntry]) -> list[AccessEntry]:
    return sorted(entries, key=lambda entry: (entry.role, entry.field, entry.member, repr(entry.condition)))


def _format(entry: Mapping[str, Any] | AccessEntry, environment: Environment) -> str:
    """Format an entry for people, its member as files write it."""
    return str(format_entry(entry, MemberNames(environment.workgroups)))
