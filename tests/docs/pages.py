"""Markdown pages as the doc runner sees them: blocks of commands, files and changes, links, and commands in prose.

The conventions are in CONTRIBUTING.md, under "Pages".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]*)")
_DIRECTIVE = re.compile(r"^ *<!-- (?P<name>scene|exit|same): (?P<value>.+?) -->$")
_FILE_NAME = re.compile(r"^# (?P<file>[\w./-]+\.ya?ml)$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_INLINE = re.compile(r"`([^`\n]+)`")


@dataclass
class Step:
    """One command of a console block, and the output that the page shows."""

    command: str
    shown: list[str] = field(default_factory=list)


@dataclass
class Block:
    """A fenced block. `line` is the line of its fence, counted from 1; `directives` stand in comments before it."""

    page: Path
    line: int
    language: str
    indent: str
    lines: list[str]
    directives: list[tuple[str, str]]

    def directive(self, name: str) -> list[str]:
        """Return the values of the directives of one name, in their order."""
        return [value for each, value in self.directives if each == name]

    @property
    def place(self) -> str:
        """Return where the block stands, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def steps(self) -> list[Step]:
        """Return the commands of a console block, each with its output."""
        steps: list[Step] = []
        for line in self.lines:
            if line.startswith("$ "):
                steps.append(Step(line[2:]))
            elif line.startswith("> ") and steps and not steps[-1].shown:
                steps[-1].command += "\n" + line[2:]
            else:
                assert steps, f"{self.place}: output before the first `$ command`"
                steps[-1].shown.append(line)
        return steps

    def file(self) -> tuple[str, str] | None:
        """Return the name and the content of the file that a YAML block writes; None for a fragment."""
        named = _FILE_NAME.match(self.lines[0]) if self.language == "yaml" and self.lines else None
        return (named["file"], "\n".join(self.lines[1:]) + "\n") if named else None


def find_pages() -> list[Path]:
    """Return every page that people read, decision records left out: those tell of their day."""
    pages = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "connectors" / "README.md",
        ROOT / "clients" / "README.md",
    ]
    return pages + sorted((ROOT / "docs").rglob("*.md"))


def read_blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    blocks: list[Block] = []
    directives: list[tuple[str, str]] = []
    current: Block | None = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if current is not None:
            if line.strip() == "```":
                blocks.append(current)
                current = None
            else:
                current.lines.append(line.removeprefix(current.indent))
        elif fence:
            current = Block(page, number, fence["language"], fence["indent"], [], directives)
            directives = []
        elif found := _DIRECTIVE.match(line):
            directives.append((found["name"], found["value"]))
        elif line.strip():
            assert not directives, f"{page}:{number}: a directive belongs directly before a block"
    assert current is None, f"{page}: a block is not closed"
    return blocks


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines outside of blocks, with their numbers."""
    inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            yield number, line


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the targets of a page's links, with their lines."""
    for number, line in prose(page):
        for found in _LINK.finditer(line):
            yield number, found["target"]


def inline_code(page: Path) -> Iterator[tuple[int, str]]:
    """Yield what stands in backticks in a page's prose, with its line."""
    for number, line in prose(page):
        for text in _INLINE.findall(line):
            yield number, text


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the forge makes them."""
    found: set[str] = set()
    for _, line in prose(page):
        if line.startswith("#"):
            text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip()).lower()
            found.add(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return found


def replace_blocks(page: Path, new: Mapping[int, list[str]]) -> None:
    """Write the lines of some blocks anew, by the lines of their fences."""
    if not new:
        return
    lines = page.read_text(encoding="utf-8").splitlines()
    for block in reversed(read_blocks(page)):
        if block.line in new:
            written = [(block.indent + line).rstrip() for line in new[block.line]]
            lines[block.line : block.line + len(block.lines)] = written
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
