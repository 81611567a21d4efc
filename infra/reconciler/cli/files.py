"""Write files at once, so that neither an interrupt nor another process sees half of one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from reconciler.model.errors import ReconcilerError

#: Characters of a file's name in that of its partial copy, which is a few longer: systems allow 255 bytes.
_LONGEST_NAME = 50


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
        step = "Name a file in a folder that you may write to."
        raise ReconcilerError(f"{file}: cannot be written: {error.strerror}\n    {step}") from None


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
