"""Find the datasets of known projects that SQL and Python read. Pure.

A query is a template, so it is not parsed. The names of the projects are searched, and each place is judged by what
surrounds it: a comment, a string, a template's tag, or a name.
"""

from __future__ import annotations

import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

#: What begins a comment, a template's tag, a string or a name. `#` begins a comment in BigQuery's SQL.
_OPENERS = re.compile(r"""--|\#|/\*|\{[#%{]|"{3}|'{3}|["'`]""")

#: What ends a comment or tag, by how it begins. A template's comment is one too.
_CLOSERS = {"/*": "*/", "{#": "#}", "{%": "%}", "{{": "}}"}
_TAGS = ("{%", "{{")
_TEMPLATE_OPENERS = re.compile(r"\{[#%{]")

#: A string or name, by how it begins; three quotes without an end are an empty string and a quote.
_QUOTED = {
    "`": re.compile(r"`[^`\n]*`"),
    **{quote: re.compile(rf"{quote}(?:\\.|[^{quote}\\\n])*{quote}", re.DOTALL) for quote in ("'", '"')},
    **{quote * 3: re.compile(rf"{quote}{{3}}(?:\\.|[^\\])*?{quote}{{3}}", re.DOTALL) for quote in ("'", '"')},
}

#: `{% set project = "example-dev" %}` in a template, or `PROJECT = "example-dev"` in Python.
_ASSIGNMENT = re.compile(
    r"""(?:\{%[-+]?\s*set\s+|^[ \t]*)(?P<name>\w+)\s*(?::\s*\w+\s*)?=\s*(?P<quote>['"])(?P<value>[\w.:-]+)(?P=quote)""",
    re.MULTILINE,
)

#: What follows a project: the dataset, perhaps with a template's variables. Standard SQL has `.`, legacy SQL `:`.
_DATASET = re.compile(r"`?(?:\s*\.\s*|:)`?(?P<dataset>(?:[\w*$%?@-]|\{\{?[^{}\n]*\}\}?)+)")

_VARIABLE = re.compile(r"\{\{?[-+]?\s*(\w+)\s*[-+]?\}\}?")

#: What precedes a table in a statement that a string holds, as for EXECUTE IMMEDIATE.
_BEFORE_TABLE = re.compile(r"\b(?:from|join|into|update|table|using)\s+[`\[]?$", re.IGNORECASE)

_LONGEST_KEYWORD = 20

#: Jinja's variables for the project of the query's own folder, as bigquery-etl renders them.
_OWN_PROJECT = ("project", "project_id")

_QUOTES = frozenset("\"'")


@dataclass(frozen=True)
class Read:
    """A place that reads a dataset.

    Without `dataset`, only the project is known before the template is rendered.
    """

    line: int
    column: int
    project: str
    dataset: str | None = None


class Reader:
    """Find what texts read from these projects."""

    def __init__(self, projects: Collection[str]) -> None:
        self._projects = frozenset(projects)
        # A longer project first: `example-dev` is also the beginning of `example-dev:…`.
        self._names = "|".join(re.escape(name) for name in sorted(projects, key=len, reverse=True)) or r"(?!)"
        self._literal = self._pattern(())

    @property
    def projects(self) -> frozenset[str]:
        """The projects whose datasets are searched."""
        return self._projects

    def in_sql(self, text: str, own_project: str | None = None) -> list[Read]:
        """Return what SQL reads, templates included. `own_project` is what `{{ project }}` stands for."""
        variables = self._variables(text, own_project)
        return _in_order(text, self._in_statement(text, 0, len(text), variables))

    def in_python(self, text: str) -> list[Read]:
        """Return what the strings of a Python program read. Comments and docstrings do not count."""
        try:
            strings = list(_python_strings(text))
        except (tokenize.TokenError, SyntaxError):
            return self.in_sql(text)
        variables = self._variables(text, None)
        found: list[tuple[int, str, str | None]] = []
        for start, end in strings:
            # Only a long string is a statement with comments: `--` also begins an option of a command.
            if text[start:end].endswith(('"""', "'''")):
                begin = re.compile(r"\w*").match(text, start)
                first = (begin.end() if begin else start) + 3
                found += self._in_statement(text, first, end - 3, variables)
            else:
                found += self._in_string(text, start, end, variables)
        return _in_order(text, found)

    def in_value(self, text: str) -> list[tuple[str, str | None]]:
        """Return the projects and datasets that a YAML value names: `project.dataset`, or a project."""
        found = [(project, dataset) for _, project, dataset in self._in_string(text, 0, len(text), {})]
        alone = text.rpartition("=")[2].strip()
        return found or ([(alone, None)] if alone in self._projects else [])

    def _in_statement(
        self, text: str, start: int, end: int, variables: Mapping[str, str]
    ) -> Iterator[tuple[int, str, str | None]]:
        lexemes = list(_lexemes(text, start, end))
        starts = [first for first, _, _ in lexemes]
        for offset, after, project in self._mentions(text, start, end, variables):
            index = bisect_right(starts, offset) - 1
            kind = lexemes[index][2] if index >= 0 and offset < lexemes[index][1] else None
            dataset = _dataset(text, after, end, variables)
            if kind == "comment":
                continue
            if kind == "string" and not _BEFORE_TABLE.search(text, max(start, offset - _LONGEST_KEYWORD), offset):
                continue
            # A project alone is a reading one only as a whole name, or as a whole string of a template's tag.
            whole = (kind == "name" and text[offset - 1] == "`") or (kind == "tag" and _is_whole(text, offset, after))
            if dataset is not None or whole:
                yield offset, project, dataset or None

    def _in_string(
        self, text: str, start: int, end: int, variables: Mapping[str, str]
    ) -> Iterator[tuple[int, str, str | None]]:
        for offset, after, project in self._mentions(text, start, end, variables):
            dataset = _dataset(text, after, end, variables)
            if dataset is not None or _is_whole(text, offset, after):
                yield offset, project, dataset or None

    def _mentions(
        self, text: str, start: int, end: int, variables: Mapping[str, str]
    ) -> Iterator[tuple[int, int, str]]:
        names = tuple(name for name, value in variables.items() if value in self._projects)
        pattern = self._pattern(names) if names else self._literal
        for found in pattern.finditer(text, start, end):
            name = found["variable"]
            yield found.start(), found.end(), variables[name] if name else found["project"]

    def _pattern(self, variables: Collection[str]) -> re.Pattern[str]:
        names = "|".join(map(re.escape, variables)) or r"(?!)"
        variable = rf"\{{\{{?[-+]?\s*(?P<variable>{names})\s*[-+]?\}}\}}?"
        # A project in an address or an e-mail address is none: https://example-dev.example.com, x@example-dev.iam….
        return re.compile(rf"(?<![\w.:@/-])(?:(?P<project>{self._names})(?![\w-])|{variable})")

    def _variables(self, text: str, own_project: str | None) -> dict[str, str]:
        own = {} if own_project is None else dict.fromkeys(_OWN_PROJECT, own_project)
        return own | {found["name"]: found["value"] for found in _ASSIGNMENT.finditer(text)}


def _lexemes(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Yield begin, end and kind of each comment, tag, string and name, in a time linear to the text."""
    last = {opener: text.rfind(closer, start, end) for opener, closer in _CLOSERS.items()}
    unclosed: dict[str, int] = {}
    at = start
    while found := _OPENERS.search(text, at, end):
        opener, begin = found[0], found.start()
        at = begin + 1
        if opener in _CLOSERS:
            if found.end() <= last[opener]:
                at = text.index(_CLOSERS[opener], found.end(), end) + 2
                yield begin, at, "tag" if opener in _TAGS else "comment"
        elif opener in _QUOTED:
            for quote in (opener, opener[0]):
                if begin < unclosed.get(quote, start):
                    continue  # The text up to there has been searched for the end, without success.
                if quoted := _QUOTED[quote].match(text, begin, end):
                    at = quoted.end()
                    yield begin, at, "name" if quote == "`" else "string"
                    break
                unclosed[quote] = end if len(quote) > 1 else _end_of_line(text, begin, end)
        else:
            at = _end_of_line(text, begin, end)
            yield begin, at, "comment"


def template_tags(text: str) -> Iterator[tuple[int, int]]:
    """Yield the begin and the end of each tag and comment of a template."""
    last = {opener: text.rfind(closer) for opener, closer in _CLOSERS.items()}
    at = 0
    while found := _TEMPLATE_OPENERS.search(text, at):
        at = found.start() + 1
        if found.end() <= last[found[0]]:
            at = text.index(_CLOSERS[found[0]], found.end()) + 2
            yield found.start(), at


def _end_of_line(text: str, at: int, end: int) -> int:
    found = text.find("\n", at, end)
    return end if found < 0 else found


def _dataset(text: str, after: int, end: int, variables: Mapping[str, str]) -> str | None:
    """Return the dataset that follows a project; empty if it is not known, None if none follows."""
    found = _DATASET.match(text, after, end)
    if found is None:
        return None
    name = _VARIABLE.sub(lambda part: variables.get(part[1], "*"), found["dataset"])
    # Metadata of a project or region belongs to no dataset: `region-us`.INFORMATION_SCHEMA.
    return name if re.fullmatch(r"\w+", name) and name != "INFORMATION_SCHEMA" else ""


def _is_whole(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start] in _QUOTES and text[end : end + 1] in _QUOTES


def _in_order(
    text: str, found: Iterator[tuple[int, str, str | None]] | list[tuple[int, str, str | None]]
) -> list[Read]:
    """Return the reads with their places, without a project alone where a dataset of it is known."""
    listed = sorted(set(found), key=lambda each: each[0])
    known = {project for _, project, dataset in listed if dataset is not None}
    lines = [0, *(found.end() for found in re.finditer("\n", text))]
    reads = []
    for offset, project, dataset in listed:
        if dataset is not None or project not in known:
            line = bisect_right(lines, offset)
            reads.append(Read(line, offset - lines[line - 1] + 1, project, dataset))
    return reads


def _python_strings(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each string of a program begins and ends, without docstrings."""
    # The token at the end may be on a line of its own.
    lines = [0, *(found.end() for found in re.finditer("\n", text)), len(text), len(text)]
    started = getattr(tokenize, "FSTRING_START", None)
    ended = getattr(tokenize, "FSTRING_END", None)
    tokens = [each for each in tokenize.generate_tokens(io.StringIO(text).readline) if each.type != tokenize.COMMENT]
    first_of_line, opened = True, []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        start, end = (lines[row - 1] + column for row, column in (token.start, token.end))
        if token.type == started:
            opened.append(start)
        elif token.type == ended:
            begin = opened.pop()
            if not opened:
                yield begin, end
        elif token.type == tokenize.STRING and not opened:
            is_statement = first_of_line and following is not None and following.type == tokenize.NEWLINE
            if not is_statement:
                yield start, end
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            first_of_line = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
