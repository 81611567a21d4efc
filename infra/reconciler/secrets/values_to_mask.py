"""Keep every value that this process has resolved, so that it can be masked in any text.

Fivetran may quote what it was sent, now or long ago. Values are kept here to be looked for in such texts, and for
nothing else: what is sent is always fetched anew.
"""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from reconciler.model import Reference, references
from reconciler.secrets.odd_values import clean_value
from reconciler.secrets.resolvers import Resolver, resolvers

#: The API key of the run, which Fivetran may quote as well.
_API_KEY = ("FIVETRAN_APIKEY", "FIVETRAN_APISECRET")

#: Values fetched at once.
_AT_ONCE = 8

#: Seconds within which the first resource of a refresh has named every reference of the run.
_DECLARED_WITHIN_S = 5.0

_lock = threading.Lock()
_values: dict[Reference, set[str]] = {}
_declared: dict[Reference, None] = {}
_plain: set[str] = set()
_registered = threading.Event()


@dataclass(frozen=True)
class KnownValues:
    """Every value that a text may quote, and the paths of references whose value is unknown.

    `plain` are the texts that files declare openly, names above all.
    """

    values: frozenset[str] = field(repr=False)
    unknown: tuple[str, ...]
    plain: frozenset[str] = field(default=frozenset(), repr=False)

    def is_public(self, value: str) -> bool:
        """Return whether a value is declared openly too, such as a name that equals a secret."""
        folded = value.strip().casefold()
        return any(folded in text.casefold() for text in self.plain)


def remember_declared(trees: Iterable[object]) -> None:
    """Remember the files of this run: whose values a text may quote, and which texts are not secret."""
    found = list(trees)
    with _lock:
        for tree in found:
            _declared.update(dict.fromkeys(reference for _, reference in references(tree)))
            _plain.update(_plain_texts(tree))
    _registered.set()


def wait_until_declared() -> None:
    """Wait for `remember_declared`.

    The first resource of a refresh calls it while others are read already.
    """
    _registered.wait(_DECLARED_WITHIN_S)


def remember_values(values: Mapping[Reference, str]) -> None:
    """Remember values for the lifetime of the process, as they are kept and as they are sent."""
    with _lock:
        for reference, value in values.items():
            _values.setdefault(reference, set()).update({value, clean_value(value)})


def forget_values() -> None:
    """Forget everything, as at the start of a process."""
    with _lock:
        _values.clear()
        _declared.clear()
        _plain.clear()
        _registered.clear()


def known_values(trees: Iterable[object], *, ask: bool) -> KnownValues:
    """Return what a text about these trees may quote, and which of their references are unknown.

    Variables and config of this process are looked up, for every reference that files of the run declare. Secret
    Manager is asked for these trees only, and only with `ask`, which is for operations that write: a preview reads no
    secret.
    """
    found = list(trees)
    places = {reference: path for tree in found for path, reference in references(tree)}
    by_kind = {resolver.kind: resolver for resolver in resolvers()}
    with _lock:
        values, remembered = set().union(*_values.values()), set(_values)
        others = [reference for reference in _declared if reference not in places]
        plain = frozenset(_plain)
    unknown = []
    wanted = [each for each in places if each.kind != "secret" or (ask and each not in remembered)]
    looked_up = _look_up_all(wanted, by_kind)
    for reference, path in places.items():
        if (value := looked_up.get(reference)) is not None:
            values |= {value, clean_value(value)}
        elif reference not in remembered:
            unknown.append(path)
    for reference in others:
        if reference.kind in ("env", "pulumi_config"):
            value = _look_up(reference, by_kind[reference.kind])
            values |= set() if value is None else {value, clean_value(value)}
    return KnownValues(frozenset(values | _api_key()), tuple(sorted(unknown)), plain)


def known_values_of_run(*, ask: bool) -> KnownValues:
    """Return what a text about no unit may quote.

    `unknown` are all references whose value is not known.

    What only Fivetran has is left out: that belongs to one connection, and a text about that is about its unit. Before
    the files are read, nothing of the run is known.
    """
    if not _registered.is_set():
        return KnownValues(frozenset(), ("the files have not been read yet",))
    with _lock:
        declared = [reference for reference in _declared if not reference.held]
    return known_values([{str(reference): reference.as_node() for reference in declared}], ask=ask)


def known_value(reference: Reference) -> str | None:
    """Return the value of a reference as it is kept, or None where it cannot be had.

    Secret Manager is asked for it.
    """
    return _look_up(reference, {resolver.kind: resolver for resolver in resolvers()}[reference.kind])


def _api_key() -> set[str]:
    """Return the key, the secret, and the two as they are sent."""
    key, secret = (os.environ.get(name, "").strip() for name in _API_KEY)
    pair = base64.b64encode(f"{key}:{secret}".encode()).decode()
    return {value for value in (secret, pair) if key and secret}


def _plain_texts(tree: object) -> Iterable[str]:
    """Yield every string of a tree that is not a reference, and every key."""
    if Reference.parse(tree) is not None:
        return
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for key, node in tree.items():
            yield str(key)
            yield from _plain_texts(node)
    elif isinstance(tree, list | tuple):
        for node in tree:
            yield from _plain_texts(node)


def _look_up_all(wanted: list[Reference], by_kind: Mapping[str, Resolver]) -> dict[Reference, str | None]:
    """Look up values, several at once in Secret Manager."""
    asked = [reference for reference in wanted if reference.kind == "secret"]
    found = {each: _look_up(each, by_kind[each.kind]) for each in wanted if each.kind != "secret"}
    if asked:
        with ThreadPoolExecutor(min(_AT_ONCE, len(asked)), thread_name_prefix="look-up") as pool:
            found.update(zip(asked, pool.map(lambda each: _look_up(each, by_kind["secret"]), asked), strict=True))
    return found


def _look_up(reference: Reference, resolver: Resolver) -> str | None:
    try:
        value = resolver.resolve(reference)
    except LookupError:
        return None
    if reference.kind == "secret":
        remember_values({reference: value})  # so that Secret Manager is asked once
    return value
