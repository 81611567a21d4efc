"""Check docstrings, messages, test names and pages for plain words: who does what, in the present tense."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

import pytest
from tests.docs.pages import find_pages, prose
from tests.sources import ROOT, sources, tree

#: Words that hide who does what, and the words of an old dialect.
VAGUE = re.compile(
    r"\b(somebody|someone|nobody|anybody|everybody|whoever|whosoever|said|gets? in|lets? in|lives (as|in)"
    r"|refus(es|ed|als?)|tak(en|es?) over"
    r"|(is|are|be|was|were) (said|held)|told|tells"
    r"|giv(es?|ing) way|yields to|(run|job) that died|meets? (trouble|no faults)|in trouble|(is|was) got over"
    r"|so many)\b",
    re.IGNORECASE,
)
#: Names that say nothing of what a variable holds.
VAGUE_NAMES = {"said", "told"}
#: What these words are part of, where they are no prose.
NAMES = re.compile(r"someone@example\.com|`[^`]*`")

FOLDERS = ["infra", "tools", "rehearsal", "clients"]

LONGEST_FIRST_LINE = 100


@pytest.mark.parametrize("folder", FOLDERS)
def test_first_line_of_a_docstring_is_short(folder: str):
    found = [
        f"{source.path}: {first}"
        for source in sources(folder)
        for _, text in source.docstrings
        if len(first := text.splitlines()[0]) > LONGEST_FIRST_LINE
    ]
    assert found == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstring_has_no_paragraph_twice(folder: str):
    repeated = [
        f"{source.path}:{line}: {text}"
        for source in sources(folder)
        for line, text in source.docstrings
        if len(set(paragraphs := text.split("\n\n"))) < len(paragraphs)
    ]
    assert repeated == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_and_messages_name_who_does_what(folder: str):
    found = [
        f"{source.path}:{number}: {line.strip()}"
        for source in sources(folder)
        for number, text in source.strings
        for line in text.splitlines()
        if VAGUE.search(NAMES.sub("", line))
    ]
    assert found == []


def test_docstrings_of_tests_name_who_does_what():
    found = [
        f"{source.path}: {line.strip()}"
        for source in sources("tests")
        for _, text in source.docstrings
        for line in text.splitlines()
        if VAGUE.search(NAMES.sub("", line))
    ]
    assert found == []


@pytest.mark.parametrize("folder", [*FOLDERS, "tests"])
def test_comments_name_who_does_what(folder: str):
    found = [
        f"{source.path}:{token.start[0]}: {token.string}"
        for source in sources(folder)
        if any(VAGUE.search(NAMES.sub("", text)) for text in _possible_comments(source.text))
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline)
        if token.type == tokenize.COMMENT and VAGUE.search(NAMES.sub("", token.string))
    ]
    assert found == []


def _possible_comments(text: str) -> Iterator[str]:
    """Yield what follows each `#`, also in strings. Every comment is among it, and tokenizing takes much longer."""
    for line in text.splitlines():
        for found in re.finditer("#", line):
            yield line[found.start() :]


@pytest.mark.parametrize("folder", [*FOLDERS, "tests"])
def test_names_say_what_a_variable_holds(folder: str):
    found = [
        f"{source.path}:{node.lineno}: {name}"
        for source in sources(folder)
        if any(name in source.text for name in VAGUE_NAMES)
        for node in ast.walk(tree(source))
        if isinstance(node, (ast.Name, ast.arg, ast.Attribute, ast.FunctionDef))
        if (name := _name(node)) in VAGUE_NAMES
    ]
    assert found == []


def _name(node: ast.Name | ast.arg | ast.Attribute | ast.FunctionDef) -> str:
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.FunctionDef(name=name):
            return name
    raise TypeError(node)


def test_pages_name_who_does_what():
    found = [
        f"{page.relative_to(ROOT)}:{line}: {text.strip()}"
        for page in find_pages()
        for line, text in prose(page)
        if VAGUE.search(NAMES.sub("", text))
    ]
    assert found == []


def test_test_names_name_who_does_what():
    found = [
        f"{source.path}: {name}"
        for folder in ("tests", "clients", "rehearsal")
        for source in sources(folder)
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", source.text, re.MULTILINE)
        if VAGUE.search(name.replace("_", " "))
    ]
    assert found == []
