"""A parsed file: plain data, and the place of each part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from reconciler.model.errors import Problem, printable

#: The way to a node from the top of its file: keys and list indexes.
Path: TypeAlias = tuple[str | int, ...]
#: A line and a column, both from 1.
Place: TypeAlias = tuple[int, int]

START: Place = (1, 1)
_LONGEST_SHOWN = 60


def node_at(data: Any, path: Iterable[str | int]) -> Any:
    """Return the node at a path of a file's data; None when it has none there."""
    node = data
    for step in path:
        if isinstance(node, Mapping):
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            node = node[step]
        else:
            return None
    return node


@dataclass(frozen=True)
class Document:
    """A file's data as JSON-like values, with the places of its keys and values.

    Only mapping entries have a place in `keys`; every node has one in `values`. `plain` has the text of every scalar
    without quotes, `plain_keys` the way to every key without them. `name` is the file's stem,
    `environment` the environment's folder, and `folder` the subfolder that the file is in, if any. `incomplete`
    mappings have keys that could not be read, which is reported: what they lack is not known.
    """

    environment: str
    name: str
    file: str
    data: Any
    keys: Mapping[Path, Place]
    values: Mapping[Path, Place]
    incomplete: frozenset[Path] = frozenset()
    plain: Mapping[Path, str] = field(default_factory=dict)
    plain_keys: frozenset[Path] = frozenset()
    folder: str = ""

    def at(self, *path: str | int) -> Any:
        """Return the node at a path; None when the file has none there."""
        return node_at(self.data, path)

    def has(self, key: str) -> bool:
        """Return whether a key is at the top of the file, with or without a value."""
        return isinstance(self.data, dict) and key in self.data

    def on_key(self, path: Path, message: str, hint: str | None = None) -> Problem:
        """Return a problem at a key; at the value for a list item or the top of the file."""
        line, column = self.keys.get(path) or self.values.get(path, START)
        return Problem(self.file, line, column, message, hint)

    def on_value(self, path: Path, message: str, hint: str | None = None) -> Problem:
        """Return a problem at a value."""
        line, column = self.values.get(path, START)
        return Problem(self.file, line, column, message, hint)

    def where(self, path: Path) -> str:
        """Return `file:line` of a key, to name a second place in a message."""
        line, _ = self.keys.get(path) or self.values.get(path, START)
        return f"{self.file}:{line}"


def shown(text: object) -> str:
    """Format a name in backticks: shortened, and with control characters escaped."""
    plain = printable(str(text))
    if not plain:
        return '""'
    return f"`{plain[:_LONGEST_SHOWN]}…`" if len(plain) > _LONGEST_SHOWN else f"`{plain}`"
