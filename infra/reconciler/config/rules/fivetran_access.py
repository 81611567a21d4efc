"""Check the users and teams with a role in an environment's Fivetran group."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.rules import grant_lists, people
from reconciler.config.rules.grant_lists import FIVETRAN_ACCESS
from reconciler.config.specs import Specs, string_items
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.fivetran import roles
from reconciler.model.errors import Problem

_POLICY = ("policy", "undeclared_fivetran_access")


def check_fivetran_members_unique(specs: Specs) -> Iterator[Problem]:
    """Find members with two roles: Fivetran gives a member one role in a group."""
    for grants in grant_lists.fivetran_grants(specs):
        first: dict[str, Path] = {}
        for grant in grants:
            for member, path in grant.members():
                before = first.setdefault(_key(member), path)
                if before != path:
                    message = f"{shown(member)} has a role already: {grants.document.where(before)}"
                    hint = "remove one of the two: Fivetran gives a member one role in a group"
                    yield grants.document.on_value(path, message, hint)


def check_fivetran_roles(specs: Specs) -> Iterator[Problem]:
    """Find roles that Fivetran would not accept in a group: misspelt ones, and those of the account."""
    for grants in grant_lists.fivetran_grants(specs):
        for grant in grants:
            meant = roles.suggest(grant.role)
            if meant is not None:
                message = f"Fivetran has no role {shown(grant.role)}"
                yield grant.document.on_value((*grant.path, "role"), message, f"did you mean {shown(meant)}?")
            elif roles.is_account_role(grant.role):
                message = f"{shown(grant.role)} is a role in the account, and none in a group"
                hint = f"write a role on a destination, such as {shown(roles.STANDARD[2])}"
                yield grant.document.on_value((*grant.path, "role"), message, hint)


def check_fivetran_access_owner(specs: Specs) -> Iterator[Problem]:
    """Find groups whose access two environments declare: each run would take away what the other one gave."""
    owners: dict[str, Document] = {}
    for document in specs.environments.values():
        if document.at(*FIVETRAN_ACCESS) is not None:
            owner = owners.setdefault(specs.group(document.environment), document)
            if owner is not document:
                message = f"{owner.where(FIVETRAN_ACCESS)} declares the access to the same group"
                yield document.on_key(FIVETRAN_ACCESS, message, "declare it in one environment of the group")


def check_fivetran_access_declared(specs: Specs) -> Iterator[Problem]:
    """Find the policy that revokes undeclared access where no access is declared."""
    for document in specs.environments.values():
        if (
            specs.policy(document.environment).undeclared_fivetran_access == "revoked"
            and document.at(*FIVETRAN_ACCESS) is None
        ):
            message = "`revoked` needs a list: `fivetran.access` is missing"
            yield document.on_value(_POLICY, message, "declare `access` under `fivetran`, or write `reported`")


def check_fivetran_people(specs: Specs) -> Iterator[Problem]:
    """Check that roles of users and teams have the ticket and last day that the policy requires."""
    for grants in grant_lists.fivetran_grants(specs):
        policy = specs.policy(grants.document.environment).people
        standing = {_key(member) for member, _ in string_items(grants.document, "policy", "people", "standing")}
        for grant in grants:
            found = [member for member, _ in grant.members() if _key(member) not in standing]
            if found:
                yield from people.check_grant(specs, grant, found, policy, grants.document)


def _key(member: str) -> str:
    """Return a member as it is compared: addresses without regard to case, names of teams as they are."""
    return member.lower() if member.startswith("user:") else member
