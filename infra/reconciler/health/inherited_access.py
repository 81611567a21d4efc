"""Who reads datasets through roles on the project, or on what it is in, whatever the datasets' own lists say. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.google.iam import roles
from reconciler.google.iam.policies import Binding, Holder

#: More members, or datasets, are not named in one sentence.
_MOST_NAMED = 6

#: The entries of a dataset's access list, as BigQuery's REST resource has them.
AccessList = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Reading:
    """One binding by which somebody reads datasets; `certain` unless nobody may see what the role permits."""

    members: tuple[str, ...]
    role: str
    where: str
    condition: str | None
    certain: bool
    datasets: tuple[str, ...]

    def __str__(self) -> str:
        verb = "read" if len(self.members) > 1 else "reads"
        under = f', under the condition "{self.condition}"' if self.condition is not None else ""
        return (
            f"{named(self.members)} {verb if self.certain else 'may read'} {named(self.datasets)} "
            f"by {self.role} on the {self.where}{under}"
        )


def readings(
    holders: Iterable[Holder],
    permissions: Callable[[str], Collection[str] | None],
    lists: Mapping[str, AccessList | None],
    known: Collection[str],
) -> Iterator[Reading]:
    """Who reads which of some datasets, a binding each, from the project upwards.

    `lists` are the datasets with their live access lists, None where nobody could look. `permissions` tells what a role
    permits, None where nobody may see that. `known` are members who are let in by files: they are left out.
    """
    for holder in holders:
        for binding in holder.bindings or ():
            members = tuple(each for each in binding.members if each not in known and not each.startswith("deleted:"))
            if not members:
                continue
            opened = {id_: _reads(binding, lists[id_], permissions) for id_ in sorted(lists)}
            for reads in (True, None):
                datasets = tuple(id_ for id_, found in opened.items() if found is reads)
                if datasets:
                    yield Reading(members, binding.role, str(holder), binding.condition, reads is True, datasets)


def _reads(
    binding: Binding, entries: AccessList | None, permissions: Callable[[str], Collection[str] | None]
) -> bool | None:
    """Whether a role opens a dataset; None where that is not known.

    A basic one does where the dataset's list lets its special group in, any other one by what it permits.
    """
    group = roles.BASIC.get(binding.role)
    if group is not None:
        return None if entries is None else any(entry.get("specialGroup") == group for entry in entries)
    known = roles.reads(binding.role)
    return known if known is not None else roles.reads(binding.role, permissions(binding.role))


def named(names: Sequence[str]) -> str:
    """Some names in a sentence."""
    if len(names) > _MOST_NAMED:
        return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
