"""Explain libyaml's syntax errors."""

from __future__ import annotations

import re
from typing import Any

import yaml

from reconciler.config.yaml.document import START, Place
from reconciler.model.errors import Problem

_INDENTATION = "check the indentation: keys of one mapping start in the same column"
SPACE = "write a colon and a space between a key and its value"
_LIST = "begin the list on a line of its own, or write [a, b]"
_QUOTE = "put a text that contains `: ` or ` #`, or begins with one of {}[]&*!|>%@`, in quotes"

#: A part of libyaml's message → what we say, and what to do.
_EXPLANATIONS: tuple[tuple[str, str, str], ...] = (
    ("mapping values are not allowed", "a second `: ` in one entry", _QUOTE),
    ("found unexpected ':'", "a colon with nothing after it", SPACE),
    ("block sequence entries are not allowed", "a list item where no list can be", _LIST),
    ("did not find expected key", "expected another key here", _INDENTATION),
    ("did not find expected '-' indicator", "expected another list item here", _INDENTATION),
    ("did not find expected ',' or '}'", "the mapping in braces is not closed here", "add `,` or `}`"),
    ("did not find expected ',' or ']'", "the list in brackets is not closed here", "add `,` or `]`"),
    ("did not find expected node content", "expected a value here", _QUOTE),
    ("did not find expected <document start>", "expected the end of the file here", _INDENTATION),
    ("scanning an alias", "a value cannot begin with *", "put it in quotes"),
    ("scanning an anchor", "a value cannot begin with &", "put it in quotes"),
    ("found unknown escape character", "an unknown escape", "double the \\, or use single quotes"),
    ("invalid Unicode character", "an escape that is not a character", "write the character itself"),
    ("expected hexdecimal number", "an escape that is not a character", "double the \\, or use single quotes"),
    ("found a tab character", "a tab in the indentation", "indent with spaces"),
    ("undefined tag handle", "a tag", "remove it: a value's type follows from its form"),
    ("unknown directive", "a directive, a line that begins with %", "remove it"),
    ("incompatible YAML document", "a %YAML directive for another version", "remove it: files are read as YAML 1.2"),
)
#: The same for faults that stand where the unfinished thing begins, however much later the parser stumbles.
_AT_THE_BEGINNING: tuple[tuple[str, str, str], ...] = (
    ("could not find expected ':'", "expected `key: value`", f"{SPACE}; the further lines of a text are indented"),
    ("found unexpected end of stream", "a quote that is not closed", "close it where the text ends"),
    ("found unexpected document indicator", "a quote that is not closed", "close it where the text ends"),
)
_CONFLICT = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)
_EMPTY = re.compile(r" *(#|$)")
#: A line like `service:stripe` or `service = stripe`. What follows is read as its continuation.
_NO_COLON_AND_SPACE = re.compile(r" *(- )?[\w.-]+(:(?=[^ :])| *= *)((?!: ).)*")


def explain(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """Return the problem behind an error of the parser.

    Quotes nothing of the file, which may hold a secret.
    """
    mark: Any = error.problem_mark or error.context_mark
    begun: Any = error.context_mark
    reason = f"{error.context or ''} {error.problem or ''}"
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        return Problem(file, line, 1, "an unresolved merge conflict", "keep the right lines, and delete the markers")
    if mark is None:
        return Problem(file, *START, f"not valid YAML: {error.problem}", _QUOTE)
    for theirs, ours, what_to_do in _AT_THE_BEGINNING:
        if theirs in reason and begun is not None:
            return Problem(file, begun.line + 1, begun.column + 1, ours, what_to_do)
    second_colon = "mapping values are not allowed" in reason
    if (second_colon or "did not find expected key" in reason) and (above := _without_colon(text, mark.line)):
        return Problem(file, *above, "expected `key: value`", SPACE)
    before = text.splitlines()[mark.line][: mark.column] if second_colon else ""
    if second_colon and ": " not in before:
        column = len(before) - len(before.lstrip()) + 1
        return Problem(file, mark.line + 1, column, "a line indented too far", _INDENTATION)
    message, hint = _message(reason, text, mark.index)
    if begun is not None and begun.line != mark.line:
        hint += f"; the unfinished part begins on line {begun.line + 1}"
    return Problem(file, mark.line + 1, mark.column + 1, message, hint)


def _without_colon(text: str, line: int) -> Place | None:
    """Return the place of the last content above a line (from 0) if it lacks a colon and a space."""
    for number, content in reversed(list(enumerate(text.splitlines()[:line], 1))):
        if not _EMPTY.match(content):
            column = len(content) - len(content.lstrip()) + 1
            return (number, column) if _NO_COLON_AND_SPACE.fullmatch(content.rstrip()) else None
    return None


def _message(reason: str, text: str, index: int) -> tuple[str, str]:
    if "cannot start any token" in reason:
        if text[index : index + 1] == "\t":
            return "a tab in the indentation", "indent with spaces"
        return f"a value cannot begin with {text[index : index + 1]}", "put it in quotes"
    if "did not find expected key" in reason and text[:index].rstrip(" ").endswith(("'", '"')):
        return "text after a closing quote", "write a quote inside the text twice, or put the other kind around it"
    for theirs, ours, what_to_do in _EXPLANATIONS:
        if theirs in reason:
            return ours, what_to_do
    return f"not valid YAML: {reason.strip()}", _QUOTE
