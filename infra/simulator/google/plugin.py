"""What the plugin's resource types have in common: their operations, and how the bridge underneath treats values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from simulator.google.errors import PluginError
from simulator.google.state import Json

Properties = dict[str, Json]

#: How the engine writes a value that is not known yet, in previews.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True)
class Scope:
    """Where an operation stands: the provider's configuration, and the resource's name in the program."""

    name: str = ""
    default_project: str | None = None
    attribution: bool = True
    """Whether the plugin adds the label `goog-pulumi-provisioned` to what it creates."""

    def project(self, inputs: Mapping[str, Json]) -> str:
        """The project of a resource: its own, else the provider's."""
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
    """One difference. A change that replaces cannot be made to the existing resource."""

    kind: Kind
    replaces: bool = False


@dataclass(frozen=True)
class Fault:
    """What check finds wrong with the inputs, as the plugin words it."""

    reason: str


@dataclass(frozen=True)
class Checked:
    """Inputs with the type's defaults, or what is wrong with them."""

    inputs: Properties
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Live:
    """A resource as it is: its id, its outputs, and the inputs that would describe it."""

    id: str
    outputs: Properties
    inputs: Properties = field(default_factory=dict)


class ResourceType(Protocol):
    """The operations of one resource type. They raise `PluginError`; none of them waits."""

    #: Whether the plugin asks the engine to delete before it creates a replacement. A program may decide otherwise.
    deletes_first: bool

    def target(self, scope: Scope, inputs: Mapping[str, Json]) -> str:
        """The id that a resource with these inputs has or will have."""

    def check(self, scope: Scope, inputs: Properties) -> Checked:
        """Validate inputs and fill in defaults."""

    def diff(
        self, scope: Scope, state: Properties, inputs: Properties, ignore: Collection[str] = ()
    ) -> Mapping[str, Change]:
        """The differences by property path (`labels.app`, `accesses[2]`); none means that nothing is to do.

        `ignore` are properties that stay as they are in state.
        """

    def planned(
        self, scope: Scope, state: Properties | None, inputs: Properties, ignore: Collection[str] = ()
    ) -> Properties:
        """The outputs after a create (state None) or an update, unknown where only the API can tell."""

    def create(self, scope: Scope, inputs: Properties) -> Live:
        """Make it."""

    def read(self, scope: Scope, id_: str, state: Properties, inputs: Properties) -> Live | None:
        """The live resource; None when it is gone. Empty state and inputs: it is being imported by its id."""

    def update(
        self, scope: Scope, id_: str, state: Properties, inputs: Properties, ignore: Collection[str] = ()
    ) -> Live:
        """Change it in place."""

    def delete(self, scope: Scope, id_: str, state: Properties) -> None:
        """Remove it; one that is gone already is fine."""


def missing(resource: str, key: str, path: str) -> Fault:
    """A required input that is not there, by the plugin's own key and by the path of Pulumi's property."""
    reason = f'The argument "{key}" is required, but no definition was found.'
    return Fault(f"Missing required argument. {reason}. Examine values at '{resource}.{path}'.")


def is_unknown(value: Json) -> bool:
    """Whether a value is, or holds, something not known yet."""
    if isinstance(value, Mapping):
        return any(is_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(is_unknown(item) for item in value)
    return bool(value == UNKNOWN)


def refreshed_inputs(inputs: Json, outputs: Json) -> Json:
    """Inputs after a refresh, as the bridge makes them: each value that was given, replaced by the live one."""
    if isinstance(inputs, dict) and isinstance(outputs, dict):
        return {key: refreshed_inputs(value, outputs[key]) for key, value in inputs.items() if key in outputs}
    if isinstance(inputs, list) and isinstance(outputs, list):
        return [refreshed_inputs(old, new) for old, new in zip(inputs, outputs, strict=False)]
    return outputs


def unknown_keys(inputs: Mapping[str, Json], known: Mapping[str, Json]) -> Iterator[str]:
    """The inputs that the type does not have."""
    return (key for key in inputs if key not in known and not key.startswith("__"))
