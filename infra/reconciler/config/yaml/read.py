"""Parse a YAML file into plain data with places, or report why it cannot be read.

Built on libyaml's events instead of a ready-made loader: those keep the last of two equal keys, read YAML 1.1
scalars, follow tags, expand aliases and recurse as deep as the file says. Anchors and aliases are rejected altogether:
a file stays small, what a reviewer reads at a line is all that is there, and nothing can explode.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from reconciler.config.yaml.document import START, Document, Path, Place, shown
from reconciler.config.yaml.syntax import SPACE, explain
from reconciler.model.errors import Problem, printable
from reconciler.yaml_text.scalars import UnclearNumber, resolve

#: A connection with a hundred thousand columns to exclude; read in about a second.
MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 50
#: Problems of one file after which it is read no further.
MAX_PROBLEMS = 10_000
#: The tags that say of a value what it is anyway.
_OWN_TAGS = {
    yaml.ScalarEvent: "tag:yaml.org,2002:str",
    yaml.MappingStartEvent: "tag:yaml.org,2002:map",
    yaml.SequenceStartEvent: "tag:yaml.org,2002:seq",
}
_EMPTY = 'an empty text is "", an empty list [], an empty mapping {}'

#: What YAML lets stand in a file as it is.
_NOT_ALLOWED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(
    raw: bytes, *, environment: str, name: str, file: str, folder: str = ""
) -> tuple[Document | None, list[Problem]]:
    """Read one file.

    The document is None when nothing of it can be used; the problems are all that were found.

    A null is a problem, and stays in the data as None so that the checks can pass over it. So is a value whose meaning
    is not here to be read: an alias, or a value with a tag of its own. Only that is reported, and nothing inside it.
    """
    text = _decoded(raw, file)
    if isinstance(text, Problem):
        return None, [text]
    reader = _Reader(text, file)
    try:
        data = reader.read()
    except _Stopped:
        return None, reader.problems
    except yaml.MarkedYAMLError as error:
        problem = explain(error, text, file)
        # `*abc def`: one problem is enough for a text that cannot begin so.
        is_reported = problem.line in reader.reported_lines
        return None, reader.problems if is_reported else [*reader.problems, problem]
    except yaml.YAMLError:
        return None, [*reader.problems, Problem(file, *START, "not valid YAML")]
    document = Document(
        environment,
        name,
        file,
        data,
        reader.keys,
        reader.values,
        frozenset(reader.incomplete),
        reader.plain,
        frozenset(reader.plain_keys),
        folder,
    )
    return document, reader.problems


def _decoded(raw: bytes, file: str) -> str | Problem:
    if len(raw) > MAX_BYTES:
        return Problem(file, *START, f"larger than {MAX_BYTES // 1024**2} MiB", "split it: a file describes one unit")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        return Problem(file, *_place_after(before), "not UTF-8", "save the file as UTF-8")
    if bad := _NOT_ALLOWED.search(text):
        place = _place_after(text[: bad.start()])
        return Problem(file, *place, f"the character U+{ord(bad[0]):04X} is not allowed in YAML", "remove it")
    return text


def _place_after(text: str) -> Place:
    return text.count("\n") + 1, len(text) - text.rfind("\n")


class _Stopped(Exception):
    """Nothing after this place can be read; `problems` has the reason."""


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.problems: list[Problem] = []
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self.incomplete: set[Path] = set()
        self.plain: dict[Path, str] = {}
        self.plain_keys: set[Path] = set()
        self.reported_lines: set[int] = set()
        self._open: list[str] = []
        self._in_themselves: set[str] = set()
        self._file = file
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)

    def read(self) -> Any:
        next(self._events)
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            self._stop(start, "the file is empty", "describe the unit, or delete the file")
        if start.version not in (None, (1, 2)):
            self._stop(start, "a %YAML directive for another version", "remove it: files are read as YAML 1.2")
        data = self._node(next(self._events), ())
        next(self._events)
        more = next(self._events)
        if isinstance(more, yaml.DocumentStartEvent):
            self._stop(more, "a second document", "move it to a file of its own")
        return data

    def _problem(self, event: Any, message: str, hint: str | None = None) -> None:
        mark = event.start_mark
        self._add(Problem(self._file, mark.line + 1, mark.column + 1, message, hint))

    def _add(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Stopped

    def _stop(self, event: Any, message: str, hint: str | None = None) -> None:
        self._problem(event, message, hint)
        raise _Stopped

    def _node(self, event: Any, path: Path) -> Any:
        mark = event.start_mark
        self.values[path] = (mark.line + 1, mark.column + 1)
        if isinstance(event, yaml.AliasEvent):
            self._report_once(event, f"an alias, {shown(f'*{event.anchor}')}", "write the value out where it is used")
            self._in_themselves |= {anchor for anchor in self._open if anchor == event.anchor}
            return None
        if event.anchor is not None:
            self._report_once(event, f"an anchor, {shown(f'&{event.anchor}')}", "write the value out where it is used")
        if event.tag is not None:
            self._report_once(
                event, f"a tag, {shown(_short(event.tag))}", "remove it: a value's type follows from its form"
            )
            if event.tag != _OWN_TAGS[type(event)]:
                self._skip(event, path)
                return None
        if event.anchor is not None:
            return self._anchored(event, path)
        return self._content(event, path)

    def _report_once(self, event: Any, message: str, hint: str) -> None:
        self._problem(event, message, hint)
        self.reported_lines.add(event.start_mark.line + 1)

    def _anchored(self, event: Any, path: Path) -> Any:
        """Read an anchored node as if it had no anchor, unless it is empty or contains itself."""
        if isinstance(event, yaml.ScalarEvent) and event.value == "" and event.implicit[0]:
            return None
        before = len(self.problems)
        self._open.append(event.anchor)
        value = self._content(event, path)
        self._open.pop()
        if event.anchor not in self._in_themselves:
            return value
        self._in_themselves.discard(event.anchor)
        del self.problems[before:]
        return None

    def _content(self, event: Any, path: Path) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} deep")
        return self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path)

    def _scalar(self, event: Any, path: Path) -> Any:
        if not event.implicit[0]:
            return event.value
        self.plain[path] = event.value
        try:
            value = resolve(event.value)
        except UnclearNumber as reason:
            self._problem(event, str(reason), "put it in quotes")
            return None
        if value is None:
            self._null(path)
        return value

    def _null(self, path: Path) -> None:
        line, column = self.keys.get(path) or self.values[path]
        last = path[-1] if path else "the file"
        if isinstance(last, int):
            message, hint = "a list item without a value", f"remove it, or give it a value: {_EMPTY}"
        elif path:
            message, hint = f"{shown(last)} has no value", f"remove the key, or give it a value: {_EMPTY}"
        else:
            message, hint = "the file is empty", "describe the unit, or delete the file"
        self._add(Problem(self._file, line, column, message, hint))

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any] | None:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, value = self._key(event), next(self._events)
            if key is None:
                self.incomplete.add(path)
                self._skip(value, path)
            elif _lacks_space(event, value):
                # What follows the colon is a part of the key, and may be a secret.
                name = shown(key.partition(":")[0])
                self._problem(event, f"no space after the colon of {name}", SPACE)
            elif key in entries:
                first = self.keys[(*path, key)]
                self._problem(event, f"{shown(key)} appears twice", f"remove it here or on line {first[0]}")
                self._skip(value, path)
            else:
                mark = event.start_mark
                self.keys[(*path, key)] = (mark.line + 1, mark.column + 1)
                if event.implicit[0]:
                    self.plain_keys.add((*path, key))
                entries[key] = self._node(value, (*path, key))
        return entries if entries or path not in self.incomplete else None

    def _key(self, event: Any) -> str | None:
        """Return a key that is a string; record a problem for any other."""
        if isinstance(event, yaml.AliasEvent):
            self._problem(event, "an alias as a key", "write the key out")
            return None
        if event.anchor is not None or event.tag is not None:
            self._problem(event, "a key with an anchor or a tag", "write the key alone")
        if not isinstance(event, yaml.ScalarEvent):
            self._problem(
                event, "a list or mapping as a key", "write a word as the key; quote a text that begins with { or ["
            )
            self._skip(event, ())
            return None
        if not event.implicit[0]:
            return str(event.value)
        if event.value == "<<":
            self._problem(event, "a merge key, `<<`", "write the keys out: YAML 1.2 has no merge")
            return None
        try:
            key = resolve(event.value)
        except UnclearNumber:
            key = 0
        if isinstance(key, str):
            return key
        self._problem(event, "a key that is not a string", f'put it in quotes: "{printable(event.value)[:60]}"')
        return None

    def _skip(self, event: Any, path: Path) -> None:
        """Pass over a node outside the data, without recursion."""
        depth = 0
        while True:
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if len(path) + depth > MAX_DEPTH:
                    self._stop(event, f"nested more than {MAX_DEPTH} deep")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth == 0:
                return
            event = next(self._events)


def _lacks_space(key: Any, value: Any) -> bool:
    """Return whether a key only lacks the space after its colon, as in `{env:NAME}`."""
    empty = isinstance(value, yaml.ScalarEvent) and value.implicit[0] and value.value == ""
    return empty and bool(key.implicit[0]) and ":" in key.value


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
