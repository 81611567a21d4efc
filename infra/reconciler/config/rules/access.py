"""Check grants: those of datasets and those of environments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from reconciler.config.rules import grant_lists
from reconciler.config.rules.grant_lists import FileGrant, GrantList
from reconciler.config.schema.suggestions import suggest_role
from reconciler.config.specs import Specs, string_items
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.google.bigquery.access import basic_role, is_project_role, is_public, parse_until
from reconciler.google.bigquery.access.member import Place
from reconciler.google.iam import roles
from reconciler.model import Condition
from reconciler.model.errors import Problem, printable

_WORKGROUP = "workgroup:"
#: The members that stand for the public.
PUBLIC_MEMBERS = frozenset({"allUsers", "allAuthenticatedUsers"})


def check_grants_unique(specs: Specs) -> Iterator[Problem]:
    """Find a role that one member has twice.

    It is a copy that was not edited, or a longer grant that keeps access.
    """
    for grants in grant_lists.all_grants(specs):
        by_member: dict[tuple[str, Place], list[_MemberGrant]] = defaultdict(list)
        for grant in grants:
            for member, path in grant.members() if grant.is_readable else ():
                # A text without a place (not a member, or of an unknown group) is compared as text.
                at = grant_lists.find_place(specs, grant.document.environment, member) or ("", member.lower())
                by_member[basic_role(grant.role), at].append(_MemberGrant(grant, member, path))
        for given in by_member.values():
            for index, one in enumerate(given):
                if (problem := _find_conflict(one, given[:index], given)) is not None:
                    yield problem


@dataclass(frozen=True)
class _MemberGrant:
    """One grant, for one of its members."""

    grant: FileGrant
    member: str
    path: Path

    @property
    def validity(self) -> date | Condition | None:
        """The last day or the condition; None for a permanent grant."""
        return self.grant.until or self.grant.condition

    @property
    def line(self) -> int:
        return self.grant.document.values[self.path][0]


def _find_conflict(one: _MemberGrant, before: list[_MemberGrant], given: list[_MemberGrant]) -> Problem | None:
    """Find what is wrong with one of several grants of a role to a member."""
    who = f"{shown(one.member)} has {shown(one.grant.role)}"
    same = next((other for other in before if other.validity == one.validity), None)
    if same is not None:
        return one.grant.document.on_value(
            one.path, f"{who} twice", f"remove this entry or the one on line {same.line}"
        )
    always = next((other for other in given if other.validity is None), None)
    if one.validity is not None and always is not None:
        message = f"{who} on line {always.line} without `until` or `condition`, so this entry has no effect"
        return one.grant.document.on_value(one.path, message, "remove one of the two")
    if not isinstance(one.validity, date):
        return None
    later = next((other for other in given if isinstance(other.validity, date) and other.validity > one.validity), None)
    if later is None:
        return None
    message = f"{who} until {later.validity} on line {later.line}, so this entry has no effect"
    return one.grant.document.on_value(one.path, message, "remove this entry or the later one")


def check_until_conditions(specs: Specs) -> Iterator[Problem]:
    """Reject a condition that reads like `until`: it would be read back as `until` and never be removed."""
    for grants in grant_lists.dataset_grants(specs):
        for grant in grants:
            if (day := parse_until(grant.condition)) is not None:
                ticket = grant.at("condition", "description")
                also = f" and `ticket: {printable(ticket)}`" if isinstance(ticket, str) else ""
                message = "`condition`: only `until` may write this condition"
                at = (*grant.path, "condition")
                yield grant.document.on_key(at, message, f'write `until: "{day}"`{also} instead')


def check_public_access(specs: Specs) -> Iterator[Problem]:
    """Reject `allUsers` and `allAuthenticatedUsers` unless the policy allows public access."""
    for grants in grant_lists.all_grants(specs):
        if specs.policy(grants.document.environment).public_access == "allowed":
            continue
        for grant in grants:
            for member, path in grant.members():
                if member in PUBLIC_MEMBERS:
                    message = f"{shown(member)} would give the whole internet access"
                    hint = "name people, groups or service accounts"
                    yield grant.document.on_value(
                        path, message, f"{hint}, or allow it in environment.yaml: `policy: {{public_access: allowed}}`"
                    )


def check_public_conditions(specs: Specs) -> Iterator[Problem]:
    """Reject conditions on public members (https://cloud.google.com/iam/docs/conditions-overview)."""
    for grants in grant_lists.dataset_grants(specs):
        for grant in grants:
            key = next((key for key in ("until", "condition") if grant.at(key) is not None), None)
            for member, _ in grant.members() if key is not None else ():
                if member in PUBLIC_MEMBERS:
                    message = f"`{key}`: IAM accepts no condition for {shown(member)}"
                    hint = "name people, groups or service accounts"
                    yield grant.document.on_key((*grant.path, str(key)), message, hint)


def check_sensitive_members(specs: Specs) -> Iterator[Problem]:
    """Reject members of sensitive datasets that stand for unnamed people: basic roles and the public."""
    sensitive: dict[str, str] = {}
    for grants in grant_lists.dataset_grants(specs):
        unit, path = grants.document, (*grants.path[:-1], "sensitive")
        if unit.at(*path) is True:
            sensitive.setdefault(unit.environment, unit.where(path))
            yield from _find_unnamed_members(specs, grants, "the dataset is `sensitive`", "or remove `sensitive`")
    for grants in grant_lists.environment_grants(specs, "automation"):
        if where := sensitive.get(grants.document.environment):
            yield from _find_unnamed_members(specs, grants, f"a dataset is `sensitive`: {where}", None)


def _find_unnamed_members(specs: Specs, grants: GrantList, why: str, otherwise: str | None) -> Iterator[Problem]:
    environment = grants.document.environment
    public = specs.policy(environment).public_access == "allowed"
    hint = "name people, groups or service accounts" + (f", {otherwise}" if otherwise else "")
    for grant in grants:
        for member, path in grant.members():
            at = grant_lists.find_place(specs, environment, member)
            if at is not None and is_project_role(at):
                message = f"{shown(member)} includes everyone with a basic role on the project, but {why}"
                yield grant.document.on_value(path, message, hint)
            elif at is not None and public and is_public(at):
                yield grant.document.on_value(path, f"{shown(member)} is the whole internet, but {why}", hint)


def check_role_spelling(specs: Specs) -> Iterator[Problem]:
    """Find misspelt roles such as `roles/bigquery.dataviewer`. BigQuery would reject them during the run."""
    for grants in grant_lists.all_grants(specs):
        for grant in grants:
            meant = suggest_role(grant.role) if grant.role.startswith("roles/") else None
            if meant:
                message = f"BigQuery has no role {shown(grant.role)}"
                yield grant.document.on_value((*grant.path, "role"), message, f"did you mean {shown(meant)}?")


def check_dataset_roles(specs: Specs) -> Iterator[Problem]:
    """Find roles such as `roles/viewer` that BigQuery would reject on a dataset during the run."""
    for grants in (
        *grant_lists.environment_grants(specs, "automation", "default_access"),
        *grant_lists.dataset_grants(specs),
    ):
        for grant in grants:
            if grant.role in roles.ON_PROJECTS:
                meant = roles.ON_PROJECTS[grant.role]
                hint = f"write {shown(meant)}" if meant else "grant it in the environment's `project_access`"
                message = f"{shown(grant.role)} cannot be granted on a dataset"
                yield grant.document.on_value((*grant.path, "role"), message, hint)


def check_workgroups(specs: Specs) -> Iterator[Problem]:
    """Find `workgroup:` members that the environment's `workgroups` pattern cannot turn into a group."""
    for document, member, path in _members(specs):
        environment = specs.environments.get(document.environment)
        if environment is None or not member.startswith(_WORKGROUP):
            continue
        pattern = environment.at("workgroups")
        if not environment.has("workgroups"):
            message = f"{shown(member)}: the environment has no `workgroups` pattern"
            yield document.on_value(path, message, f"add `workgroups` to {environment.file}")
        elif "/" in member and isinstance(pattern, str) and grant_lists.lacks_subgroup(pattern):
            message = f"{shown(member)} names a subgroup, but the environment's pattern has no {{subgroup}}"
            yield document.on_value(path, message, f"add {{subgroup}} at {environment.where(('workgroups',))}")


def _members(specs: Specs) -> Iterator[tuple[Document, str, Path]]:
    """Yield every member of any file, also those of `policy.people.standing`."""
    for grants in grant_lists.all_grants(specs):
        for grant in grants:
            yield from ((grant.document, member, path) for member, path in grant.members())
    for environment in specs.environments.values():
        yield from (
            (environment, member, path) for member, path in string_items(environment, "policy", "people", "standing")
        )
