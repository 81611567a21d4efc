"""Write plain data as YAML, as people write it by hand: block style, two spaces, short nodes on one line.

The only writer of YAML in the product. A text is written without quotes only where readers of YAML 1.1 and 1.2 both
read it as that text. The caller says which mappings may stand on one line, since that depends on what they mean.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from reconciler.model.errors import printable
from reconciler.yaml_text.scalars import is_text_everywhere

#: Lines are broken before this column where they can be.
WIDTH = 120

#: The way to a node from the top of its file: keys and list indexes.
Path: TypeAlias = tuple[str | int, ...]
#: Comments by the path of the key or list item they stand above; `()` is the top of the file.
Comments = Mapping[Path, str]

_FIRST = re.compile(r"""[^\s?:,\[\]{}#&*!|>'"%@`=<~-]""")
_ENDS_PLAIN = re.compile(r":(\s|$)|\s#|\s$")
_ENDS_PLAIN_IN_FLOW = re.compile(r"[,\[\]{}?]|:(?![A-Za-z0-9_])")
_ESCAPED = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")


class Emitter:
    """Write one file. `in_one_line` says of a mapping at a path whether it may stand on one line."""

    def __init__(self, comments: Comments, in_one_line: Callable[[Path, Mapping[str, Any]], bool]) -> None:
        self._comments = comments
        self._in_one_line = in_one_line

    def text(self, data: Mapping[str, Any]) -> str:
        """The file's text, with a line break at its end."""
        return "".join(f"{line}\n" for line in (*self._comment((), 0), *self._mapping(data, (), 0)))

    def _comment(self, path: Path, indent: int) -> Iterator[str]:
        for paragraph in self._comments.get(path, "").splitlines():
            width, hang = max(WIDTH - indent - 2, 40), "  " if paragraph.startswith("- ") else ""
            for line in textwrap.wrap(printable(paragraph), width, subsequent_indent=hang, break_on_hyphens=False):
                yield f"{' ' * indent}# {line}"

    def _mapping(self, data: Mapping[str, Any], path: Path, indent: int) -> Iterator[str]:
        for key, value in data.items():
            at = (*path, key)
            yield from self._comment(at, indent)
            yield from self._entry(f"{' ' * indent}{scalar(key, in_flow=True)}:", value, at, indent)

    def _list(self, items: list[Any], path: Path, indent: int) -> Iterator[str]:
        for index, item in enumerate(items):
            at = (*path, index)
            yield from self._comment(at, indent)
            if isinstance(item, Mapping) and item and self._on_one_line(f"{' ' * indent}-", item, at) is None:
                lines = self._mapping(item, at, indent + 2)
                for line in lines:
                    is_comment = line.lstrip().startswith("#")
                    yield f"{' ' * indent}{'' if is_comment else '- '}{line.lstrip()}"
                    if not is_comment:
                        break
                yield from lines
            else:
                yield from self._entry(f"{' ' * indent}-", item, at, indent)

    def _entry(self, head: str, value: Any, path: Path, indent: int) -> Iterator[str]:
        """A key or a dash with its value: behind it where it fits, else below it."""
        if isinstance(value, str):
            yield from _text(head, value, indent)
        elif (line := self._on_one_line(head, value, path)) is not None:
            yield line
        elif isinstance(value, Mapping) and value:
            yield head
            yield from self._mapping(value, path, indent + 2)
        elif isinstance(value, list | tuple) and value:
            yield head
            yield from self._list(list(value), path, indent + 2)
        else:
            yield f"{head} {_flow(value)}"

    def _on_one_line(self, head: str, value: Any, path: Path) -> str | None:
        """Return the line of a key or a dash with its value; None where the value needs lines of its own."""
        line = f"{head} {_flow(value)}" if self._is_short(value, path) else None
        return line if line is not None and len(line) <= WIDTH else None

    def _is_short(self, value: Any, path: Path) -> bool:
        """Return whether a value may stand on one line, whatever its length."""
        if any(len(at) > len(path) and at[: len(path)] == path for at in self._comments):
            return False
        if isinstance(value, Mapping):
            inside = all(self._is_short(node, (*path, key)) for key, node in value.items())
            return not value or (inside and self._in_one_line(path, value))
        if isinstance(value, list | tuple):
            return all(
                _is_scalar(item) or (isinstance(item, Mapping) and self._is_short(item, (*path, index)))
                for index, item in enumerate(value)
            )
        return _is_scalar(value)


def _is_scalar(node: Any) -> bool:
    return not isinstance(node, Mapping | list | tuple) and not (isinstance(node, str) and "\n" in node)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{scalar(key, in_flow=True)}: {_flow(node)}' for key, node in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_flow(item) for item in value)}]"
    return scalar(value, in_flow=True)


def _text(head: str, value: str, indent: int) -> Iterator[str]:
    """A text behind its key: in the same line, folded when it is long prose, as it is when it has lines of its own."""
    line = f"{head} {scalar(value, in_flow=False)}"
    inner = " " * (indent + 2)
    if _has_plain_lines(value):
        yield f"{head} {'|' if value.endswith(chr(10)) else '|-'}"
        yield from (f"{inner}{part}" if part else "" for part in value.removesuffix("\n").split("\n"))
    elif len(line) > WIDTH and _is_prose(value):
        yield f"{head} >-"
        for part in textwrap.wrap(value, WIDTH - len(inner), break_long_words=False, break_on_hyphens=False):
            yield f"{inner}{part}"
    else:
        yield line


def _has_plain_lines(value: str) -> bool:
    """Whether a text of several lines is kept exactly by a literal block."""
    lines = value.removesuffix("\n").split("\n")
    return (
        "\n" in value
        and not any(_ESCAPED.search(line) for line in lines)
        and all(line == line.rstrip() for line in lines)
        and bool(lines[0] and lines[-1])
        and not lines[0].startswith(" ")
    )


def _is_prose(value: str) -> bool:
    """Words with one space between them: what folding keeps."""
    return not _ESCAPED.search(value) and " ".join(value.split()) == value and " " in value


def scalar(value: str | int | float | bool | None, *, in_flow: bool) -> str:
    """Write a scalar on one line. `in_flow`: in braces or brackets, or as a key, where fewer texts go unquoted."""
    if isinstance(value, str):
        return value if _stands_bare(value, in_flow=in_flow) else _quoted(value)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def holds_scalars(value: Mapping[str, Any]) -> bool:
    """Return whether a mapping holds no list and no other mapping."""
    return all(_is_scalar(node) for node in value.values())


def _stands_bare(value: str, *, in_flow: bool) -> bool:
    if not _FIRST.match(value) or any(pattern.search(value) for pattern in (_ENDS_PLAIN, _ESCAPED)):
        return False
    if in_flow and _ENDS_PLAIN_IN_FLOW.search(value):
        return False
    return is_text_everywhere(value)


def _quoted(value: str) -> str:
    return _ESCAPED.sub(_escape, json.dumps(value, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
