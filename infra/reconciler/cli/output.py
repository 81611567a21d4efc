"""Progress on stderr, for a person who waits; nothing where nobody looks."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Literal

#: What could begin markup, a mention or HTML in the words of others.
_SPECIAL = re.compile(r"[\\`*_\[\]<>~|@#]")


def item(file: str | None, text: str) -> str:
    """A line of a list about a file, or about none. The text is shown as it is, on one line."""
    words = _SPECIAL.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))
    return f"- {words}" if file is None else f"- `{file}`: {words}"


@contextlib.contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Say what is going on while the block runs; the function is to be called after each of `total` steps."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 (slow to import, and seldom needed)
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def annotation(
    level: Literal["error", "warning", "notice"], text: str, *, file: str, line: int = 1, column: int = 1
) -> str:
    """One annotation of a file at a place; lines and columns count from 1."""
    place = f"file={_property(file)},line={line},col={column}"
    return f"::{level} {place}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
