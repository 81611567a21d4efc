"""Read regular files of the specs folder, and nothing outside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: A pull request must not show or upload what else is on the machine.
LINK_OUT = "a symbolic link out of the specs folder"
LINK_HINT = "replace the link with the file itself"


@dataclass(frozen=True)
class FileRules:
    """What a file beside a unit has to be, and what to do when it is not."""

    most_bytes: int
    if_missing: str
    if_special: str
    if_large: str


@dataclass(frozen=True)
class UnreadableFile:
    """Why a file is not read, and what to do."""

    problem: str
    hint: str


#: The bytes of files that are not written yet, by path; None for a deleted one.
Edited = Mapping[Path, bytes | None]


def read_beside(file: Path, specs_dir: Path, limits: FileRules, edited: Edited | None = None) -> bytes | UnreadableFile:
    """Return the bytes of a file that a unit names."""
    if edited and (content := edited.get(file)) is not None:
        return content
    try:
        if not file.resolve(strict=True).is_relative_to(specs_dir.resolve()):
            return UnreadableFile(LINK_OUT, LINK_HINT)
        content = read_regular(file, limits.most_bytes)
    except OSError as error:
        return UnreadableFile(f"cannot be read: {error.strerror}", limits.if_missing)
    if content is None:
        return UnreadableFile("not a regular file", limits.if_special)
    if len(content) > limits.most_bytes:
        return UnreadableFile(f"larger than {_format_size(limits.most_bytes)}", limits.if_large)
    return content


def read_regular(file: Path, most_bytes: int) -> bytes | None:
    """Return a file's bytes, at most one more than allowed; None when it is not a regular file.

    Raises OSError.
    """
    # Without O_NONBLOCK, opening a pipe that no process writes would wait for ever.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(most_bytes + 1)


def _format_size(size: int) -> str:
    return f"{size // 1024**2} MiB" if size >= 1024**2 else f"{size // 1024} KiB"
