"""Read what `trust` of a unit declares, with the files that it names, each once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, Literal, TypeAlias

from reconciler.config.files import Edited, FileRules, UnreadableFile, read_beside
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.fivetran import public_keys
from reconciler.model import ANY, Certificate, HostKey, Trust

#: More than any chain of certificates by an order of magnitude.
MAX_BYTES = 64 * 1024

_LIMITS = FileRules(
    most_bytes=MAX_BYTES,
    if_missing="check the path, relative to the environment's folder",
    if_special="name a file with certificates or public keys",
    if_large="keep only what this source needs",
)

TrustKind: TypeAlias = Literal["certificates", "fingerprints"]
KINDS: tuple[TrustKind, ...] = ("certificates", "fingerprints")

#: The keys of an entry that hold what is trusted, of which it has one.
_CONTENT: Mapping[str, tuple[str, ...]] = {"certificates": ("file", "pem"), "fingerprints": ("file", "key")}
_PATH = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_EXAMPLES = {"certificates": "{file: database-ca.pem}", "fingerprints": "{file: tunnel.pub}"}


#: The text of each file that a unit names, or why it is not read, by environment and path.
Files: TypeAlias = Mapping[tuple[str, str], str | UnreadableFile]


@dataclass(frozen=True)
class TrustFault:
    """What is wrong with a value, with its path in the unit."""

    path: Path
    message: str
    hint: str | None = None


@dataclass(frozen=True)
class TrustEntry:
    """One certificate or host key, with the path of its value."""

    path: Path
    item: Certificate | HostKey


def read_files(specs_dir: FilePath, units: Iterable[Document], edited: Edited | None = None) -> Files:
    """Read every file that a unit's `trust` names, each once."""
    return {(of, path): _read(specs_dir / of / path, specs_dir, edited) for of, path in named_files(units)}


def named_files(units: Iterable[Document]) -> set[tuple[str, str]]:
    """Return environment and path of each file that a unit's `trust` names."""
    return {
        (unit.environment, path)
        for unit in units
        for kind in KINDS
        for path in _paths(unit.at("connector", "trust", kind))
    }


def build_trust(environment: str, node: Any, found: Files) -> Trust | None:
    """Build the trust that a valid `trust` declares."""
    if not isinstance(node, dict):
        return None
    of_kind: dict[str, Any] = {}
    for kind in KINDS:
        declared_here = node.get(kind)
        if declared_here is not None:
            items = [
                each.item
                for each in parse_entries(environment, kind, declared_here, found)
                if isinstance(each, TrustEntry)
            ]
            of_kind[kind] = ANY if declared_here == ANY else tuple(items)
    return Trust(**of_kind)


def parse_entries(environment: str, kind: str, node: Any, found: Files) -> Iterator[TrustEntry | TrustFault]:
    """Parse a list under `trust`, entry by entry. No message quotes a value that may be a key."""
    at: Path = ("connector", "trust", kind)
    if private := list(_private_keys(node, at)):
        yield from private
        return
    if isinstance(node, str) and node != ANY:
        yield TrustFault(at, f"expected {ANY}, or a list", f"write it like `{kind}: [{_EXAMPLES[kind]}]`")
    for index, entry in enumerate(node if isinstance(node, list) else ()):
        if isinstance(entry, dict):
            yield from _entry(environment, kind, entry, (*at, index), found)


def _entry(
    environment: str, kind: str, entry: dict[str, Any], at: Path, found: Files
) -> Iterator[TrustEntry | TrustFault]:
    file, hash_ = entry.get("file"), entry.get("hash")
    first, second = _CONTENT[kind]
    content = entry.get(second)
    given = [key for key in (first, second) if isinstance(entry.get(key), str)]
    if len(given) > 1:
        yield TrustFault(at, f"{shown(first)} and {shown(second)} in one entry", "make two entries of them")
        return
    if isinstance(hash_, str) and not public_keys.is_hash(hash_):
        hint = "copy it from the failed setup test"
        yield TrustFault((*at, "hash"), "expected a SHA-256 hash in Base64: 44 characters, the last one =", hint)
        return
    if not given:
        if kind == "certificates" and isinstance(hash_, str):
            yield TrustEntry((*at, "hash"), Certificate(hash_))
        elif kind == "fingerprints" and isinstance(hash_, str):
            yield TrustFault(at, f"{shown('hash')} without {shown('key')}", "add the host's public key")
        return
    if kind == "certificates" and isinstance(hash_, str):
        yield TrustFault((*at, "hash"), f"{shown('hash')} is computed from the certificate", "remove it")
        return
    if isinstance(file, str):
        named = found.get((environment, file))
        if not isinstance(named, str):
            yield _file_fault(file, named, (*at, "file"))
            return
        content = named
    place = (*at, given[0])
    try:
        items = _parsed(kind, str(content))
    except public_keys.Unusable as unusable:
        yield _content_fault(unusable, file, place)
        return
    for item in items:
        if isinstance(item, HostKey) and isinstance(hash_, str):
            yield TrustEntry(place, replace(item, hash=hash_))
        else:
            yield TrustEntry(place, item)


def _private_keys(node: Any, at: Path) -> Iterator[TrustFault]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, value in inner:
        yield from _private_keys(value, (*at, step))
    if isinstance(node, str) and node != ANY:
        try:
            public_keys.reject_private_key(node)
        except public_keys.Unusable as unusable:
            yield TrustFault(at, unusable.problem, unusable.hint)


def _parsed(kind: str, text: str) -> list[Certificate] | list[HostKey]:
    return public_keys.read_certificates(text) if kind == "certificates" else public_keys.read_host_keys(text)


def _content_fault(unusable: public_keys.Unusable, file: str | None, place: Path) -> TrustFault:
    inside = f"{shown(file)} holds " if file is not None else ""
    return TrustFault(place, f"{inside}{unusable.problem}", unusable.hint)


def _file_fault(file: str, named: UnreadableFile | None, place: Path) -> TrustFault:
    if named is None:
        hint = "put the text of a certificate under `pem`, of a public key under `key`"
        return TrustFault(place, "expected the path of a file in this folder or below", hint)
    return TrustFault(place, f"{shown(file)}: {named.problem}", named.hint)


def _paths(node: Any) -> Iterator[str]:
    for entry in node if isinstance(node, list) else ():
        path = entry.get("file") if isinstance(entry, dict) else None
        if isinstance(path, str) and _PATH.fullmatch(path):
            yield path


def _read(file: FilePath, specs_dir: FilePath, edited: Edited | None) -> str | UnreadableFile:
    content = read_beside(file, specs_dir, _LIMITS, edited)
    return content if isinstance(content, UnreadableFile) else content.decode("utf-8-sig", "replace")
