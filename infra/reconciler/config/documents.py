"""What a set of documents says, read leniently: a part that is wrong or missing is simply not there.

The cross-file rules look through this, so that one fault in a file hides no other. Whether a part has the right shape
is the schema's business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from reconciler.config.build.packages import Looked
from reconciler.config.build.trust import Files
from reconciler.config.yaml.document import Document, Path
from reconciler.model import DestinationSchema
from reconciler.model.today import today

_FORMS = (
    {"schema"},
    {"schema", "table"},
    {"schema", "table_group_name"},
    {"schema_prefix"},
)


@dataclass(frozen=True)
class Specs:
    """Every document that could be read. An environment whose `environment.yaml` could not is not in `environments`."""

    environments: Mapping[str, Document]
    units: Mapping[str, Mapping[str, Document]]
    """By environment and name. Every folder is here, and in it every unit file whose YAML could be read."""
    names: Mapping[str, frozenset[str]]
    """The name of every unit file by environment, readable or not."""
    today: date = field(default_factory=today)
    packages: Mapping[tuple[str, str], Looked] = field(default_factory=dict)
    """The packages that units name, by environment and path."""
    trust_files: Files = field(default_factory=dict)
    """The files with certificates and public keys that units name."""

    def all_units(self) -> Iterator[Document]:
        """Every unit of every environment."""
        for units in self.units.values():
            yield from units.values()

    def writers(self, unit: Document) -> tuple[Document, ...]:
        """The units whose connector writes a dataset that this one declares, by their naming it."""
        return self._writers.get((unit.environment, unit.name), ())

    @cached_property
    def _writers(self) -> Mapping[tuple[str, str], tuple[Document, ...]]:
        writers: dict[tuple[str, str], list[Document]] = defaultdict(list)
        for unit in self.all_units():
            named = unit.at("dataset")
            if isinstance(named, str) and unit.has("connector") and named != unit.name:
                writers[unit.environment, named].append(unit)
        return {owner: tuple(units) for owner, units in writers.items()}

    def setting(self, environment: str, *path: str) -> Any:
        """A part of an environment's file; None when it is not there."""
        document = self.environments.get(environment)
        return None if document is None else document.at(*path)

    def group(self, environment: str) -> str:
        """The Fivetran group of an environment; a name that no other environment shares when it is not known."""
        group = self.setting(environment, "fivetran", "group")
        return group if isinstance(group, str) else f"/{environment}"

    def project(self, environment: str) -> str:
        """The GCP project of an environment; a name that no other environment shares when it is not known."""
        project = self.setting(environment, "gcp_project")
        return project if isinstance(project, str) else f"/{environment}"


def destination(unit: Document) -> DestinationSchema | None:
    """Where a unit's connector writes, when its `destination` has one of the forms."""
    node = unit.at("connector", "destination")
    if isinstance(node, dict) and set(node) in _FORMS and all(isinstance(name, str) for name in node.values()):
        return DestinationSchema(**node)
    return None


def declared(unit: Document) -> Iterator[tuple[str, Path]]:
    """The datasets a unit declares: the id of each and the way to its mapping."""
    target = destination(unit)
    if isinstance(unit.at("dataset"), dict):
        if not unit.has("connector"):
            named = unit.at("dataset", "id")
            yield named if isinstance(named, str) else unit.name, ("dataset",)
        elif target is not None and target.schema is not None:
            yield target.schema, ("dataset",)
    several = unit.at("datasets")
    if isinstance(several, dict) and target is not None and target.schema_prefix is not None:
        for key in several:
            if isinstance(several[key], dict):
                yield f"{target.schema_prefix}_{key}", ("datasets", key)


def strings(document: Document, *path: str | int) -> Iterator[tuple[str, Path]]:
    """The strings of a list with the way to each; nothing when it is no list."""
    items = document.at(*path)
    if isinstance(items, list):
        yield from ((item, (*path, index)) for index, item in enumerate(items) if isinstance(item, str))
