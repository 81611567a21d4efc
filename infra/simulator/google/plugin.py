"""Base of the plugin's resource types: their operations, and the bridge's treatment of values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from simulator.google.errors import PluginError
from simulator.google.state import Json

Properties = dict[str, Json]

#: The engine's text for an unknown value in previews.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True)
class Scope:
    """The context of an operation: the provider's configuration, and the resource's name in the program."""

    name: str = ""
    default_project: str | None = None
    attribution: bool = True
    """Whether the plugin adds the label `goog-pulumi-provisioned` to what it creates."""

    def project(self, inputs: Mapping[str, Json]) -> str:
        """Return the project of a resource: its own, else the provider's."""
        project = inputs.get("project") or self.default_project
        if not project:
            raise PluginError("project: required field is not set")
        return str(project)


class Kind(Enum):
    """How a property differs between the state and the inputs."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True)
class Change:
    """A difference. With `replaces`, the existing resource cannot be changed."""

    kind: Kind
    replaces: bool = False


@dataclass(frozen=True)
class Fault:
    """A problem that `check` finds in the inputs, in the plugin's words."""

    reason: str


@dataclass(frozen=True)
class Checked:
    """Inputs with the type's defaults, or their problems."""

    inputs: Properties
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Live:
    """A live resource: its id, its outputs, and the inputs that would declare it."""

    id: str
    outputs: Properties
    inputs: Properties = field(default_factory=dict)


class ResourceType(Protocol):
    """The operations of a resource type. They raise `PluginError`, and never wait."""

    #: Whether the plugin asks the engine to delete before creating a replacement. A program can override it.
    deletes_first: bool

    def target(self, scope: Scope, inputs: Mapping[str, Json]) -> str:
        """Return the id of a resource with these inputs."""

    def check(self, scope: Scope, inputs: Properties) -> Checked:
        """Validate inputs and fill in defaults."""

    def diff(
        self, scope: Scope, state: Properties, inputs: Properties, ignore: Collection[str] = ()
    ) -> Mapping[str, Change]:
        """Return the differences by property path (`labels.app`, `accesses[2]`).

        `ignore` are properties that keep their value in state.
        """

    def planned(
        self, scope: Scope, state: Properties | None, inputs: Properties, ignore: Collection[str] = ()
    ) -> Properties:
        """Return the outputs after a create (state None) or an update.

        Values that only the API has are unknown.
        """

    def create(self, scope: Scope, inputs: Properties) -> Live:
        """Create the resource."""

    def read(self, scope: Scope, id_: str, state: Properties, inputs: Properties) -> Live | None:
        """Read the live resource; None if it does not exist. Empty state and inputs mean an import by id."""

    def update(
        self, scope: Scope, id_: str, state: Properties, inputs: Properties, ignore: Collection[str] = ()
    ) -> Live:
        """Change the resource in place."""

    def delete(self, scope: Scope, id_: str, state: Properties) -> None:
        """Delete the resource, if it exists."""


def missing(resource: str, key: str, path: str) -> Fault:
    """Return the problem of a missing required input, by the plugin's key and Pulumi's path."""
    reason = f'The argument "{key}" is required, but no definition was found.'
    return Fault(f"Missing required argument. {reason}. Examine values at '{resource}.{path}'.")


def is_unknown(value: Json) -> bool:
    """Return whether a value is or contains an unknown value."""
    if isinstance(value, Mapping):
        return any(is_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(is_unknown(item) for item in value)
    return bool(value == UNKNOWN)


def refreshed_inputs(inputs: Json, outputs: Json) -> Json:
    """Return inputs after a refresh, as in the bridge: each given value is replaced by the live one."""
    if isinstance(inputs, dict) and isinstance(outputs, dict):
        return {key: refreshed_inputs(value, outputs[key]) for key, value in inputs.items() if key in outputs}
    if isinstance(inputs, list) and isinstance(outputs, list):
        return [refreshed_inputs(old, new) for old, new in zip(inputs, outputs, strict=False)]
    return outputs


def unknown_keys(inputs: Mapping[str, Json], known: Mapping[str, Json]) -> Iterator[str]:
    """Return the unknown inputs."""
    return (key for key in inputs if key not in known and not key.startswith("__"))


def value_changes(path: str, old: Json, new: Json, *, replaces: bool = False) -> dict[str, Change]:
    """Return the difference of two values: maps and blocks by key, others as a whole.

    None is a missing value.
    """
    if old == new:
        return {}
    if old is None or new is None or new == UNKNOWN or not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return {path: Change(_kind_of(old, new), replaces)}
    changes: dict[str, Change] = {}
    for key in sorted({*old, *new}):
        at = f'{path}["{key}"]' if re.search(r"[^\w-]", key) else f"{path}.{key}"
        changes |= value_changes(at, old.get(key), new.get(key), replaces=replaces)
    return changes


def map_changes(path: str, old: Json, new: Json) -> dict[str, Change]:
    """Return the difference of two maps. A map with an unknown value counts as unknown."""
    return value_changes(path, old, UNKNOWN if is_unknown(new) else new)


def _kind_of(old: Json, new: Json) -> Kind:
    return Kind.ADD if old is None else Kind.DELETE if new is None else Kind.UPDATE
