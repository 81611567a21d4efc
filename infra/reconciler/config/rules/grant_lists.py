"""Read the grants of all documents leniently, for the rules about access."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import Any

from reconciler.config.schema.schemas import schema
from reconciler.config.specs import Specs, parse_day, string_items
from reconciler.config.yaml.document import Document, Path
from reconciler.google.bigquery.access import to_place
from reconciler.google.bigquery.access.member import Place
from reconciler.model import Condition

#: Where an environment's file has the roles in its Fivetran group.
FIVETRAN_ACCESS: Path = ("fivetran", "access")


@dataclass(frozen=True)
class FileGrant:
    """One grant of a file, whose role is a string."""

    document: Document
    path: Path
    role: str

    def members(self) -> Iterator[tuple[str, Path]]:
        """Yield the members that are strings, each with its path."""
        return string_items(self.document, *self.path, "members")

    def at(self, *path: str) -> Any:
        """Return a part of the grant, or None when it is missing."""
        return self.document.at(*self.path, *path)

    @cached_property
    def until(self) -> date | None:
        """The last day, when it is a date."""
        return parse_day(self.at("until"))

    @cached_property
    def condition(self) -> Condition | None:
        """The condition, when it has all that a condition needs."""
        title, expression, description = (self.at("condition", key) for key in ("title", "expression", "description"))
        if not isinstance(title, str) or not isinstance(expression, str):
            return None
        return Condition(title, expression, description if isinstance(description, str) else None)

    @property
    def is_readable(self) -> bool:
        """Return whether the grant's duration and condition could be read."""
        written = (self.at("until"), self.at("condition"))
        return written.count(None) >= 1 and (written.count(None) == 2 or (self.until or self.condition) is not None)


@dataclass(frozen=True)
class GrantList:
    """A list of grants in a file; empty where the file has no list."""

    document: Document
    path: Path

    def __iter__(self) -> Iterator[FileGrant]:
        grants = self.document.at(*self.path)
        for index in range(len(grants)) if isinstance(grants, list) else ():
            role = self.document.at(*self.path, index, "role")
            if isinstance(role, str):
                yield FileGrant(self.document, (*self.path, index), role)


def environment_grants(specs: Specs, *keys: str) -> Iterator[GrantList]:
    """Yield each environment's grants under these keys."""
    for environment in specs.environments.values():
        yield from (GrantList(environment, (key,)) for key in keys)


def dataset_grants(specs: Specs) -> Iterator[GrantList]:
    """Yield the `access` of every dataset."""
    for unit in specs.all_units():
        yield GrantList(unit, ("dataset", "access"))
        datasets = unit.at("datasets")
        if isinstance(datasets, dict):
            yield from (GrantList(unit, ("datasets", key, "access")) for key in datasets)


def fivetran_grants(specs: Specs) -> Iterator[GrantList]:
    """Yield the list of each environment with the roles in its Fivetran group.

    Its members are none of Google's.
    """
    yield from (GrantList(document, FIVETRAN_ACCESS) for document in specs.environments.values())


def all_grants(specs: Specs) -> Iterator[GrantList]:
    """Yield every list of grants in Google Cloud."""
    yield from environment_grants(specs, "automation", "default_access", "project_access")
    yield from dataset_grants(specs)


def find_place(specs: Specs, environment: str, member: object) -> Place | None:
    """Return the member in the form BigQuery stores; None where the schema or another rule reports it."""
    if not isinstance(member, str) or not re.fullmatch(_members(), member):
        return None
    workgroups = specs.setting(environment, "workgroups")
    if not isinstance(workgroups, str) or ("/" in member and lacks_subgroup(workgroups)):
        workgroups = None
    return to_place(member, workgroups)


def lacks_subgroup(pattern: str) -> bool:
    """Return whether a workgroup pattern has no place for a subgroup."""
    return "{workgroup}" in pattern and "{subgroup}" not in pattern


@cache
def _members() -> str:
    return str(schema("unit")["$defs"]["member"]["pattern"])
