"""Print what commands find: a reporter for each format, and notes on stderr.

A command builds a `Report` or a `Page` and gives it to the reporter that `--format` chose; no command prints by itself.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from typing import Literal

import click

from reconciler.cli.columns import Row, format_for_terminal, format_plain
from reconciler.cli.markdown import code, escape_markdown
from reconciler.model.errors import SHAPELESS, printable

#: In the click context: whether the command has printed to stdout.
HAS_PRINTED = "reconciler.has_printed"

#: How bad an entry is. GitHub shows every level but `ok` as an annotation.
Level = Literal["ok", "notice", "warning", "failed"]

_GITHUB_LEVELS = {"notice": "notice", "warning": "warning", "failed": "error"}
_COLOURS = {"ok": "", "notice": "", "warning": "yellow", "failed": "red"}

#: What a log of GitHub Actions reads as a command: `::` at the start of a line, and `##[` anywhere.
_COMMAND = re.compile(r"(?P<start>^|[\r\n])(?P<space>[^\S\r\n]*)::|##\[")

_LINE = re.compile(r"[^\n\t]+")


@dataclass(frozen=True)
class Entry:
    """One thing that a command found."""

    text: str
    level: Level = "warning"
    details: tuple[str, ...] = ()
    """Lines to print below the text."""
    file: str | None = None
    line: int | None = None
    column: int = 1
    owners: tuple[str, ...] = ()
    mark: str = ""
    """A short code behind the text, for people to copy."""
    cells: tuple[str, ...] = ()
    """The entry as a row of the report's table, which the text format prints in place of `text`."""
    styles: tuple[str, ...] = ()
    """The colours of the cells on a terminal, as many as there are cells; an empty one is none."""
    below: tuple[str, ...] = ()
    """Lines that a page shows below the text: what the reader can do."""
    parts: tuple[Entry, ...] = ()
    """What an entry of a page is the sum of. Markdown shows them closed, for readers to open."""

    @property
    def text_with_owners(self) -> str:
        """The text, with the owners in parentheses."""
        return f"{self.text} ({', '.join(self.owners)})" if self.owners else self.text


@dataclass(frozen=True)
class Section:
    """Entries of a page under one heading."""

    heading: str
    entries: Sequence[Entry]
    by_file: bool = False
    """Whether Markdown names each file once, above its entries."""
    is_minor: bool = False
    """Whether Markdown shows the section closed, for readers to open."""


@dataclass(frozen=True)
class Page:
    """A page with sections, which GitHub gets as Markdown. Empty sections are left out."""

    sections: Sequence[Section]
    title: str = ""
    """Without a title the page is part of another one, and a heading is its introduction."""
    empty: str = ""
    """What the page says when no section has an entry."""
    record: object = None
    """What the JSON format prints: a dataclass or a mapping."""
    notes: Sequence[str] = ()
    """Lines for stderr."""
    introduction: Sequence[str] = ()
    """Paragraphs below the title, in our own words."""

    @property
    def filled(self) -> list[Section]:
        """The sections that have entries."""
        return [section for section in self.sections if section.entries]


@dataclass(frozen=True)
class Report:
    """A list of entries, which GitHub gets as annotations."""

    entries: Sequence[Entry]
    records: Sequence[object] = ()
    """What the JSON format prints: dataclasses or mappings."""
    notes: Sequence[str] = ()
    """Lines for stderr: what was not done, and a summary."""
    columns: tuple[str, ...] = ()
    """The headings of a table, one for each of an entry's `cells`."""
    show_levels: bool = False
    """Whether the text format begins each entry with its level."""
    file: str = ""
    """The file that annotations of entries without one are shown on."""
    subject: str = ""
    """A word that annotations put before the text of each entry."""
    page: Page | None = None
    """The page for GitHub, in place of annotations."""
    record: object = None
    """What the JSON format prints in place of a list of records."""


class Reporter(ABC):
    """Print what a command found, in one format: the report to stdout, its notes to stderr."""

    def report(self, found: Report | Page) -> None:
        """Print a report or a page; nothing to stdout where the format has nothing to show."""
        text = self.format_page(found) if isinstance(found, Page) else self.format_report(found)
        if text:
            print_text(text)
        for note in found.notes:
            print_note(note)

    @abstractmethod
    def format_report(self, report: Report) -> str:
        """Return a report as text, without the last line's end."""

    @abstractmethod
    def format_page(self, page: Page) -> str:
        """Return a page as text, without the last line's end."""


class TextReporter(Reporter):
    """Lines, or a table, for people."""

    def format_report(self, report: Report) -> str:
        """Return a line for each entry with its place, or a row; details are indented below."""
        if report.columns and sys.stdout.isatty():
            return without_commands(format_for_terminal(report.columns, [_row(each) for each in report.entries]))
        if report.columns:
            return neutralise(format_plain(report.columns, [_row(each) for each in report.entries]))
        return neutralise("\n".join(line for entry in report.entries for line in _entry_lines(entry, report)))

    def format_page(self, page: Page) -> str:
        """Return the title, then each heading with its entries indented."""
        lines = [page.title, *(line for each in page.introduction for line in ("", each))]
        for section in page.filled:
            lines += ["", section.heading]
            for each in section.entries:
                mark = f" [{each.mark}]" if each.mark else ""
                lines.append(f"  {_place(each)}{each.text_with_owners}{mark}")
                lines += [f"      {line}" for line in each.below]
                for part in each.parts:
                    lines.append(f"      {_place(part)}{part.text}{f' [{part.mark}]' if part.mark else ''}")
        if not page.filled:
            lines[0] += f": {page.empty}"
        return neutralise("\n".join(lines))


class JsonReporter(Reporter):
    """JSON, for programs."""

    def format_report(self, report: Report) -> str:
        """Return the report's record, or its records as a list."""
        return format_json(list(report.records) if report.record is None else report.record)

    def format_page(self, page: Page) -> str:
        """Return the page's record."""
        return format_json(page.record)


class GithubReporter(Reporter):
    """Annotations of a GitHub Actions run, or Markdown for a page."""

    def format_report(self, report: Report) -> str:
        """Return an annotation for each entry that is not ok, or the report's page."""
        if report.page is not None:
            return self.format_page(report.page)
        shown = (entry for entry in report.entries if entry.level != "ok")
        return "\n".join(_annotation(entry, report) for entry in shown)

    def format_page(self, page: Page) -> str:
        """Return the page as Markdown in which other people's text begins no markup."""
        lines = [f"## {page.title}"] if page.title else []
        for each in page.introduction:
            lines += [*([""] if lines else []), f"> {each}"]
        for section in page.filled:
            heading = f"### {section.heading}" if page.title else section.heading
            if section.is_minor:
                heading = f"<details><summary>{section.heading} ({len(section.entries)})</summary>"
            lines += [*([""] if lines else []), heading, ""]
            lines += _items_by_file(section) if section.by_file else _items(section.entries)
            lines += ["", "</details>"] if section.is_minor else []
        if not page.filled and page.empty:
            lines += ["", f"{page.empty[0].upper()}{page.empty[1:]}."]
        return without_commands("\n".join(lines))


#: The reporters by the names that `--format` takes.
REPORTERS: Mapping[str, Reporter] = {"text": TextReporter(), "json": JsonReporter(), "github": GithubReporter()}


def print_text(text: str, *, newline: bool = True) -> None:
    """Print to stdout: a whole file, a link, or what a reporter has formatted."""
    if context := click.get_current_context(silent=True):
        context.find_root().meta[HAS_PRINTED] = True
    click.echo(text, nl=newline)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines to stdout, where there are any."""
    if text := "\n".join(lines):
        print_text(text)


def print_json(record: object) -> None:
    """Print JSON to stdout."""
    print_text(format_json(record))


def print_note(text: str) -> None:
    """Print a line to stderr: a notice, a summary, an error."""
    click.echo(neutralise(text), err=True)


def print_prompt(text: str) -> None:
    """Print to stderr what a user is asked for, and stay on its line; with an empty text, end the line."""
    click.echo(neutralise(text), nl=not text, err=True)


def neutralise(text: str) -> str:
    """Return text on which neither a terminal nor a log of GitHub Actions acts. Lines and tabs stay."""
    return without_commands(_LINE.sub(lambda line: printable(line[0]), text))


def without_commands(text: str) -> str:
    """Return text without workflow commands of GitHub Actions: a space breaks the beginning of each."""
    return _COMMAND.sub(
        lambda found: "## [" if found["start"] is None else f"{found['start']}{found['space']}: :", text
    )


def close_stdout() -> None:
    """Close stdout for its reader while the process continues; later writes to it do not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def format_json(record: object) -> str:
    """Return JSON as every command prints it."""
    text = json.dumps(record, indent=2, ensure_ascii=False, default=_as_mapping)
    text = SHAPELESS.sub(lambda found: json.dumps(found[0])[1:-1], text)
    if not text.replace("\n", "").isprintable():
        text = "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)
    # A log of GitHub Actions reads `##[` anywhere as a command. In JSON it can only be within a text.
    return text.replace("##[", "#\\u0023[")


def _as_mapping(record: object) -> dict[str, object]:
    if is_dataclass(record) and not isinstance(record, type):
        return asdict(record)
    raise TypeError(f"cannot be printed as JSON: {type(record).__name__}")


def _entry_lines(entry: Entry, report: Report) -> Iterator[str]:
    place = _place(entry)
    if report.show_levels:
        level = f"{entry.level:<8} "
        yield f"{level}{place}{entry.text}"
    else:
        level = "    "
        yield f"{place}{'notice: ' if entry.level == 'notice' else ''}{entry.text}"
    yield from (f"{' ' * len(level)}{detail}" for detail in entry.details)


def _row(entry: Entry) -> Row:
    """Return the entry's row. What a terminal acts on is taken out before the row gets colours."""
    return Row(
        tuple(map(neutralise, entry.cells)), tuple(map(neutralise, entry.details)), entry.styles, _COLOURS[entry.level]
    )


def _place(entry: Entry) -> str:
    if entry.file is None:
        return ""
    position = f":{entry.line}:{entry.column}" if entry.line is not None else ""
    return f"{entry.file}{position}: "


def _annotation(entry: Entry, report: Report) -> str:
    """Return an annotation at the entry's place; lines and columns count from 1."""
    file, line = entry.file or report.file, entry.line or 1
    text = neutralise("\n".join([f"{report.subject}: {entry.text}" if report.subject else entry.text, *entry.details]))
    place = f"file={_escape_property(printable(file))},line={line},col={entry.column}"
    return f"::{_GITHUB_LEVELS[entry.level]} {place}::{_escape(text)}".replace("##[", "## [")


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def _list_item(entry: Entry) -> str:
    """Return a line of a Markdown list that shows the text as it is."""
    mark = f" {code(entry.mark)}" if entry.mark else ""
    text = f"{escape_markdown(entry.text_with_owners)}{mark}{_closed(entry.parts)}"
    return f"- {text}" if entry.file is None else f"- {code(_place(entry).removesuffix(': '))}: {text}"


def _closed(parts: Sequence[Entry]) -> str:
    """Return a list that readers open, on the line of its item, so that it is in the item at any depth."""
    items = "".join(f"<li>{_list_item(part).removeprefix('- ')}</li>" for part in parts)
    return f"<details><summary>each by name</summary><ul>{items}</ul></details>" if parts else ""


def _items(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield each entry, and below it its lines."""
    for entry in entries:
        yield _list_item(entry)
        yield from (f"  - {escape_markdown(line)}" for line in entry.below)


def _items_by_file(section: Section) -> Iterator[str]:
    """Yield each file's name, and below it its entries with their lines."""
    for file, entries in itertools.groupby(section.entries, lambda entry: entry.file):
        if file is not None:
            yield f"- {code(file)}"
        for entry in entries:
            line = f" (line {entry.line})" if entry.line else ""
            item = _list_item(replace(entry, file=None, text=f"{entry.text}{line}"))
            yield item if file is None else f"  {item}"
