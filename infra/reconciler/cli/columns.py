"""Align the columns of a table: as plain text, or with colours for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A row of a table. Its texts have nothing that a terminal acts on."""

    cells: tuple[str, ...]
    details: tuple[str, ...] = ()
    """Lines below the row."""
    styles: tuple[str, ...] = ()
    """The colours of the cells on a terminal; none where it is empty."""
    colour: str = ""
    """The colour of the details."""


def format_plain(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Return aligned lines, with details indented; nothing without rows."""
    if not rows:
        return ""
    widths = _widths([columns, *(row.cells for row in rows)])
    lines = []
    for row in (Row(tuple(columns)), *rows):
        lines.append("  ".join(map(_padded, row.cells, widths)).rstrip())
        lines += [f"    {detail}" for detail in row.details]
    return "\n".join(lines)


def format_for_terminal(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Return a table with colours, or a block for each row where the terminal is too narrow."""
    if not rows:
        return ""
    from rich.console import Console  # noqa: PLC0415 (slow to import, and only for a terminal)
    from rich.text import Text  # noqa: PLC0415

    console = Console()
    widths = _widths([columns, *(row.cells for row in rows)])
    fits = sum(widths) + 2 * (len(widths) - 1) <= console.width
    lines = [Text("  ".join(map(_padded, columns, widths)).rstrip(), "bold")] if fits else []
    heading = max(map(len, columns[1:]), default=0)
    for row in rows:
        cells, styles = row.cells, row.styles or ("",) * len(row.cells)
        if fits:
            padded = (*map(_padded, cells[:-1], widths), cells[-1])
            lines.append(Text("  ").join(map(Text, padded, styles)))
        else:
            lines.append(Text(cells[0], "bold"))
            others = zip(columns[1:], cells[1:], styles[1:], strict=True)
            lines += [Text.assemble(f"    {name:<{heading}}  ", (cell, style)) for name, cell, style in others]
        lines += [Text(f"    {each}", row.colour) for each in row.details]
    with console.capture() as captured:
        for line in lines:
            console.print(line, soft_wrap=True)
    return captured.get().rstrip("\n")


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(_width, column)) for column in zip(*rows, strict=True)]


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a wide character, none for an accent."""
    if text.isascii():
        return len(text)
    wide = {"W": 2, "F": 2}
    return sum(wide.get(unicodedata.east_asian_width(each), 1) for each in text if not unicodedata.combining(each))


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
