"""Plain config trees, and the references in them: where a secret value is kept, in place of the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

#: A value as YAML 1.2 or JSON has it. `None` never stands in a file: a key that says nothing is left out.
Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

#: The kinds of references: the key that says where the value is kept, and the keys that may stand beside it.
REFERENCE_KEYS: Mapping[str, frozenset[str]] = {
    "secret": frozenset({"version", "project", "exact"}),  # Google Secret Manager
    "env": frozenset({"version", "exact"}),  # an environment variable of the process that applies
    "pulumi_config": frozenset({"version", "exact"}),  # the stack's own config
    "held_by": frozenset(),  # Fivetran has the value: nothing is sent
}

#: What `held_by` may say.
FIVETRAN: Literal["fivetran"] = "fivetran"


@dataclass(frozen=True)
class Reference:
    """Where a secret value is kept. It stands in place of the value, at any depth of `config` and `auth`.

    A `version` is Secret Manager's for `secret`, where None is the latest, and the user's own count elsewhere. In the
    model a `secret` always has its `project`: the loader fills in what the environment says. With `exact` the value is
    sent byte by byte, without the report about line ends and other marks that are accidents mostly.
    """

    kind: Literal["secret", "env", "pulumi_config", "held_by"]
    name: str
    version: int | None = None
    project: str | None = None
    exact: bool = False

    @classmethod
    def parse(cls, node: object) -> Reference | None:
        """Read a node as a reference; None when it is anything else.

        A reference has exactly one of the keys that name a kind, with a text, and beside it only what that kind takes,
        each of its type. A whole number is one as well when the engine's wire format has made it a float.
        """
        if not isinstance(node, Mapping):
            return None
        kind = next((kind for kind in REFERENCE_KEYS if kind in node), None)
        if kind is None or not node.keys() - {kind} <= REFERENCE_KEYS[kind]:
            return None
        name, project, version = node[kind], node.get("project"), node.get("version")
        exact = node.get("exact", False)
        if not isinstance(name, str) or not isinstance(project, str | None) or not isinstance(exact, bool):
            return None
        if kind == "held_by" and name != FIVETRAN:
            return None
        if isinstance(version, float) and version.is_integer():
            version = int(version)
        if isinstance(version, bool) or not isinstance(version, int | None):
            return None
        return cls(cast(Any, kind), name, version, project, exact)

    @property
    def held(self) -> bool:
        """Whether Fivetran has the value already, so that there is nothing to send."""
        return self.kind == "held_by"

    def as_node(self) -> dict[str, Json]:
        """The reference as it stands in a config tree."""
        said = {self.kind: self.name, "version": self.version, "project": self.project, "exact": self.exact or None}
        return {key: value for key, value in said.items() if value is not None}

    def __str__(self) -> str:
        node = self.as_node()
        return "{" + ", ".join(f"{key}: {'true' if value is True else value}" for key, value in node.items()) + "}"


def references(tree: object, path: str = "") -> Iterator[tuple[str, Reference]]:
    """Every reference in a config tree with its dotted path (`secrets_list[0].value`), in the order of the file."""
    reference = Reference.parse(tree)
    if reference is not None:
        yield path, reference
    elif isinstance(tree, Mapping):
        for key, node in tree.items():
            yield from references(node, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for index, node in enumerate(tree):
            yield from references(node, f"{path}[{index}]")
