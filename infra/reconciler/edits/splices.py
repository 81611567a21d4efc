"""Change one value of a file: set a key, remove an entry, append a list item. Every other byte stays.

Each function returns the edited source. It reads that again, and checks that this change is the only one. Where a file
is written in a form that does not allow that, it raises `EditRejected`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from reconciler.config.build.to_yaml import may_stand_on_one_line
from reconciler.config.schema.schemas import schema
from reconciler.config.yaml.document import Path
from reconciler.edits.source import Node, NodeEntry, Source, Splice
from reconciler.yaml_text.writer import WIDTH, format_on_one_line, format_yaml, scalar

_COLON = re.compile(r"[ \t]*:")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_COMMENT_LINE = re.compile(r"([ \t]*)#")
#: Anchor and tag, before a value on a line of its own.
_PROPERTIES = re.compile(r"(?:[ \t]+[&!][^\s]*)+")
_COMMA = re.compile(r"[ \t]*,[ \t]*")

#: Sections of a unit's file, and their definitions in the schema.
_DEFINITIONS = {"connector": "connector", "dataset": "dataset", "datasets": "dataset"}


@cache
def order_below(section: str = "") -> tuple[str, ...]:
    """Return the order of the keys in a section of a unit's file; without a section, of those at its top."""
    unit = schema("unit")
    return tuple((unit["$defs"][_DEFINITIONS[section]] if section else unit)["properties"])


def set_value(source: Source, path: Path, value: Any, *, order: Sequence[str] = ()) -> Source:
    """Set the value at a path, in the place and style of the old one.

    Args:
        source: The file.
        path: Keys and list indexes. Mappings that are missing on the way are created.
        value: Plain data.
        order: The keys that may stand beside a new one, in their order.
    """
    if (node := source.find(path)) is not None:
        if source.at(*path) == value and type(source.at(*path)) is type(value):
            return source
        return source.apply(_replace(source, path, node, value), _with(source.data, path, value))
    known = len(path) - 1
    while known > 0 and source.find(path[:known]) is None:
        known -= 1
    parent = source.find(path[:known])
    key, content = path[known], value
    for step in reversed(path[known + 1 :]):
        content = {step: content}
    if parent is None or parent.kind != "mapping" or not isinstance(key, str):
        raise source.rejected(0 if parent is None else parent.start, "expected a mapping here")
    expected = _with(source.data, (*path[:known], key), content)
    if (splice := _opened(source, path[:known], parent, key, content)) is not None:
        return source.apply([splice], expected)
    keys = order if known == len(path) - 1 else ()
    splice = _insert(source, path[:known], parent, _entry_before(parent, key, keys), key=key, value=content)
    return source.apply([splice], expected)


def remove(source: Source, path: Path, *, keep: Path = ()) -> Source:
    """Remove the entry at a path. A mapping or list that would be empty is removed with it.

    Comments above it stay.

    Args:
        source: The file.
        path: Keys and list indexes.
        keep: A mapping above the entry that stays, as `{}` if it would be empty.
    """
    shortest = len(keep) + 1
    while len(path) > shortest and (parent := source.find(path[:-1])) is not None and len(parent.entries) == 1:
        path = path[:-1]
    parent = source.find(path[:-1])
    if keep and parent is not None and len(path) == shortest and len(parent.entries) == 1:
        return source.apply(_empty(source, keep, parent), _with(source.data, keep, {}))
    entry = source.entry(parent, path[-1]) if parent is not None else None
    if parent is None or entry is None:
        raise source.rejected(0, "there is nothing to remove")
    if len(parent.entries) == 1:
        raise source.rejected(entry.start, "this is all that the file says", "Delete the file instead.")
    number = parent.entries.index(entry)
    splices = _remove_in_flow(source, parent, number) if parent.is_flow else _remove_lines(source, parent, number)
    return source.apply(splices, _without(source.data, path))


def append(source: Source, path: Path, value: Any, *, order: Sequence[str] = ()) -> Source:
    """Add an item at the end of the list at a path, in the style of the item before.

    A missing list is created.
    """
    node = source.find(path)
    if node is None:
        return set_value(source, path, [value], order=order)
    if node.kind != "sequence":
        raise source.rejected(node.start, "expected a list here")
    expected = _with(source.data, path, [*source.at(*path), value])
    if node.is_flow:
        return source.apply([_append_in_flow(source, path, node, value)], expected)
    last = node.entries[-1]
    column = last.start - source.line_start(last.start)
    if source.text[source.line_start(last.start) : last.start].strip(" "):
        raise source.rejected(last.start, "a list that begins within another item's line")
    if last.value.is_flow or not isinstance(value, Mapping):
        lines = [f"- {format_on_one_line(value, in_flow=False)}"]
    else:
        lines = [f"{'  ' if number else '- '}{line}" for number, line in enumerate(_lines(value, path))]
    return source.apply([_lines_after(source, last.end, lines, column, column)], expected)


def _replace(source: Source, path: Path, node: Node, value: Any) -> list[Splice]:
    """Replace a value: its own text, or from its key's colon on where it had lines of its own."""
    in_flow = _is_in_flow(source, path)
    if isinstance(value, Mapping | list) and not in_flow:
        text = format_on_one_line(value)
    elif isinstance(value, str) and node.kind == "scalar" and node.style in ("'", '"'):
        text = _quoted_like(node.style, value)
    elif isinstance(value, str) and _is_plain_date(node) and _DATE.fullmatch(value):
        text = value  # YAML 1.2 reads a date as text, and the file writes it so
    else:
        text = format_on_one_line(value, in_flow=in_flow)
    if node.kind == "scalar" or node.is_flow:
        lead = " " if node.inner == node.end and source.text[node.inner - 1 : node.inner] == ":" else ""
        return [Splice(node.inner, node.end, f"{lead}{text}")]
    key_end = _colon_end(source, path)
    if source.line_start(node.inner) <= key_end:
        return [Splice(node.inner, node.end, text)]
    if properties := _PROPERTIES.match(source.text, key_end):
        key_end = properties.end()
    first_line_end = source.line_end(key_end)
    return [Splice(key_end, key_end, f" {text}"), Splice(first_line_end, source.line_end(node.end), "")]


def _opened(source: Source, path: Path, parent: Node, key: str, value: Any) -> Splice | None:
    """Put each entry of a mapping in braces on its own line, if it is empty or too long for one."""
    if not parent.is_flow or not path or _is_in_flow(source, path) or "\n" in source.text[parent.inner : parent.end]:
        return None
    text = format_on_one_line({key: value}, in_flow=True)
    line = source.line_end(parent.end) - source.line_start(parent.start)
    entries = [source.text[each.start : each.end] for each in parent.entries]
    if source.text[parent.inner + 1 : parent.end - 1].strip() and (line + len(text) <= WIDTH or not entries):
        return None
    return _below(source, path, parent, [*entries, *_lines({key: value}, path)])


def _below(source: Source, path: Path, node: Node, lines: Sequence[str]) -> Splice:
    """Replace a value in braces or brackets by lines below its key.

    A comment behind it stays behind the key.
    """
    parent = source.find(path[:-1])
    entry = source.entry(parent, path[-1]) if parent is not None else None
    start = node.start if entry is None else entry.start
    column = start - source.line_start(start) + 2
    end_of_line = source.line_break(node.end)
    rest = source.text[node.end : source.line_end(node.end)]
    before = source.text[: node.inner].rstrip(" \t")
    if rest.startswith("\t") and before.endswith("-") and entry is not None and entry.start == len(before) - 1:
        rest = f" {rest.lstrip()}"  # the reader of YAML takes no tab behind the dash of an item
    text = "".join(f"{end_of_line}{' ' * column}{line}" if line else end_of_line for line in lines)
    return Splice(len(before), source.line_end(node.end), f"{rest}{text}")


def _colon_end(source: Source, path: Path) -> int:
    """Return where the colon after a path's key ends; for a list item, the place after the dash."""
    parent = source.find(path[:-1])
    entry = source.entry(parent, path[-1]) if parent is not None and path else None
    if entry is None:
        raise source.rejected(0, "the whole file cannot be replaced")
    if entry.key is None:
        return entry.start + 1
    found = _COLON.match(source.text, entry.key.end)
    if found is None:
        raise source.rejected(entry.start, "a key in the form `? key`")
    return found.end()


def _is_plain_date(node: Node) -> bool:
    return node.kind == "scalar" and not node.style and _DATE.fullmatch(node.value) is not None


def _quoted_like(mark: str, value: str) -> str:
    """Write a text in the quotation marks that it had, if they can hold it."""
    if mark == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    text = scalar(value, in_flow=True)
    return text if text.startswith('"') else f'"{text}"'


def _insert(source: Source, path: Path, parent: Node, before: NodeEntry | None, *, key: str, value: Any) -> Splice:
    """Insert a key into a mapping: after the entry `before`, or as the first one."""
    if parent.is_flow:
        text = f"{scalar(key, in_flow=True)}: {format_on_one_line(value, in_flow=True)}"
        if not parent.entries:
            return Splice(parent.inner + 1, parent.end - 1, text)
        if before is None:
            return Splice(parent.entries[0].start, parent.entries[0].start, f"{text}, ")
        return Splice(before.end, before.end, f", {text}")
    first = parent.entries[0]
    column = first.start - source.line_start(first.start)
    lines = _lines({key: value}, path)
    if before is not None:
        return _lines_after(source, before.end, lines, column, column + 1)
    line_start = source.line_start(first.start)
    end_of_line = source.line_break(first.start)
    if not source.text[line_start : first.start].strip(" "):
        text = "".join(f"{' ' * column}{line}{end_of_line}" for line in lines)
        return Splice(line_start, line_start, text)
    text = "".join(f"{line}{end_of_line}{' ' * column}" for line in lines)
    return Splice(first.start, first.start, text)


def _lines_after(source: Source, at: int, lines: Sequence[str], column: int, comment_column: int) -> Splice:
    """Insert lines below a position's line.

    And below comments that are indented at least to a column.
    """
    end_of_line = source.line_break(at)
    end = source.line_end(at)
    while (
        (below := source.next_line(end)) > end
        and (comment := _COMMENT_LINE.match(source.text, below)) is not None
        and len(comment[1]) >= comment_column > 0
    ):
        end = source.line_end(below)
    text = "".join(f"{end_of_line}{' ' * column}{line}" if line else end_of_line for line in lines)
    return Splice(end, end, text)


def _lines(value: Mapping[str, Any], path: Path) -> list[str]:
    """Return a mapping as the lines that the writer gives it at a path."""
    text = format_yaml(value, on_one_line=lambda inner, mapping: may_stand_on_one_line((*path, *inner), mapping))
    return text.splitlines()


def _append_in_flow(source: Source, path: Path, node: Node, value: Any) -> Splice:
    if node.entries:
        last = node.entries[-1].end
        return Splice(last, last, f", {format_on_one_line(value, in_flow=True)}")
    inner = source.text[node.inner + 1 : node.end - 1]
    if inner.strip() or _is_in_flow(source, path) or not isinstance(path[-1], str) or not isinstance(value, Mapping):
        return Splice(node.end - 1, node.end - 1, format_on_one_line(value, in_flow=True))
    # An empty list in a block: its first item gets lines of its own, as in other files.
    return _below(
        source, path, node, [f"{'  ' if number else '- '}{line}" for number, line in enumerate(_lines(value, path))]
    )


def _empty(source: Source, path: Path, node: Node) -> list[Splice]:
    """Remove the only entry of a mapping, and write it as `{}`. Comments above the entry stay."""
    if node.is_flow:
        return [Splice(node.inner + 1, node.end - 1, "")]
    key_end = _colon_end(source, path)
    return [Splice(key_end, key_end, " {}"), *_remove_lines(source, node, 0)]


def _remove_in_flow(source: Source, parent: Node, number: int) -> list[Splice]:
    entry, is_last = parent.entries[number], number == len(parent.entries) - 1
    before = parent.entries[number - 1].end
    if is_last and "#" not in source.text[before : entry.start]:
        return [Splice(before, entry.end, "")]
    comma = _COMMA.match(source.text, entry.end)
    end = comma.end() if comma is not None else entry.end
    return [_whole_line_if_blank(source, entry.start, end)]


def _whole_line_if_blank(source: Source, start: int, end: int) -> Splice:
    """Remove a range, with its line if nothing else is on it."""
    line_start, line_end = source.line_start(start), source.line_end(end)
    if (source.text[line_start:start] + source.text[end:line_end]).strip(" \t"):
        return Splice(start, end, "")
    return Splice(line_start, source.next_line(end), "")


def _remove_lines(source: Source, parent: Node, number: int) -> list[Splice]:
    entry = parent.entries[number]
    line_start = source.line_start(entry.start)
    if not source.text[line_start : entry.start].strip(" "):
        return [Splice(line_start, source.next_line(entry.end), "")]
    if source.text[entry.start : entry.start + 1] != "-" and source.text[line_start : entry.start].strip() == "?":
        raise source.rejected(entry.start, "a key in the form `? key`")
    # The first key of a list item stands behind the dash: the next key takes its place.
    following = parent.entries[number + 1] if number + 1 < len(parent.entries) else None
    if following is None or source.text[entry.end : following.start].strip():
        raise source.rejected(entry.start, "a comment stands between this entry and the next")
    return [Splice(entry.start, following.start, "")]


def _entry_before(parent: Node, key: str, order: Sequence[str]) -> NodeEntry | None:
    """Return the entry that a new key follows: the last one whose key comes before it in the order."""
    if key not in order:
        return parent.entries[-1] if parent.entries else None
    earlier = set(order[: list(order).index(key)])
    known = [each for each in parent.entries if each.key is not None and each.key.value in earlier]
    if not known and not any(each.key is not None and each.key.value in order for each in parent.entries):
        return parent.entries[-1] if parent.entries else None
    return known[-1] if known else None


def _is_in_flow(source: Source, path: Path) -> bool:
    """Return whether a value stands within braces or brackets."""
    above = (source.find(path[:length]) for length in range(len(path)))
    return any(node is not None and node.is_flow for node in above)


def _with(data: Any, path: Path, value: Any) -> Any:
    changed = copy.deepcopy(data)
    if not path:
        return value
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return changed


def _without(data: Any, path: Path) -> Any:
    changed = copy.deepcopy(data)
    node = changed
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    return changed
