"""What the files of a run declare, as far as operations need it, recorded by the preflight before any change."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reconciler.config.places import Places
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration
from reconciler.resources.run.intent import Intent


class DeclaredInFiles:
    """The connections, datasets, packages and permissions of one run. Empty where no program runs (a destroy)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.is_preview = False
        """Whether this process serves a preview."""
        self._places: Places | None = None
        self._units: dict[str, str] = {}
        self._replaced: frozenset[str] = frozenset()
        self._left_groups: frozenset[str] = frozenset()
        self._permanent: dict[str, dict[str, bool]] = {}
        self._intents: dict[str, Intent] = {}
        self._not_looked_up: dict[str, Mapping[str, Any]] = {}
        self._datasets: dict[str, DatasetDeclaration] = {}
        self._existing_datasets: dict[str, tuple[Mapping[str, Any], ...] | None] = {}
        self._writer: str | None = None
        self._package_files: dict[str, str] = {}
        self._group_members: dict[str, tuple[str, str]] = {}

    def set_root(self, root: Path | None) -> None:
        """Set the folder that file names in messages are relative to; None forgets it."""
        self._places = None if root is None else Places(root)

    def locate(self, file: str, *path: str | int) -> str:
        """Return `file:line:col` of a key in a file, as `Places.find` does.

        A `pulumi refresh` that runs no program knows no files: it gets the file's name alone.
        """
        return self._places.find(file, *path) if self._places else file

    def set_connections(
        self,
        units: Mapping[str, str],
        replaced: Iterable[str] = (),
        left_groups: Iterable[str] = (),
        permanent: Mapping[str, Mapping[str, bool]] | None = None,
    ) -> None:
        """Record the connections.

        Args:
            units: Unit names by connection name.
            replaced: The connections that a file allows to give way to a new one.
            left_groups: The groups that the environment may leave for another.
            permanent: By connection name, the keys of config, by dotted paths, that do not change in a connection that
                exists, with whether its file allows that.
        """
        with self._lock:
            self._units = dict(units)
            self._replaced = frozenset(replaced)
            self._left_groups = frozenset(left_groups)
            self._permanent = {name: dict(paths) for name, paths in (permanent or {}).items()}

    def unit_of(self, connection_name: str) -> str | None:
        """Return the unit that declares a connection; None also where no program runs."""
        with self._lock:
            return self._units.get(connection_name)

    def may_replace(self, connection_name: str) -> bool:
        """Return whether a file allows this connection to give way to a new one."""
        with self._lock:
            return connection_name in self._replaced

    def may_leave(self, group: str) -> bool:
        """Return whether the environment may leave this group for another."""
        with self._lock:
            return group in self._left_groups

    def permanent_keys(self, connection_name: str) -> Mapping[str, bool]:
        """Return the keys of a connection's config that never change, with whether its file allows a new connection."""
        with self._lock:
            return self._permanent.get(connection_name, {})

    def recall_intents(self, intents: Mapping[str, Intent]) -> None:
        """Record the intents of earlier runs, by connection name."""
        with self._lock:
            self._intents = dict(intents)

    def intent(self, connection_name: str) -> Intent | None:
        """Return the intent of an earlier run to create a connection, unless it is used up."""
        with self._lock:
            return self._intents.get(connection_name)

    def set_not_looked_up(self, units: Mapping[str, Mapping[str, Any]]) -> None:
        """Record what files declare of connections that the preflight did not look up, by connection name."""
        with self._lock:
            self._not_looked_up = dict(units)

    def not_looked_up(self, connection_name: str) -> Mapping[str, Any] | None:
        """Return what a file declares of a connection that the preflight did not look up; None for any other."""
        with self._lock:
            return self._not_looked_up.get(connection_name)

    def set_datasets(
        self,
        declared: Iterable[DatasetDeclaration],
        existing: Mapping[str, tuple[Mapping[str, Any], ...] | None],
        writer: str | None = None,
    ) -> None:
        """Record the datasets.

        Args:
            declared: What files declare of them.
            existing: The access lists of those that exist, by id; None for one whose list was not read.
            writer: Fivetran's service account, where the preflight had to ask for it.
        """
        with self._lock:
            self._datasets = {each.id: each for each in declared}
            self._existing_datasets = dict(existing)
            self._writer = writer

    def dataset(self, dataset_id: str) -> DatasetDeclaration | None:
        """Return what a file declares of a dataset; None where no program runs."""
        with self._lock:
            return self._datasets.get(dataset_id)

    def dataset_exists(self, dataset_id: str) -> bool:
        """Return whether a declared dataset existed when the run began."""
        with self._lock:
            return dataset_id in self._existing_datasets

    def access_list(self, dataset_id: str) -> tuple[Mapping[str, Any], ...]:
        """Return the access list of a dataset as the preflight read it; empty where it did not."""
        with self._lock:
            return self._existing_datasets.get(dataset_id) or ()

    def writer(self) -> str | None:
        """Return Fivetran's service account where a preview knows it although no resource does yet."""
        with self._lock:
            return self._writer

    def set_package_file(self, sha256: str, path: str) -> None:
        """Record where a package's file is on this machine, by its hash."""
        with self._lock:
            self._package_files[sha256] = path

    def package_file(self, sha256: str) -> str:
        """Return where a package's file is on this machine; empty where no program runs."""
        with self._lock:
            return self._package_files.get(sha256, "")

    def set_group_members(self, members: Mapping[str, Iterable[str]]) -> None:
        """Record the path of the line, and the last day with the ticket, of each member of the Fivetran group."""
        with self._lock:
            self._group_members = {member: (path, terms) for member, (path, terms) in members.items()}

    def group_member(self, member: str) -> tuple[str, str]:
        """Return the path of a member's line, and its last day with the ticket; empty where there is none."""
        with self._lock:
            return self._group_members.get(member, ("", ""))
