"""libyaml's words for a syntax error → a sentence that says what to change."""

from __future__ import annotations

from typing import Any

import yaml

from reconciler.errors import Problem
from reconciler.specs.document import START

_INDENTATION = "check the indentation: keys of one mapping stand in one column"
_QUOTE = "put a text that contains `: ` or ` #`, or begins with one of {}[]&*!|>%@`, in quotes"

#: A part of libyaml's message → what we say, and what to do.
_EXPLANATIONS: tuple[tuple[str, str, str], ...] = (
    ("mapping values are not allowed", "a second `: ` in one entry, or a line indented too far", _QUOTE),
    ("block sequence entries are not allowed", "a list item where no list can be", _INDENTATION),
    ("did not find expected key", "expected another key here", _INDENTATION),
    ("could not find expected ':'", "expected `key: value`", _INDENTATION),
    ("did not find expected '-' indicator", "expected another list item here", _INDENTATION),
    ("did not find expected ',' or '}'", "the mapping in braces is not closed here", "add `,` or `}`"),
    ("did not find expected ',' or ']'", "the list in brackets is not closed here", "add `,` or `]`"),
    ("did not find expected node content", "expected a value here", _QUOTE),
    ("did not find expected <document start>", "expected the end of the file here", _INDENTATION),
    ("found unexpected end of stream", "the file ends inside a quoted text", "close the quote"),
    ("found unexpected document indicator", "the quoted text is not closed", "close the quote"),
    ("found unknown escape character", "an escape that YAML does not know", "double the \\, or use single quotes"),
    ("invalid Unicode character", "an escape that is no character", "write the character itself"),
    ("expected hexdecimal number", "an escape that is no character", "double the \\, or use single quotes"),
    ("found a tab character", "a tab in the indentation", "indent with spaces"),
    ("undefined tag handle", "a tag", "leave it out: a value is what it looks like"),
    ("unknown directive", "a directive, a line that begins with %", "leave it out"),
    ("incompatible YAML document", "a %YAML directive for another version", "leave it out: files are read as YAML 1.2"),
)


def explain(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """The problem behind an error of the parser. Quotes nothing of the file: a secret may stand there."""
    mark: Any = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    said = f"{error.context or ''} {error.problem or ''}"
    if "cannot start any token" in said:
        message, hint = _no_token(text[mark.index : mark.index + 1])
    else:
        message, hint = next(
            ((ours, what_to_do) for theirs, ours, what_to_do in _EXPLANATIONS if theirs in said),
            (f"not valid YAML: {error.problem}", _QUOTE),
        )
    begun = error.context_mark
    if begun is not None and begun.line != line:
        hint += f"; what is not finished here begins on line {begun.line + 1}"
    return Problem(file, *((line + 1, column + 1) if mark is not None else START), message, hint)


def _no_token(character: str) -> tuple[str, str]:
    if character == "\t":
        return "a tab in the indentation", "indent with spaces"
    return f"a value cannot begin with {character}", "put it in quotes"
