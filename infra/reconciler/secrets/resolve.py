"""Resolving every reference in a config tree, with all that are missing named at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from reconciler.errors import ReconcilerError
from reconciler.model import Reference, references


class Resolver(Protocol):
    """One place where secrets are kept. `kind` is the key that a reference has in YAML."""

    kind: str

    def resolve(self, reference: Reference) -> str:
        """The secret's value; raises `LookupError` saying what is missing, never a value."""


@dataclass(frozen=True)
class Resolved:
    """A tree with values in place of references. `secrets` are those values, for scrubbing them out of messages."""

    tree: Any = field(repr=False)
    secrets: frozenset[str] = field(repr=False)


class UnresolvedReferences(ReconcilerError):
    """Some references stand for nothing; the text names each with its path in the file."""


def resolve(tree: Any, resolvers: Iterable[Resolver]) -> Resolved:
    """Replace every reference in a JSON tree by its value.

    Raises `UnresolvedReferences` naming all that cannot be resolved. Nothing is cached: a value lives as long as the
    request that needs it.
    """
    by_kind = {resolver.kind: resolver for resolver in resolvers}
    values: dict[Reference, str] = {}
    missing: list[str] = []
    for path, reference in references(tree):
        if reference in values:
            continue
        if reference.kind not in by_kind:
            missing.append(f"{path}: {reference} cannot be resolved here")
            continue
        try:
            values[reference] = by_kind[reference.kind].resolve(reference)
        except LookupError as error:
            missing.append(f"{path}: {error.args[0]}")
    if missing:
        # Sorted, since a tree that went through the engine has lost the order of the file.
        raise UnresolvedReferences("; ".join(sorted(missing)))
    return Resolved(_replace(tree, values), frozenset(values.values()))


def _replace(node: Any, values: Mapping[Reference, str]) -> Any:
    reference = Reference.parse(node)
    if reference is not None:
        return values[reference]
    if isinstance(node, Mapping):
        return {key: _replace(inner, values) for key, inner in node.items()}
    if isinstance(node, list):
        return [_replace(inner, values) for inner in node]
    return node
