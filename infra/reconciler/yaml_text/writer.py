"""Write plain data as YAML in the style of people.

Block style, two spaces, short nodes on one line.

The only writer of YAML in the product. A text is written without quotes only where readers of YAML 1.1 and 1.2 both
read it as that text. The caller says which mappings may stand on one line, since that depends on what they mean.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
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


@cache
def _escaped() -> re.Pattern[str]:
    """Return the pattern of characters that need quotes: slow to compile, and not needed to read."""
    return re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")


#: Whether a mapping at a path may stand on one line, if it fits.
MayStandOnOneLine = Callable[[Path, Mapping[str, Any]], bool]


def format_yaml(
    data: Mapping[str, Any],
    *,
    comments: Comments | None = None,
    on_one_line: MayStandOnOneLine = lambda _path, _mapping: False,
) -> str:
    """Write plain data as the text of a file, keys in their order.

    Args:
        data: Mappings with text as keys, lists, text, numbers, booleans and None.
        comments: Comments by the path of the key or item that they stand above.
        on_one_line: Asked for each mapping that holds no comment and no text of several lines.
    """
    writer = _Writer(comments or {}, on_one_line)
    lines = [*writer.comment((), 0), *(writer.mapping(data, (), 0) if data else ["{}"])]
    return "".join(f"{line}\n" for line in lines)


def format_on_one_line(value: Any, *, in_flow: bool = False) -> str:
    """Write plain data on one line. `in_flow`: inside braces or brackets, where fewer texts go unquoted."""
    if isinstance(value, Mapping):
        entries = (
            f"{scalar(key, in_flow=True)}: {format_on_one_line(node, in_flow=True)}" for key, node in value.items()
        )
        return f"{{{', '.join(entries)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(format_on_one_line(item, in_flow=True) for item in value)}]"
    return scalar(value, in_flow=in_flow)


def comment_lines(text: str, indent: int) -> Iterator[str]:
    """Yield a comment's lines, broken at the width of files; none for an empty text."""
    for paragraph in text.splitlines():
        width, hang = max(WIDTH - indent - 2, 40), "  " if paragraph.startswith("- ") else ""
        for line in textwrap.wrap(printable(paragraph), width, subsequent_indent=hang, break_on_hyphens=False):
            yield f"{' ' * indent}# {line}"


class _Writer:
    def __init__(self, comments: Comments, on_one_line: MayStandOnOneLine) -> None:
        self._comments = comments
        self._may_stand_on_one_line = on_one_line

    def comment(self, path: Path, indent: int) -> Iterator[str]:
        return comment_lines(self._comments.get(path, ""), indent)

    def mapping(self, data: Mapping[str, Any], path: Path, indent: int) -> Iterator[str]:
        for key, value in data.items():
            at = (*path, key)
            yield from self.comment(at, indent)
            yield from self._entry(f"{' ' * indent}{scalar(key, in_flow=True)}:", value, at, indent)

    def _list(self, items: list[Any], path: Path, indent: int) -> Iterator[str]:
        for index, item in enumerate(items):
            at = (*path, index)
            yield from self.comment(at, indent)
            if isinstance(item, Mapping) and item and self._on_one_line(f"{' ' * indent}-", item, at) is None:
                lines = self.mapping(item, at, indent + 2)
                for line in lines:
                    is_comment = line.lstrip().startswith("#")
                    yield f"{' ' * indent}{'' if is_comment else '- '}{line.lstrip()}"
                    if not is_comment:
                        break
                yield from lines
            else:
                yield from self._entry(f"{' ' * indent}-", item, at, indent)

    def _entry(self, head: str, value: Any, path: Path, indent: int) -> Iterator[str]:
        """Write a key or a dash with its value: after it where it fits, otherwise below it."""
        if isinstance(value, str):
            yield from _text(head, value, indent)
        elif (line := self._on_one_line(head, value, path)) is not None:
            yield line
        elif isinstance(value, Mapping) and value:
            yield head
            yield from self.mapping(value, path, indent + 2)
        elif isinstance(value, list | tuple) and value:
            yield head
            yield from self._list(list(value), path, indent + 2)
        else:
            yield f"{head} {format_on_one_line(value)}"

    def _on_one_line(self, head: str, value: Any, path: Path) -> str | None:
        """Return the line of a key or a dash with its value; None where the value needs lines of its own."""
        line = f"{head} {format_on_one_line(value)}" if self._is_short(value, path) else None
        return line if line is not None and len(line) <= WIDTH else None

    def _is_short(self, value: Any, path: Path) -> bool:
        """Return whether a value may stand on one line, whatever its length."""
        if any(len(at) > len(path) and at[: len(path)] == path for at in self._comments):
            return False
        if isinstance(value, Mapping):
            inside = all(self._is_short(node, (*path, key)) for key, node in value.items())
            return not value or (inside and self._may_stand_on_one_line(path, value))
        if isinstance(value, list | tuple):
            return all(
                _is_scalar(item) or (isinstance(item, Mapping) and self._is_short(item, (*path, index)))
                for index, item in enumerate(value)
            )
        return _is_scalar(value)


def _is_scalar(node: Any) -> bool:
    return not isinstance(node, Mapping | list | tuple) and not (isinstance(node, str) and "\n" in node)


def _text(head: str, value: str, indent: int) -> Iterator[str]:
    """Write a text after its key.

    On its line, folded if it is long prose, as a literal block if it has lines.
    """
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
    """Return whether a literal block keeps a text of several lines exactly."""
    lines = value.removesuffix("\n").split("\n")
    return (
        "\n" in value
        and not any(_escaped().search(line) for line in lines)
        and all(line == line.rstrip() for line in lines)
        and bool(lines[0] and lines[-1])
        and not lines[0].startswith(" ")
    )


def _is_prose(value: str) -> bool:
    """Return whether a text is words with one space between them, which folding keeps."""
    return not _escaped().search(value) and " ".join(value.split()) == value and " " in value


def scalar(value: str | int | float | bool | None, *, in_flow: bool) -> str:
    """Write a scalar on one line.

    `in_flow`: in braces or brackets, or as a key, where fewer texts go unquoted.
    """
    if isinstance(value, str):
        return value if _stands_bare(value, in_flow=in_flow) else _quoted(value)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def holds_scalars(value: Mapping[str, Any]) -> bool:
    """Return whether a mapping holds no list and no other mapping."""
    return all(_is_scalar(node) for node in value.values())


def _stands_bare(value: str, *, in_flow: bool) -> bool:
    if not _FIRST.match(value) or any(pattern.search(value) for pattern in (_ENDS_PLAIN, _escaped())):
        return False
    if in_flow and _ENDS_PLAIN_IN_FLOW.search(value):
        return False
    return is_text_everywhere(value)


def _quoted(value: str) -> str:
    return _escaped().sub(_escape, json.dumps(value, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
