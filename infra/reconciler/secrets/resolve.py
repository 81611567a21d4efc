"""Resolve every reference in a config tree, and report all missing ones at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from reconciler.model import Reference, references
from reconciler.model.errors import ReconcilerError
from reconciler.secrets.odd_values import OddValue, as_sent, inspect_value
from reconciler.secrets.resolvers import Resolver
from reconciler.secrets.values_to_mask import remember_values

#: Values fetched at once for one tree.
_AT_ONCE = 8


@dataclass(frozen=True)
class Resolved:
    """A tree with values in place of references, as they are sent, and which of them are odd."""

    tree: Any = field(repr=False)
    odd: tuple[OddValue, ...] = ()


class UnresolvedReferences(ReconcilerError):
    """Some references have no value; the text names each with its path in the file."""


@dataclass(frozen=True)
class _Missing:
    why: str


def resolve(tree: Any, resolvers: Iterable[Resolver]) -> Resolved:
    """Replace every reference in a JSON tree by its value, each fetched once.

    Raises `UnresolvedReferences` naming all that cannot be resolved. What is fetched here is not taken from, nor kept
    for, another request; only `values_to_mask` keeps it, for masking.
    """
    by_kind = {resolver.kind: resolver for resolver in resolvers}
    found = list(references(tree))
    distinct = list(dict.fromkeys(reference for _, reference in found))
    if len(distinct) > 1:
        with ThreadPoolExecutor(min(_AT_ONCE, len(distinct)), thread_name_prefix="resolve") as pool:
            fetched = list(pool.map(lambda reference: _fetch(reference, by_kind), distinct))
    else:
        fetched = [_fetch(reference, by_kind) for reference in distinct]
    outcomes = dict(zip(distinct, fetched, strict=True))
    values = {reference: value for reference, value in outcomes.items() if isinstance(value, str)}
    remember_values(values)
    missing = [f"{path}: {why.why}" for path, ref in found if isinstance(why := outcomes[ref], _Missing)]
    if missing:
        # Sorted, since a tree that went through the engine has lost the order of the file.
        raise UnresolvedReferences("; ".join(sorted(missing)))
    odd = (inspect_value(path, reference, values[reference]) for path, reference in found)
    sent = {reference: as_sent(reference, value) for reference, value in values.items()}
    return Resolved(_replace(tree, sent), tuple(each for each in odd if each is not None))


def _fetch(reference: Reference, by_kind: Mapping[str, Resolver]) -> str | _Missing:
    if reference.kind not in by_kind:
        return _Missing(f"{reference} cannot be resolved here")
    try:
        return by_kind[reference.kind].resolve(reference)
    except LookupError as error:
        return _Missing(str(error.args[0]))


def _replace(node: Any, values: Mapping[Reference, str]) -> Any:
    reference = Reference.parse(node)
    if reference is not None:
        return values[reference]
    if isinstance(node, Mapping):
        return {key: _replace(inner, values) for key, inner in node.items()}
    if isinstance(node, list):
        return [_replace(inner, values) for inner in node]
    return node
