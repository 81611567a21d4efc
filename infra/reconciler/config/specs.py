"""Read documents leniently for the rules across files: a wrong or missing part counts as absent.

So one fault in a file hides no other. The schema check reports whether a part has the right shape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from reconciler.config.build import lifecycle
from reconciler.config.build.trust import KINDS, Files, TrustEntry, TrustFault, TrustKind, parse_entries
from reconciler.config.files import UnreadableFile
from reconciler.config.schema import schemas
from reconciler.config.yaml.document import Document, Path
from reconciler.fivetran.catalog import Form
from reconciler.model import DestinationSchema, Package
from reconciler.model.policy import Never, Policy
from reconciler.model.today import today

_FORMS = [set(keys) for form in Form for keys in form.keys]


@dataclass(frozen=True)
class Specs:
    """Every document that could be read, by environment."""

    environments: Mapping[str, Document]
    units: Mapping[str, Mapping[str, Document]]
    """By environment and name. Every folder is here, and in it every unit file whose YAML could be read."""
    names: Mapping[str, frozenset[str]]
    """The name of every unit file by environment, readable or not."""
    today: date = field(default_factory=today)
    packages: Mapping[tuple[str, str], Package | UnreadableFile] = field(default_factory=dict)
    """The packages that units name, by environment and path."""
    trust_files: Files = field(default_factory=dict)
    """The files with certificates and public keys that units name."""

    def all_units(self) -> Iterator[Document]:
        """Yield every unit of every environment."""
        for units in self.units.values():
            yield from units.values()

    def writers(self, unit: Document) -> tuple[Document, ...]:
        """Return the units whose connector writes a dataset of this unit, by naming it."""
        return self._writers.get((unit.environment, unit.name), ())

    @cached_property
    def _writers(self) -> Mapping[tuple[str, str], tuple[Document, ...]]:
        writers: dict[tuple[str, str], list[Document]] = defaultdict(list)
        for unit in self.all_units():
            named = unit.at("dataset")
            if isinstance(named, str) and unit.has("connector") and named != unit.name:
                writers[unit.environment, named].append(unit)
        return {owner: tuple(units) for owner, units in writers.items()}

    @cached_property
    def trust(self) -> tuple[tuple[Document, TrustKind, tuple[TrustEntry | TrustFault, ...]], ...]:
        """What the `trust` of every unit declares: the unit, the kind, and its parsed entries."""
        return tuple(
            (unit, kind, tuple(parse_entries(unit.environment, kind, node, self.trust_files)))
            for unit in self.all_units()
            for kind in KINDS
            if (node := unit.at("connector", "trust", kind)) is not None
        )

    def policy(self, environment: str) -> Policy:
        """Return the policy of an environment, as far as it is valid."""
        return self._policies.get(environment, Policy())

    @cached_property
    def _policies(self) -> Mapping[str, Policy]:
        valid = {
            environment: schemas.valid_part("environment", ("properties", "policy"), document.at("policy"))
            for environment, document in self.environments.items()
        }
        return {environment: lifecycle.policy(part or {}) for environment, part in valid.items()}

    def setting(self, environment: str, *path: str) -> Any:
        """Return a part of an environment's file; None when it is missing."""
        document = self.environments.get(environment)
        return None if document is None else document.at(*path)

    def group(self, environment: str) -> str:
        """Return the environment's Fivetran group; a unique name when it is unknown."""
        group = self.setting(environment, "fivetran", "group")
        return group if isinstance(group, str) else f"/{environment}"

    def project(self, environment: str) -> str:
        """Return the environment's GCP project; a unique name when it is unknown."""
        project = self.setting(environment, "gcp_project")
        return project if isinstance(project, str) else f"/{environment}"


def read_expires(unit: Document) -> date | Never | None:
    """Read the last day of a unit, as far as it is valid."""
    node = unit.at("expires")
    return Never(str(node.get("never"))) if isinstance(node, Mapping) else parse_day(node)


def parse_day(node: object) -> date | None:
    """Parse a date; None when the calendar has no such day."""
    try:
        return date.fromisoformat(node) if isinstance(node, str) else None
    except ValueError:
        return None


def destination(unit: Document) -> DestinationSchema | None:
    """Return a unit's `destination`, when it has one of the valid forms."""
    node = unit.at("connector", "destination")
    if isinstance(node, dict) and set(node) in _FORMS and all(isinstance(name, str) for name in node.values()):
        return DestinationSchema(**node)
    return None


def declared_datasets(unit: Document) -> Iterator[tuple[str, Path]]:
    """Yield the id of each dataset that a unit declares, with the path of its mapping."""
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


def string_items(document: Document, *path: str | int) -> Iterator[tuple[str, Path]]:
    """Yield the strings of a list, each with its path; nothing when it is not a list."""
    items = document.at(*path)
    if isinstance(items, list):
        yield from ((item, (*path, index)) for index, item in enumerate(items) if isinstance(item, str))
