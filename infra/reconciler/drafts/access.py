"""A live access list → the grants that declare it, without what the environment gives anyway."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from reconciler.access import Entry, declared_entries, entry_of, foreign_entries, member_of, predefined_role
from reconciler.model import Dataset, Environment, Grant
from reconciler.specs.schemas import schema


@dataclass(frozen=True)
class Access:
    """`lost` are the entries that no file can say, in words: taking the dataset over takes them away."""

    grants: tuple[Grant, ...]
    sensitive: bool
    lost: tuple[str, ...]


def access_of(live: Iterable[Mapping[str, Any]], environment: Environment, writer: str | None) -> Access:
    """The grants of a dataset. It is sensitive unless everybody is let in whom the environment lets in by default."""
    there: set[Entry] = set()
    lost: list[str] = []
    for each in live:
        entry = entry_of(each)
        if entry is not None and entry.condition is None:
            there.add(entry)
        elif not foreign_entries([each]):
            lost.append(_in_words(each))
    always = set(declared_entries(environment, _dataset(sensitive=True), writer=writer))
    usual = set(declared_entries(environment, _dataset(sensitive=False), writer=writer))
    sensitive = not usual - always <= there
    members: dict[str, list[str]] = defaultdict(list)
    for entry in sorted(
        there - (always if sensitive else usual), key=lambda entry: (entry.role, entry.field, entry.member)
    ):
        role, member = predefined_role(entry.role), member_of(entry.at, environment.workgroups)
        if (
            entry.field not in ("specialGroup", "iamMember")
            and re.fullmatch(_members(), member)
            and re.fullmatch(_roles(), role)
        ):
            members[role].append(member)
        else:
            lost.append(_in_words(entry.as_property()))
    grants = tuple(Grant(role, tuple(names)) for role, names in sorted(members.items()))
    return Access(grants, sensitive, tuple(lost))


def _dataset(*, sensitive: bool) -> Dataset:
    return Dataset(id="", location="", sensitive=sensitive)


def _in_words(entry: Mapping[str, Any]) -> str:
    """An access entry for people: `roles/bigquery.dataViewer for specialGroup projectReaders`."""
    who = ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in entry.items()
        if key not in ("role", "condition")
    )
    condition = entry.get("condition")
    until = f", on the condition {condition.get('expression', condition)}" if isinstance(condition, Mapping) else ""
    return f"{predefined_role(str(entry.get('role')))} for {who}{until}"


@cache
def _members() -> str:
    return str(schema("unit")["$defs"]["member"]["pattern"])


@cache
def _roles() -> str:
    return str(schema("unit")["$defs"]["datasetGrant"]["properties"]["role"]["pattern"])
