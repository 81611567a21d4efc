"""Hash what is in a ZIP file, so that packing the same code again is not a change."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import posixpath
import zipfile
import zlib

#: Bytes of an unpacked archive up to which it is looked into: more than code needs by far.
MAX_UNPACKED = 1024 * 1024 * 1024

_CHUNK = 1024 * 1024

#: Files and folders that Python and file managers make. Python imports nothing from `__pycache__` without its source.
_LEFT_BEHIND = frozenset({"__pycache__", "__MACOSX", ".DS_Store"})

#: What `zipfile` and its decompressors raise for archives that are damaged, encrypted or of an unknown kind.
_UNREADABLE = (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError)


def is_archive(content: bytes) -> bool:
    """Return whether a file is a ZIP file."""
    return zipfile.is_zipfile(io.BytesIO(content))


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
