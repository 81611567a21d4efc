"""Record what the files of a run declare, as far as operations need it.

The preflight does so before any change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.config.places import Places
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration
from reconciler.resources.run.intent import Intent


@dataclass(frozen=True)
class DeclaredInFiles:
    """The connections, datasets, packages and permissions of one run.

    Empty where no program runs (a destroy).
    """

    is_preview: bool = False
    """Whether this process serves a preview."""
    places: Places | None = None
    """Where keys are in the files; None where a `pulumi refresh` runs no program."""
    units: Mapping[str, str] = field(default_factory=dict)
    """By connection name, the unit that declares it."""
    replaced: frozenset[str] = frozenset()
    """The connections that a file allows a new one to replace."""
    left_groups: frozenset[str] = frozenset()
    """The groups that the environment may leave for another."""
    permanent_keys: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """By connection name, the dotted paths of config that never change in a connection, with whether its file allows a
    new connection."""
    intents: Mapping[str, Intent] = field(default_factory=dict)
    """By connection name, the intent of an earlier run to create it, unless it is used up."""
    not_looked_up: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By connection name, what a file declares of a connection that the preflight did not look up."""
    datasets: Mapping[str, DatasetDeclaration] = field(default_factory=dict)
    access_lists: Mapping[str, tuple[Mapping[str, Any], ...] | None] = field(default_factory=dict)
    """The access lists of the datasets that existed when the run began, by id; None for one that was not read."""
    writer: str | None = None
    """Fivetran's service account, where a preview knows it although no resource does yet."""
    package_files: dict[str, str] = field(default_factory=dict)
    """By hash, where a package's file is on this machine. Each package adds its own."""
    group_members: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By member of the Fivetran group, the path of the line in the environment's file, and its terms."""

    def locate(self, file: str, *path: str | int) -> str:
        """Return `file:line:col` of a key in a file, or the file's name where no program runs."""
        return self.places.find(file, *path) if self.places else file

    def at_line(self, text: str, file: str, *path: str | int) -> str:
        """Put the line of a key before a text about it; where no program runs, return the text alone."""
        place = self.locate(file, *path)
        return text if place == file else f"{place}: {text}"
