"""Every value that this process has resolved, so that none gets out by somebody else's words.

Fivetran may quote what it was sent, now or long ago. Values are kept here to be looked for in such texts, and for
nothing else: what is sent is always fetched anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.model import Reference, references
from reconciler.secrets.resolver import Resolver
from reconciler.secrets.resolvers import resolvers

_lock = threading.Lock()
_values: dict[Reference, set[str]] = {}


@dataclass(frozen=True)
class Known:
    """Everything resolved so far with what the trees refer to, and the paths in the trees whose value is not known."""

    values: frozenset[str] = field(repr=False)
    unknown: tuple[str, ...]


def remember(values: Mapping[Reference, str]) -> None:
    """Keep values in mind for as long as the process lives."""
    with _lock:
        for reference, value in values.items():
            _values.setdefault(reference, set()).add(value)


def forget() -> None:
    """Know nothing, as at the start of a process."""
    with _lock:
        _values.clear()


def known_values(trees: Iterable[object], *, ask: bool) -> Known:
    """What may stand in a text about these trees, and which of their references have values that nobody here knows.

    Variables and config of this process are looked up. Secret Manager is asked only with `ask`, which is for operations
    that write: a preview reads no secret.
    """
    places = {reference: path for tree in trees for path, reference in references(tree)}
    by_kind = {resolver.kind: resolver for resolver in resolvers()}
    with _lock:
        values, remembered = set().union(*_values.values()), set(_values)
    unknown = []
    for reference, path in places.items():
        if reference.kind == "secret" and (reference in remembered or not ask):
            value = None
        else:
            value = _look_up(reference, by_kind[reference.kind])
        if value is not None:
            values.add(value)
        elif reference not in remembered:
            unknown.append(path)
    return Known(frozenset(values), tuple(sorted(unknown)))


def _look_up(reference: Reference, resolver: Resolver) -> str | None:
    try:
        value = resolver.resolve(reference)
    except LookupError:
        return None
    if reference.kind == "secret":
        remember({reference: value})  # so that Secret Manager is asked once
    return value
