"""Write files at once, so that neither an interrupt nor another process sees half of one."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from reconciler.model.errors import ReconcilerError

#: Characters of a file's name in that of its partial copy, which is a few longer: systems allow 255 bytes.
_LONGEST_NAME = 50


def require_writable(file: Path) -> None:
    """Check, before long work, that a file can be written. Writes nothing.

    Raises:
        ReconcilerError: It cannot be; the text is that of `write_file`.
    """
    target = file.resolve()
    folder = target.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise _not_writable(file, os.strerror(errno.ENOTDIR))
    # A file is replaced, a device or pipe is written to.
    if not os.access(target if target.exists() and not target.is_file() else folder, os.W_OK):
        raise _not_writable(file, os.strerror(errno.EACCES))


def write_file(file: Path, text: str) -> None:
    """Write a file atomically, since other processes may read it; create its folder if necessary.

    A link stays, and a device or pipe is written to.

    Raises:
        ReconcilerError: It cannot be written; nothing of it is left.
    """
    try:
        target = file.resolve()
        if target.exists() and not target.is_file():
            with target.open("w", encoding="utf-8") as stream:
                stream.write(text)
        else:
            replace_file(target, text.encode())
    except OSError as error:
        raise _not_writable(file, error.strerror) from None


def _not_writable(file: Path, reason: str | None) -> ReconcilerError:
    return ReconcilerError(f"{file}: cannot be written: {reason}\n    Name a file in a folder that you may write to.")


def replace_file(file: Path, content: bytes) -> None:
    """Replace a file at once and keep its permissions; an interrupt leaves the old one.

    Raises OSError.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name[:_LONGEST_NAME]}.{os.getpid()}")
    try:
        with partial.open("wb") as stream:
            if file.exists():
                shutil.copymode(file, partial)
            stream.write(content)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
