"""The auditor's question: who reads a dataset, and which datasets a member reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from reconciler.estate.access import AccessGrant
from reconciler.google.bigquery.access import is_public, to_place

#: Members that stand for everyone who is logged in, and for everyone.
_EVERYONE = ("allAuthenticatedUsers", "allUsers")


@dataclass(frozen=True)
class Member:
    """The member of a question: `user:a@example.com`, or the address of an account of any kind."""

    text: str
    workgroups: str | None = None
    """The pattern of workgroups of the environment that is asked about."""

    def has(self, grant: AccessGrant) -> bool:
        """Return whether a grant is for this member, by name or by a member that includes it.

        A domain includes its addresses, and `allUsers` everyone. Who is in a group is not known.
        """
        if grant.member == self.text:
            return True
        if grant.source == "authorised":
            return False
        return (grant.member in _EVERYONE and not self._is_special) or self._is_in(grant.member)

    def _is_in(self, member: str) -> bool:
        granted = to_place(member, self.workgroups)
        if granted is None or granted in self._places:
            return granted is not None
        field, name = granted
        return field == "domain" and any(kind == "userByEmail" and at.endswith(f"@{name}") for kind, at in self._places)

    @cached_property
    def _places(self) -> frozenset[tuple[str, str]]:
        if ":" not in self.text and "@" in self.text:
            return frozenset((kind, self.text.lower()) for kind in ("userByEmail", "groupByEmail"))
        at = to_place(self.text, self.workgroups)
        return frozenset() if at is None else frozenset({at})

    @cached_property
    def _is_special(self) -> bool:
        """Whether it is the public itself or a project's role: not an account, which the public includes."""
        return any(field == "specialGroup" or is_public((field, name)) for field, name in self._places)


def readers_of(grants: Iterable[AccessGrant], dataset: str) -> list[AccessGrant]:
    """Return who reads a dataset, or may: grants of roles that read no tables are left out.

    Args:
        grants: The grants of all projects.
        dataset: Its id, or `project.dataset`.
    """
    return [
        each
        for each in grants
        if each.reads is not False and dataset in (each.dataset, f"{each.project}.{each.dataset}")
    ]


def datasets_of(grants: Iterable[AccessGrant], member: str, workgroups: Mapping[str, str | None]) -> list[AccessGrant]:
    """Return the grants by which a member reads datasets, or may.

    Args:
        grants: The grants of all projects.
        member: The member, as files write it, or an address.
        workgroups: The patterns of workgroups by environment.
    """
    asked = {environment: Member(member, pattern) for environment, pattern in workgroups.items()}
    return [each for each in grants if each.reads is not False and asked[each.environment].has(each)]


def groups_in(grants: Iterable[AccessGrant]) -> list[str]:
    """Return the groups that read a dataset, whose members are not known here, sorted."""
    kinds = ("group:", "workgroup:")
    return sorted({each.member for each in grants if each.reads is not False and each.member.startswith(kinds)})
