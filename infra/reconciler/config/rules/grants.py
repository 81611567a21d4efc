"""The grants of all documents, read leniently: what the rules about access look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import Any

from reconciler.config.documents import Specs, strings
from reconciler.config.schema.schemas import schema
from reconciler.config.yaml.document import Document, Path
from reconciler.google.bigquery.access import place
from reconciler.google.bigquery.access.member import Place
from reconciler.model import Condition


@dataclass(frozen=True)
class Written:
    """One grant of a file, whose role is a text."""

    document: Document
    path: Path
    role: str

    def members(self) -> Iterator[tuple[str, Path]]:
        """The members that are texts, with the way to each."""
        return strings(self.document, *self.path, "members")

    def at(self, *path: str) -> Any:
        """A part of the grant, or None when it is not there."""
        return self.document.at(*self.path, *path)

    @cached_property
    def until(self) -> date | None:
        """The last day, when it is one."""
        return day_of(self.at("until"))

    @cached_property
    def condition(self) -> Condition | None:
        """The condition, when it has all that one needs."""
        title, expression, description = (self.at("condition", key) for key in ("title", "expression", "description"))
        if not isinstance(title, str) or not isinstance(expression, str):
            return None
        return Condition(title, expression, description if isinstance(description, str) else None)

    @property
    def is_readable(self) -> bool:
        """Whether it is known for how long it holds, or when."""
        said = (self.at("until"), self.at("condition"))
        return said.count(None) >= 1 and (said.count(None) == 2 or (self.until or self.condition) is not None)


@dataclass(frozen=True)
class GrantList:
    """A list of grants in a file, also where it is none."""

    document: Document
    path: Path

    def __iter__(self) -> Iterator[Written]:
        grants = self.document.at(*self.path)
        for index in range(len(grants)) if isinstance(grants, list) else ():
            role = self.document.at(*self.path, index, "role")
            if isinstance(role, str):
                yield Written(self.document, (*self.path, index), role)


def of_environments(specs: Specs, *keys: str) -> Iterator[GrantList]:
    """Every list of environments under these keys."""
    for environment in specs.environments.values():
        yield from (GrantList(environment, (key,)) for key in keys)


def of_datasets(specs: Specs) -> Iterator[GrantList]:
    """The `access` of every dataset."""
    for unit in specs.all_units():
        yield GrantList(unit, ("dataset", "access"))
        datasets = unit.at("datasets")
        if isinstance(datasets, dict):
            yield from (GrantList(unit, ("datasets", key, "access")) for key in datasets)


def everywhere(specs: Specs) -> Iterator[GrantList]:
    """Every list there is."""
    yield from of_environments(specs, "automation", "default_access", "project_access")
    yield from of_datasets(specs)


def placed(specs: Specs, environment: str, member: object) -> Place | None:
    """Where BigQuery keeps a member; None for what is none, which the schema or another rule tells."""
    if not isinstance(member, str) or not re.fullmatch(_members(), member):
        return None
    workgroups = specs.setting(environment, "workgroups")
    if not isinstance(workgroups, str) or ("/" in member and lacks_subgroup(workgroups)):
        workgroups = None
    return place(member, workgroups)


def lacks_subgroup(pattern: str) -> bool:
    """Whether a workgroup pattern, as far as it is one, has no room for a subgroup."""
    return "{workgroup}" in pattern and "{subgroup}" not in pattern


def day_of(said: object) -> date | None:
    """A day, when it is one that the calendar has."""
    try:
        return date.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None


@cache
def _members() -> str:
    return str(schema("unit")["$defs"]["member"]["pattern"])
