"""Grant and revoke access to a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from reconciler.config.yaml.document import Path, shown
from reconciler.edits.source import Edited, EditRejected, Source
from reconciler.edits.splices import append, order_below, remove, set_value
from reconciler.google.bigquery.access import basic_role, to_place
from reconciler.model import Environment, Grant, commands


def find_dataset(source: Source, name: str, key: str | None) -> Path:
    """Return the path of the dataset that a unit declares.

    Args:
        source: The unit's file.
        name: The unit.
        key: Which one of several, by its key in `datasets`.
    """
    several, one = source.at("datasets"), source.at("dataset")
    if isinstance(several, dict) and several:
        if key is None and len(several) == 1:
            key = next(iter(several))
        if key is None or key not in several:
            wanted = f"no dataset {shown(key)}" if key is not None else "several datasets"
            raise EditRejected(
                f"{source.where('datasets')}: {name} has {wanted}\n    Choose with --dataset: {', '.join(several)}."
            )
        return ("datasets", key)
    if isinstance(one, str):
        raise EditRejected(
            f"{source.where('dataset')}: {one} declares the dataset of {name}\n    Name {one} in place of {name}."
        )
    if key is not None:
        raise EditRejected(f"{source.where('dataset')}: {name} has one dataset\n    Leave out --dataset.")
    return ("dataset",)


def grant(source: Source, environment: Environment, name: str, dataset: Path, wanted: Grant) -> Edited:
    """Give a member a role on a dataset. A grant that ends earlier is replaced.

    Args:
        source: The unit's file.
        environment: Its environment, which knows the groups of workgroups.
        name: The unit.
        dataset: The path of the dataset in the file.
        wanted: The grant, with one member.
    """
    [member] = wanted.members
    until = None if wanted.until is None else str(wanted.until)
    given = [
        each for each in _find(source, environment, dataset, member) if basic_role(each.role) == basic_role(wanted.role)
    ]
    for each in reversed(given):
        if each.until == until and each.ticket == wanted.ticket and not each.has_condition:
            return Edited(source, f"{member} has {wanted.role} already")
        if each.has_condition or each.until is None or (until is not None and each.until > until):
            ends = f"until {each.until}" if each.until else "with a condition" if each.has_condition else "permanently"
            step = commands.reconciler("revoke", name, member, environment=environment.name)
            raise EditRejected(
                f"{source.where(*each.path)}: {member} has {each.role} {ends}\n    Revoke that first: {step}."
            )
        if each.is_alone and until is not None and wanted.ticket is not None and each is given[0]:
            edited = set_value(source, (*each.path, "until"), until)
            edited = set_value(edited, (*each.path, "ticket"), wanted.ticket)
            return _granted(edited, name, dataset, wanted, f"instead of until {each.until}")
        source = remove(source, each.removable, keep=dataset)
    content: dict[str, Any] = {"role": wanted.role, "members": [member]}
    content |= {} if wanted.ticket is None else {"ticket": wanted.ticket}
    content |= {} if until is None else {"until": until}
    edited = append(source, (*dataset, "access"), content, order=order_below("dataset"))
    return _granted(edited, name, dataset, wanted, "")


def revoke(
    source: Source, environment: Environment, name: str, dataset: Path, *, member: str, role: str | None
) -> Edited:
    """Remove a member from a dataset's grants, or from those of one role.

    A note says where access remains.
    """
    given = [
        each
        for each in _find(source, environment, dataset, member)
        if role is None or basic_role(each.role) == basic_role(role)
    ]
    inherited = tuple(_inherited(source, environment, dataset, member))
    if not given:
        what = f"gives {role} to" if role is not None else "names"
        near = _nearest_member(source, dataset, member)
        step = f"Did you mean {near}?" if near else "Look at its grants in the file."
        step = inherited[0] if inherited else step
        raise EditRejected(f"{source.where(*dataset, 'access')}: no grant {what} {member}\n    {step}")
    for each in reversed(given):
        source = remove(source, each.removable, keep=dataset)
    roles = ", ".join(dict.fromkeys(each.role for each in given))
    notes = (f"revokes {roles} from {member}", *inherited)
    return Edited(source, f"Revoke access to {_called(name, dataset)} from {member}", notes)


@dataclass(frozen=True)
class _Given:
    """A grant in a file that names a member."""

    path: Path
    member: int
    role: str
    ticket: str | None
    until: str | None
    has_condition: bool
    is_alone: bool

    @property
    def removable(self) -> Path:
        """The path of what goes with the member: the grant, or the member alone where it has others."""
        return self.path if self.is_alone else (*self.path, "members", self.member)


def _find(source: Source, environment: Environment, dataset: Path, member: str) -> Iterator[_Given]:
    grants = source.at(*dataset, "access")
    for index, each in enumerate(grants if isinstance(grants, list) else ()):
        members = each.get("members") if isinstance(each, dict) else None
        members = members if isinstance(members, list) else []
        for number, other in enumerate(members):
            if isinstance(other, str) and _is_same(other, member, environment):
                until, ticket = each.get("until"), each.get("ticket")
                yield _Given(
                    (*dataset, "access", index),
                    number,
                    str(each.get("role")),
                    ticket if isinstance(ticket, str) else None,
                    until if isinstance(until, str) else None,
                    "condition" in each,
                    len(members) == 1,
                )


def _nearest_member(source: Source, dataset: Path, member: str) -> str | None:
    """Return the member of the file's grants that is written most alike, with or without its kind."""
    grants = source.at(*dataset, "access")
    listed = (each.get("members") for each in grants if isinstance(each, dict)) if isinstance(grants, list) else ()
    known = [each for members in listed if isinstance(members, list) for each in members if isinstance(each, str)]
    written = {each.lower(): each for each in known} | {each.lower().partition(":")[2]: each for each in known}
    near = get_close_matches(member.lower(), written, n=1, cutoff=0.8)
    return None if not near or written[near[0]].lower() == member.lower() else written[near[0]]


def _is_same(one: str, other: str, environment: Environment) -> bool:
    places = to_place(one, environment.workgroups), to_place(other, environment.workgroups)
    return one.lower() == other.lower() or (places[0] is not None and places[0] == places[1])


def _inherited(source: Source, environment: Environment, dataset: Path, member: str) -> Iterator[str]:
    """Yield through which lists of the environment a member has access to the dataset all the same."""
    is_open = not source.at(*dataset, "sensitive") and source.at(*dataset, "default_access") is not False
    lists = {"automation": environment.automation, "default_access": environment.default_access if is_open else ()}
    for key, grants in lists.items():
        roles = [each.role for each in grants if any(_is_same(other, member, environment) for other in each.members)]
        if roles:
            yield f"{member} has {', '.join(roles)} through `{key}` in {environment.file}"


def _granted(source: Source, name: str, dataset: Path, wanted: Grant, before: str) -> Edited:
    until = f" until {wanted.until}" if wanted.until else ""
    ticket = f" ({wanted.ticket})" if wanted.ticket else ""
    meaning = f"Grant {wanted.members[0]} access to {_called(name, dataset)}{until}{ticket}"
    note = f"grants {wanted.role} to {wanted.members[0]}{until}" + (f", {before}" if before else "")
    return Edited(source, meaning, (note,))


def _called(name: str, dataset: Path) -> str:
    return f"{name}.{dataset[1]}" if len(dataset) > 1 else name
