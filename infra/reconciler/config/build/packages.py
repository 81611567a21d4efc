"""Find, read and hash the ZIP files that units name as their connector's code."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.config.files import Limits, Unreadable, read_beside
from reconciler.config.schema import schemas
from reconciler.config.yaml.document import Document
from reconciler.model import Package

#: More than code needs by far; Fivetran does not document its own limit.
MAX_BYTES = 100 * 1024 * 1024

_LIMITS = Limits(
    most_bytes=MAX_BYTES,
    if_missing="check the path, relative to the environment's folder; `fivetran package` creates the ZIP file",
    if_special="name the ZIP file that `fivetran package` writes",
    if_large="remove everything that is not code",
)


def read_packages(specs_dir: Path, units: Iterable[Document]) -> dict[tuple[str, str], Package | Unreadable]:
    """Read each package that a unit names once, by environment and path."""
    named = named_packages(units)
    return {(of, path): _read_package(specs_dir / of / path, specs_dir, path) for of, path in named}


def named_packages(units: Iterable[Document]) -> set[tuple[str, str]]:
    """Return environment and path of each package that a unit names."""
    form = schemas.schema("unit")["$defs"]["connector"]["properties"]["package"]["pattern"]
    all_named = ((unit.environment, unit.at("connector", "package")) for unit in units)
    return {(of, path) for of, path in all_named if isinstance(path, str) and re.fullmatch(form, path)}


def valid_packages(packages: Mapping[tuple[str, str], Package | Unreadable], environment: str) -> dict[str, Package]:
    """Return an environment's packages without a problem, by path."""
    return {path: found for (of, path), found in packages.items() if of == environment and isinstance(found, Package)}


def _read_package(file: Path, specs_dir: Path, path: str) -> Package | Unreadable:
    content = read_beside(file, specs_dir, _LIMITS)
    if isinstance(content, Unreadable):
        return content
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return Unreadable("not a ZIP file", "create it with `fivetran package`")
    return Package(path, str(file.absolute()), hashlib.sha256(content).hexdigest(), content_hash(content))


#: Bytes of an unpacked archive up to which it is looked into: more than code needs by far.
MAX_UNPACKED = 1024 * 1024 * 1024

_CHUNK = 1024 * 1024

#: Files and folders that Python and file managers make. Python imports nothing from `__pycache__` without its source.
_LEFT_BEHIND = frozenset({"__pycache__", "__MACOSX", ".DS_Store"})


#: What `zipfile` and its decompressors raise for archives that are damaged, encrypted or of an unknown kind.
_UNREADABLE = (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError)


def content_hash(archive: bytes) -> str:
    """Return a hash of the names and bytes of the files in a ZIP file.

    Their order, times, permissions and compression do not count: each run of a packer writes them anew. Neither do
    folders and what programs leave beside the code (`_LEFT_BEHIND`). Of several entries of one name the last counts, as
    where they are unpacked. An archive that cannot be unpacked here (encrypted,
    damaged, or too large) counts by its own bytes.
    """
    files: dict[str, str] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            if sum(entry.file_size for entry in opened.infolist()) > MAX_UNPACKED:
                return _hash(archive)
            for entry in opened.infolist():
                name = posixpath.normpath(entry.filename)
                if not entry.is_dir() and _LEFT_BEHIND.isdisjoint(name.split("/")):
                    files[name] = _hash_entry(opened, entry)
    except _UNREADABLE:
        return _hash(archive)
    return _hash(json.dumps(sorted(files.items())).encode())


def _hash_entry(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    digest = hashlib.sha256()
    with opened.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
