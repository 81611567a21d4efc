"""Members who read datasets through roles on the project, its folders or the organisation. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reconciler.google.iam import roles
from reconciler.google.iam.policies import Binding, PolicyHolder
from reconciler.health.checks import NEEDS_REVIEWER, Check
from reconciler.model import commands
from reconciler.model.commands import format_names

#: The entries of a dataset's access list, as BigQuery's REST resource has them.
AccessList = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class InheritedAccess:
    """One binding by which members read datasets. The field names are keys of the JSON output."""

    members: tuple[str, ...]
    role: str
    where: str
    condition: str | None
    certain: bool
    """False if these credentials cannot see what the role permits, or the dataset's access list."""
    datasets: tuple[str, ...]

    def __str__(self) -> str:
        verb = "read" if len(self.members) > 1 else "reads"
        condition = f', on the condition "{self.condition}"' if self.condition is not None else ""
        return (
            f"{format_names(self.members)} {verb if self.certain else 'may read'} {format_names(self.datasets)} "
            f"through {self.role} on the {self.where}{condition}"
        )


def inherited_access(
    holders: Iterable[PolicyHolder],
    permissions: Callable[[str], Collection[str] | None],
    access_lists: Mapping[str, AccessList | None],
    declared: Collection[str],
) -> Iterator[InheritedAccess]:
    """Return which members read which datasets, one result per binding, from the project upwards.

    Args:
        holders: The project, its folders and the organisation, with their bindings.
        permissions: Returns the permissions of a role; None if these credentials cannot see them.
        access_lists: The datasets with their live access lists; None if a list cannot be read.
        declared: Members to whom files grant access to every dataset: they are left out.
    """
    for holder in holders:
        for binding in holder.bindings or ():
            members = tuple(
                each for each in binding.members if each not in declared and not each.startswith("deleted:")
            )
            if not members:
                continue
            readable = {id_: _can_read(binding, access_lists[id_], permissions) for id_ in sorted(access_lists)}
            for certain in (True, None):
                datasets = tuple(id_ for id_, found in readable.items() if found is certain)
                if datasets:
                    yield InheritedAccess(
                        members, binding.role, str(holder), binding.condition, certain is True, datasets
                    )


def _can_read(
    binding: Binding, access_list: AccessList | None, permissions: Callable[[str], Collection[str] | None]
) -> bool | None:
    """Return whether the binding's role reads a dataset; None if that is not known.

    A basic role reads it if the dataset's access list has the role's special group; any other by its permissions.
    """
    group = roles.BASIC.get(binding.role)
    if group is not None:
        return None if access_list is None else any(entry.get("specialGroup") == group for entry in access_list)
    known = roles.role_reads_data(binding.role)
    return known if known is not None else roles.role_reads_data(binding.role, permissions(binding.role))


def unreadable_policy(holder: PolicyHolder, message: str) -> Check:
    """Return the result for a project, folder or organisation whose bindings cannot be read.

    Args:
        holder: The project, folder or organisation.
        message: Google's message, masked; may be empty.
    """
    text = f"cannot read the IAM policy of the {holder}: {holder.denied}"
    text += f": {message.rstrip('.')}" if message else ""
    return Check("inherited access", "warning", text, NEEDS_REVIEWER)


def check_inherited_access(
    found: Sequence[InheritedAccess], sensitive: Sequence[str], holders: Sequence[PolicyHolder], environment: str
) -> Iterator[Check]:
    """Check that no undeclared member reads sensitive datasets through a role above them.

    Args:
        found: The bindings by which undeclared members read them.
        sensitive: The ids of the sensitive datasets.
        holders: The project, its folders and the organisation.
        environment: The environment that a run applies to revoke access.
    """
    for each in found:
        yield Check("inherited access", "warning", str(each), _revoke_step(each, environment), asdict(each))
    readable = format_names([str(holder) for holder in holders if holder.bindings is not None])
    if not found and readable:
        text = f"no undeclared member reads {format_names(sensitive)} through a role on the {readable}"
        yield Check("inherited access", "ok", text)


def _revoke_step(access: InheritedAccess, environment: str) -> str:
    group = roles.BASIC.get(access.role)
    if group is not None and not access.certain:
        return f"check whether the datasets' own access lists, which cannot be read, grant access to {group}"
    if group is not None:
        up = commands.up(environment, refresh=True)
        return f"run {up}, which removes {group} from these datasets' access lists unless a file declares it"
    if not access.certain:
        return f"check whether {access.role}, which cannot be read, includes bigquery.tables.getData"
    return f"revoke the role on the {access.where}, and grant access to single datasets instead"
