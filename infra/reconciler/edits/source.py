"""Read a YAML file with the position of each node, so that an edit can keep all other bytes.

Unlike `config.yaml`, this reads files that have problems too: anchors, aliases and tags stay as they are.
"""

from __future__ import annotations

import bisect
import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from reconciler.config.yaml.document import Path, node_at, shown
from reconciler.model.errors import ReconcilerError
from reconciler.yaml_text.scalars import UnclearNumber, resolve

_BREAK = re.compile(r"\r\n|\n|\r")
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*(?:[ \t]+|(?=[\r\n]|$))(?:(?:#[^\r\n]*)?(?:\r\n|\n|\r)[ \t]*)*)+")
_BY_HAND = "Edit the file by hand."


class EditRejected(ReconcilerError):
    """A file cannot be edited by a command; the text names the place and the reason."""


@dataclass(frozen=True)
class Node:
    """A value in a text: `text[start:end]`, of which `text[inner:end]` is without anchor and tag."""

    kind: Literal["scalar", "mapping", "sequence", "alias"]
    start: int
    inner: int
    end: int
    is_flow: bool = False
    """Whether a mapping or list is written in braces or brackets."""
    style: str = ""
    """The quotation mark of a scalar, or the sign of its block: empty for a plain one."""
    value: str = ""
    entries: tuple[NodeEntry, ...] = ()
    """Of a mapping, or of a list, whose entries have no key."""


@dataclass(frozen=True)
class NodeEntry:
    """A key with its value, or a list item.

    `start` is where it begins: the key, the dash, or the item in brackets.
    """

    start: int
    key: Node | None
    value: Node

    @property
    def end(self) -> int:
        """Where its value ends."""
        return self.value.end


@dataclass(frozen=True)
class Splice:
    """A replacement of `text[start:end]`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Source:
    """The text of a file, without its byte-order mark, and its nodes."""

    file: str
    text: str
    root: Node
    data: Any
    """What the file says, with aliases resolved."""
    has_mark: bool = False
    """Whether the file begins with a byte-order mark."""

    @classmethod
    def read(cls, raw: bytes, file: str) -> Source:
        """Read a file. Raises `EditRejected` where it is no YAML."""
        has_mark = raw.startswith(codecs.BOM_UTF8)
        try:
            return cls._parse(raw.removeprefix(codecs.BOM_UTF8).decode("utf-8"), file, has_mark=has_mark)
        except UnicodeDecodeError:
            raise EditRejected(f"{file}: not UTF-8\n    Save the file as UTF-8.") from None

    @classmethod
    def _parse(cls, text: str, file: str, *, has_mark: bool) -> Source:
        try:
            reader = _Reader(text)
            root = reader.read()
            return cls(file, text, root, reader.data(root), has_mark)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
            raise EditRejected(f"{file}{place}: not valid YAML\n    Correct the file first.") from None
        except (yaml.YAMLError, RecursionError):
            raise EditRejected(f"{file}: not valid YAML\n    Correct the file first.") from None

    @property
    def raw(self) -> bytes:
        """The bytes of the file."""
        return (codecs.BOM_UTF8 if self.has_mark else b"") + self.text.encode("utf-8")

    def find(self, path: Path) -> Node | None:
        """Return the node at a path; None where the file has none. Raises `EditRejected` below an alias."""
        node = self.root
        for step in path:
            entry = self.entry(node, step)
            if entry is None:
                return None
            node = entry.value
        return node

    def entry(self, node: Node, step: str | int) -> NodeEntry | None:
        """Return the entry of a mapping with a key, or of a list with an index."""
        if node.kind == "alias":
            raise self.rejected(node.start, f"the alias {shown(self.text[node.start : node.end])} stands for the value")
        if isinstance(step, int):
            return node.entries[step] if node.kind == "sequence" and step < len(node.entries) else None
        if node.kind != "mapping":
            return None
        return next((each for each in node.entries if each.key is not None and each.key.value == step), None)

    def at(self, *path: str | int) -> Any:
        """Return the data at a path; None where the file has none."""
        return node_at(self.data, path)

    def where(self, *path: str | int) -> str:
        """Return `file:line:col` of a key, or of its nearest ancestor that the file has."""
        node, start = self.root, 0
        for step in path:
            entry = None if node.kind == "alias" else self.entry(node, step)
            if entry is None:
                break
            node, start = entry.value, entry.start if entry.key is not None else entry.value.start
        return self.place(start)

    def has_comment_above(self, path: Path) -> bool:
        """Return whether the line above a key is a comment."""
        parent = self.find(path[:-1])
        entry = self.entry(parent, path[-1]) if parent is not None else None
        if entry is None or (start := self.line_start(entry.start)) == 0:
            return False
        above = self.line_start(start - 1 if self.text[start - 2 : start] != "\r\n" else start - 2)
        return self.text[above:start].lstrip().startswith("#")

    def place(self, at: int) -> str:
        """Return `file:line:col` of a position in the text."""
        line_start = self.line_start(at)
        return f"{self.file}:{len(_BREAK.findall(self.text, 0, at)) + 1}:{at - line_start + 1}"

    def rejected(self, at: int, message: str, hint: str = _BY_HAND) -> EditRejected:
        """Return the error for a position in the text."""
        return EditRejected(f"{self.place(at)}: {message}\n    {hint}")

    def line_start(self, at: int) -> int:
        """Return where the line of a position begins."""
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def line_end(self, at: int) -> int:
        """Return where the line of a position ends, before its line break."""
        found = _BREAK.search(self.text, at)
        return len(self.text) if found is None else found.start()

    def next_line(self, at: int) -> int:
        """Return where the line after a position begins; the end of the text after the last one."""
        found = _BREAK.search(self.text, at)
        return len(self.text) if found is None else found.end()

    def line_break(self, at: int) -> str:
        """Return the line break that the text has next to a position."""
        found = _BREAK.search(self.text, at)
        if found is None and (before := _BREAK.findall(self.text, 0, at)):
            return str(before[-1])
        return "\n" if found is None else found[0]

    def apply(self, splices: list[Splice], expected: Any) -> Source:
        """Return the text with replacements.

        Raises `EditRejected` unless it then says exactly what is expected.
        """
        text = self.text
        for each in sorted(splices, key=lambda splice: (splice.start, splice.end), reverse=True):
            text = f"{text[: each.start]}{each.text}{text[each.end :]}"
        changed = splices[0].start if splices else 0
        try:
            edited = Source._parse(text, self.file, has_mark=self.has_mark)
        except EditRejected:
            raise self.rejected(changed, "a command cannot change this form of YAML") from None
        if _comparable(edited.data) != _comparable(expected):
            raise self.rejected(changed, "a command cannot change this value without another one")
        return edited


def _comparable(data: Any) -> str:
    return json.dumps(data, sort_keys=True, default=str)


class _Reader:
    """Builds nodes from libyaml's events. Block mappings and lists end with their last value."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._dashes: list[int] = [
            token.start_mark.index for token in _tokens(text) if isinstance(token, yaml.BlockEntryToken)
        ]
        self._anchors: dict[str, Node] = {}

    def read(self) -> Node:
        """Return the node of the only document."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise yaml.YAMLError
        root = self._node(next(self._events))
        next(self._events)
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            raise yaml.YAMLError
        return root

    def data(self, node: Node, within: tuple[int, ...] = ()) -> Any:
        """Return what a node says, each alias as a copy of its own."""
        if node.kind == "alias":
            target = self._anchors.get(node.value)
            return None if target is None or target.start in within else self.data(target, within)
        if node.kind == "scalar":
            return node.value if node.style else _plain(node.value)
        inside = (*within, node.start)
        if node.kind == "sequence":
            return [self.data(each.value, inside) for each in node.entries]
        return {_key(each): self.data(each.value, inside) for each in node.entries}

    def _node(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.AliasEvent):
            return Node("alias", start, start, end, value=event.anchor or "")
        has_properties = event.anchor is not None or event.tag is not None
        found = _PROPERTIES.match(self._text, start) if has_properties else None
        inner = found.end() if found is not None else start
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, start, inner, end)
        else:
            node = self._collection(event, start, inner)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any, start: int, inner: int, end: int) -> Node:
        style = event.style or ""
        if style in ("|", ">") and not re.match(r"[|>]\d?\+", self._text[inner:]):
            end = inner + len(self._text[inner:end].rstrip(" \r\n"))
        elif style in ("|", ">"):
            end = inner + len(re.sub(r"(\r\n|\n|\r)[ ]*\Z", "", self._text[inner:end]))
        return Node("scalar", start, inner, max(inner, end), style=style, value=event.value)

    def _collection(self, event: Any, start: int, inner: int) -> Node:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        entries: list[NodeEntry] = []
        while not isinstance(following := next(self._events), yaml.CollectionEndEvent):
            first = self._node(following)
            if is_mapping:
                entries.append(NodeEntry(first.start, first, self._node(next(self._events))))
            else:
                entries.append(NodeEntry(first.start if event.flow_style else self._dash(first.start), None, first))
        if event.flow_style:
            end = following.end_mark.index if following.end_mark is not None else inner
        else:
            end = entries[-1].end if entries else inner
            start_of_first = entries[0].start if entries else inner
            inner, start = (start_of_first, min(start, start_of_first))
        kind: Literal["mapping", "sequence"] = "mapping" if is_mapping else "sequence"
        return Node(kind, start, inner, end, is_flow=bool(event.flow_style), entries=tuple(entries))

    def _dash(self, at: int) -> int:
        """Return the position of the dash before a list item.

        A list within the item begins with a dash of its own.
        """
        return self._dashes[bisect.bisect_left(self._dashes, at) - 1]


def _tokens(text: str) -> Iterator[Any]:
    return iter(yaml.scan(text, Loader=yaml.CSafeLoader))


def _plain(text: str) -> Any:
    try:
        return resolve(text)
    except UnclearNumber:
        return {"unclear": text}


def _key(entry: NodeEntry) -> str:
    key = entry.key
    return "" if key is None else key.value if key.kind == "scalar" else f"<{key.kind}>"


@dataclass(frozen=True)
class Edited:
    """A file after an edit."""

    source: Source
    meaning: str
    """What the edit does, as the subject of a commit: an imperative without a full stop."""
    notes: tuple[str, ...] = ()
    """What the user should know or do next."""
