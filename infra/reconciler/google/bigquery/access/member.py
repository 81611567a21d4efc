"""Convert members between files and access entries.

Files have IAM's form, and `workgroup:`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

#: A field of an access entry, and what stands in it.
Place: TypeAlias = tuple[str, str]

#: Which field of an access entry holds a member of a kind. `iamMember` would be a permanent difference for these.
FIELD_OF_KIND: Final[Mapping[str, str]] = {
    "user": "userByEmail",
    "serviceAccount": "userByEmail",
    "group": "groupByEmail",
    "domain": "domain",
}
#: `allUsers` is none of them: BigQuery has it as an `iamMember`.
_SPECIAL_GROUPS: Final = frozenset({"projectOwners", "projectWriters", "projectReaders", "allAuthenticatedUsers"})

#: How the address of every service account ends, Google's own included.
_OF_A_SERVICE_ACCOUNT: Final = ".gserviceaccount.com"
#: The principals of IAM behind which no person is: workloads from outside, service accounts and service agents.
_NO_PERSON: Final = re.compile(r"/workloadIdentityPools/|/serviceAccounts/|/type/Service(Account|Agent)\b")


def to_place(member: str, workgroups: str | None) -> Place | None:
    """Return BigQuery's field and name for a member; None for a workgroup without a pattern.

    Two members are one when their places are equal.
    """
    kind, _, name = member.partition(":")
    if kind == "workgroup":
        return None if workgroups is None else ("groupByEmail", workgroup_address(name, workgroups).lower())
    if kind in FIELD_OF_KIND and name:
        # BigQuery stores addresses in lower case: in two spellings one member would be two entries, or a difference.
        return FIELD_OF_KIND[kind], name.lower()
    return ("specialGroup" if member in _SPECIAL_GROUPS else "iamMember"), member


def format_member(at: Place, workgroups: str | None) -> str:
    """Return the member of an entry as files write it."""
    field, name = at
    match field:
        case "userByEmail":
            kind = "serviceAccount" if name.endswith(_OF_A_SERVICE_ACCOUNT) else "user"
        case "groupByEmail":
            kind, workgroup = "group", _workgroup(name, workgroups)
            if workgroup is not None:
                return f"workgroup:{workgroup}"
        case "domain":
            kind = "domain"
        case _:
            return name
    return f"{kind}:{name}"


@dataclass(frozen=True)
class MemberNames:
    """Format members as the files of an environment write them, otherwise in the usual form."""

    workgroups: str | None = None
    """The environment's pattern of workgroups."""
    written: Mapping[Place, str] = field(default_factory=dict)
    """How files spell a member, where they name it."""

    def spell(self, at: Place) -> str:
        """Return the member with this place, as files write it."""
        return self.written.get(at) or format_member(at, self.workgroups)


def is_person(at: Place) -> bool:
    """Return whether a member stands for people.

    That is a person, group, domain, the public, or a project role.

    Not the project's owners, who always have access, and no service account, which its address shows.
    """
    field, name = at
    match field:
        case "userByEmail":
            return not name.endswith(_OF_A_SERVICE_ACCOUNT)
        case "specialGroup":
            return name != "projectOwners"
        case "iamMember":
            return not _NO_PERSON.search(name)
    return True


def is_public(at: Place) -> bool:
    """Return whether this is the whole internet."""
    return at in (("iamMember", "allUsers"), ("specialGroup", "allAuthenticatedUsers"))


def is_deleted(at: Place) -> bool:
    """Return whether this is a deleted account or group, which IAM keeps under such a name without access."""
    return at[1].startswith("deleted:")


def is_project_role(at: Place) -> bool:
    """Return whether this stands for everyone with a basic role on the project, owners apart."""
    return at in (("specialGroup", "projectReaders"), ("specialGroup", "projectWriters"))


def policy_member(member: str, workgroups: str | None) -> str:
    """Return a member as a project's IAM policy has it: addresses in lower case, other ids as given."""
    kind, _, name = member.partition(":")
    if kind == "workgroup":
        kind, name = "group", workgroup_address(name, workgroups or "")
    return f"{kind}:{name.lower()}" if name and not kind.startswith("principal") else member


def workgroup_address(member: str, pattern: str) -> str:
    """Return the Google group of a workgroup by an environment's pattern.

    Without a subgroup it is that of `default`.
    """
    workgroup, _, subgroup = member.partition("/")
    return pattern.replace("{workgroup}", workgroup).replace("{subgroup}", subgroup or "default")


def _workgroup(address: str, pattern: str | None) -> str | None:
    """Return the `<workgroup>[/<subgroup>]` that has this address; None when none has."""
    if pattern is None:
        return None
    form = re.escape(pattern.lower())
    for name in ("workgroup", "subgroup"):
        form = form.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>[a-z0-9_-]+?)", 1)
        form = form.replace(re.escape(f"{{{name}}}"), f"(?P={name})")
    found = re.fullmatch(form, address)
    if found is None:
        return None
    names = found.groupdict()
    member = "/".join(name for name in (names["workgroup"], names.get("subgroup")) if name not in (None, "default"))
    return member if workgroup_address(member, pattern).lower() == address else None
