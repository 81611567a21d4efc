"""Hash what a run is made of: the files of each unit, and what all units share.

An apply records the hashes (`AppliedFiles`). A quick review compares them with those of its own files, and looks only
at the units that differ (decision 47).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.config import Loaded
from reconciler.config.folder import ENVIRONMENT_FILE
from reconciler.config.schema.schemas import SCHEMAS
from reconciler.model import Fleet

#: The package with all code of a run.
_CODE = Path(__file__).resolve().parents[1]

#: The packages beside it that decide what a resource looks like.
_PACKAGES = ("pulumi", "pulumi-gcp")

#: The type of the resource with the record in state, and the input that has it.
APPLIED_FILES = "pulumi-python:dynamic/reconciler:AppliedFiles"
SOURCES_INPUT = "sources"

#: A file with the names of the units that a preview looks at. `reconciler review --changed` sets it, together with a
#: backend that has a copy of the state without the others.
LOOK_AT_VARIABLE = "RECONCILER_LOOK_AT"

#: Hexadecimal digits of a hash: enough to distinguish the files of a unit, and 30 KB for a thousand units.
_DIGITS = 16

#: Why every unit counts as changed: what all units share, by its name in a record, and a record that is missing.
REASONS: Mapping[str, str] = {
    "code": "the reconciler's own code changed",
    "environment": f"{ENVIRONMENT_FILE} changed",
    "packages": f"the version of {' or '.join(_PACKAGES)} changed",
    "schemas": "a schema or the catalogue of services changed",
    "unrecorded": "no run has recorded which files it applied",
}


@dataclass(frozen=True)
class Sources:
    """The hashes of one environment: of what all units share, and of each unit."""

    shared: Mapping[str, str]
    units: Mapping[str, str]

    def as_text(self) -> str:
        """Return one line for state: a list would be a line for each unit in every diff."""
        pairs = [f"@{name}={digest}" for name, digest in sorted(self.shared.items())]
        return " ".join([*pairs, *(f"{name}={digest}" for name, digest in sorted(self.units.items()))])

    @classmethod
    def of(cls, text: str) -> Sources:
        """Read it back."""
        pairs = dict(pair.split("=", 1) for pair in text.split() if "=" in pair)
        shared = {name[1:]: digest for name, digest in pairs.items() if name.startswith("@")}
        return cls(shared, {name: digest for name, digest in pairs.items() if not name.startswith("@")})

    def without(self, units: Iterable[str]) -> Sources:
        """Return the hashes without those of some units."""
        left_out = frozenset(units)
        return Sources(self.shared, {name: each for name, each in self.units.items() if name not in left_out})


@dataclass(frozen=True)
class SourceChanges:
    """How the files of a run differ from those of the last applied run."""

    changed: frozenset[str]
    """The units that are new or differ."""
    removed: frozenset[str]
    """The units of the last applied run that no file declares."""
    unchanged: frozenset[str]
    reasons: tuple[str, ...] = ()
    """Why every unit counts as changed, by the keys of `REASONS`; empty where only the files of `changed` differ."""


def find_sources(loaded: Loaded, stack: str) -> Sources:
    """Return the hashes of a stack whose environment's files have no problem."""
    environment = loaded.stack(stack).environment.name
    files = loaded.sources[environment]
    linked = _linked(loaded.fleet(environment))
    units = {
        unit.name: _hash([files[unit.name], *sorted(files[each] for each in linked[unit.name])])
        for unit in loaded.stack(stack).units
    }
    shared = {
        "code": _hash_files(_CODE, ".py"),
        "environment": files[Path(ENVIRONMENT_FILE).stem][:_DIGITS],
        "packages": _hash(importlib.metadata.version(name) for name in _PACKAGES),
        "schemas": _hash_files(SCHEMAS, ".json"),
    }
    return Sources(shared, units)


def compare_sources(before: Sources | None, after: Sources) -> SourceChanges:
    """Compare the hashes of the last applied run, if it recorded any, with those of the files now."""
    now = frozenset(after.units)
    if before is None:
        return SourceChanges(now, frozenset(), frozenset(), ("unrecorded",))
    removed = frozenset(before.units) - now
    reasons = tuple(key for key in sorted(after.shared) if before.shared.get(key) != after.shared[key])
    if reasons:
        return SourceChanges(now, removed, frozenset(), reasons)
    changed = frozenset(name for name in now if before.units.get(name) != after.units[name])
    return SourceChanges(changed, removed, now - changed)


def _linked(fleet: Fleet) -> Mapping[str, set[str]]:
    """Return, by unit, the others whose files decide what its resources look like.

    A dataset gets its writer and its last day from the connectors that write it. These name the unit that declares it.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for unit in fleet.units:
        if unit.dataset_unit is not None:
            found[unit.name].add(unit.dataset_unit)
        for dataset in unit.all_datasets:
            found[unit.name] |= {writer.name for writer in fleet.writers_of(dataset)}
    return found


def _hash_files(root: Path, suffix: str) -> str:
    # With text for paths, since each run does this: 350 objects of pathlib take as long as reading the files.
    parts = []
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            if name.endswith(suffix):
                path = os.path.join(folder, name)  # noqa: PTH118
                with open(path, "rb", buffering=0) as file:  # noqa: PTH123
                    parts += [path[len(str(root)) :], _digest(file.read())]
    return _hash(parts)


def _hash(parts: Iterable[str]) -> str:
    return _digest("\n".join(parts).encode())[:_DIGITS]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
