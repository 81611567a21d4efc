"""One parsed file: plain data, and where each part of it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from reconciler.model.errors import Problem, printable

#: The way to a node from the top of its file: keys and list indexes.
Path: TypeAlias = tuple[str | int, ...]
#: A line and a column, both from 1.
Place: TypeAlias = tuple[int, int]

START: Place = (1, 1)
_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Document:
    """A file's data as JSON-like values, with the places of its keys and values.

    Only mapping entries have a place in `keys`; every node has one in `values`. `plain` has the text of every scalar
    without quotes, `plain_keys` the way to every key without them. `name` is the file's stem and
    `environment` the folder it is in. Mappings that are `incomplete` have keys that could not be read, which was said:
    what they lack is not known.
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

    def at(self, *path: str | int) -> Any:
        """The node at a path, or None when the file has none there, whatever stands on the way."""
        node = self.data
        for step in path:
            if isinstance(node, dict):
                node = node.get(step)
            elif isinstance(node, list) and isinstance(step, int) and step < len(node):
                node = node[step]
            else:
                return None
        return node

    def has(self, key: str) -> bool:
        """Whether a key is at the top of the file, with or without a value."""
        return isinstance(self.data, dict) and key in self.data

    def on_key(self, path: Path, message: str, hint: str | None = None) -> Problem:
        """A problem at a key; for a list item or the top of the file, at the value itself."""
        line, column = self.keys.get(path) or self.values.get(path, START)
        return Problem(self.file, line, column, message, hint)

    def on_value(self, path: Path, message: str, hint: str | None = None) -> Problem:
        """A problem at a value."""
        line, column = self.values.get(path, START)
        return Problem(self.file, line, column, message, hint)

    def where(self, path: Path) -> str:
        """`file:line` of a key, to name a second place in a message."""
        line, _ = self.keys.get(path) or self.values.get(path, START)
        return f"{self.file}:{line}"


def shown(text: object) -> str:
    """A name from a file in backticks: cut to a readable length, and unable to forge a line or colour a terminal."""
    plain = printable(str(text))
    if not plain:
        return '""'
    return f"`{plain[:_LONGEST_SHOWN]}…`" if len(plain) > _LONGEST_SHOWN else f"`{plain}`"
