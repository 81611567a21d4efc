"""Config trees as plain JSON, and the references in them, which name where a secret value is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

#: A value of YAML 1.2 or JSON. Files never have `None`: they leave out the key.
Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

#: The kinds of references: the key that names the place of the value, and the keys allowed beside it.
REFERENCE_KEYS: Mapping[str, frozenset[str]] = {
    "secret": frozenset({"version", "project", "exact"}),  # Google Secret Manager
    "env": frozenset({"version", "exact"}),  # an environment variable of the process that runs `up`
    "pulumi_config": frozenset({"version", "exact"}),  # the stack's config
    "held_by": frozenset(),  # Fivetran keeps the value, and runs send none
}

#: The value of `held_by`.
FIVETRAN: Literal["fivetran"] = "fivetran"


@dataclass(frozen=True)
class Reference:
    """The place where a secret value is kept, instead of the value, at any depth of `config` and `auth`.

    The `version` of a `secret` is Secret Manager's, and None is the latest; for other kinds, the user counts versions.
    In the model, each `secret` has a `project`: the loader fills in the environment's. With `exact`, runs send the
    value unchanged, and do not report line ends and other characters that are usually mistakes.
    """

    kind: Literal["secret", "env", "pulumi_config", "held_by"]
    name: str
    version: int | None = None
    project: str | None = None
    exact: bool = False

    @classmethod
    def parse(cls, node: object) -> Reference | None:
        """Read a node as a reference; return None if it is none.

        A reference has exactly one key that names a kind, with a text, and only the other keys of that kind. A version
        may be a float, because the engine's wire format has no whole numbers.
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
        """Whether Fivetran keeps the value, so that runs send none."""
        return self.kind == "held_by"

    def as_node(self) -> dict[str, Json]:
        """Return the reference as a node of a config tree."""
        fields = {self.kind: self.name, "version": self.version, "project": self.project, "exact": self.exact or None}
        return {key: value for key, value in fields.items() if value is not None}

    def __str__(self) -> str:
        node = self.as_node()
        return "{" + ", ".join(f"{key}: {'true' if value is True else value}" for key, value in node.items()) + "}"


def references(tree: object, path: str = "") -> Iterator[tuple[str, Reference]]:
    """Yield each reference in a config tree with its dotted path, in the file's order.

    A path is like `secrets_list[0].value`.
    """
    reference = Reference.parse(tree)
    if reference is not None:
        yield path, reference
    elif isinstance(tree, Mapping):
        for key, node in tree.items():
            yield from references(node, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for index, node in enumerate(tree):
            yield from references(node, f"{path}[{index}]")


def value_at(config: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path of a config; None where there is none."""
    node: Any = config
    for step in path.split("."):
        node = node.get(step) if isinstance(node, Mapping) else None
    return node


def comparison_key(value: Any) -> str:
    """Return a text that is the same for equal values. Fivetran takes 443 and "443" as equal."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
