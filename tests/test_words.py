"""Check docstrings, messages, test names and pages for plain words: who does what, in the present tense."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.pages import find_pages, prose

ROOT = Path(__file__).resolve().parent.parent

#: Words that hide who does what, and the words of an old dialect.
VAGUE = re.compile(
    r"\b(somebody|someone|nobody|anybody|everybody|whoever|whosoever|said|gets? in|lets? in|lives (as|in)"
    r"|refus(es|ed|als?)|tak(en|es?) over"
    r"|(is|are|be|was|were) (told|said|held)|tells)\b",
    re.IGNORECASE,
)
#: Names that say nothing of what a variable holds.
VAGUE_NAMES = {"said", "told"}
#: What these words are part of, where they are no prose.
NAMES = re.compile(r"someone@example\.com|`[^`]*`")

FOLDERS = ["infra", "tools", "rehearsal", "clients"]

LONGEST_FIRST_LINE = 100


def trees(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield each module of these folders by its path."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_first_line_of_a_docstring_is_short(folder: str):
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        f"{file}: {first}"
        for file, tree in trees(folder)
        for node in ast.walk(tree)
        if isinstance(node, documented) and (text := ast.get_docstring(node))
        if len(first := text.splitlines()[0]) > LONGEST_FIRST_LINE
    ]
    assert found == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstring_has_no_paragraph_twice(folder: str):
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    repeated = [
        f"{file}:{getattr(node, 'lineno', 1)}: {ast.get_docstring(node)}"
        for file, tree in trees(folder)
        for node in ast.walk(tree)
        if isinstance(node, documented) and (paragraphs := (ast.get_docstring(node) or "").split("\n\n"))
        if len(set(paragraphs)) < len(paragraphs)
    ]
    assert repeated == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_and_messages_name_who_does_what(folder: str):
    found = [
        f"{file}:{node.lineno}: {line.strip()}"
        for file, tree in trees(folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
        for line in node.value.splitlines()
        if VAGUE.search(NAMES.sub("", line))
    ]
    assert found == []


def test_docstrings_of_tests_name_who_does_what():
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        f"{file}: {line.strip()}"
        for file, tree in trees("tests")
        for node in ast.walk(tree)
        if isinstance(node, documented)
        for line in (ast.get_docstring(node) or "").splitlines()
        if VAGUE.search(NAMES.sub("", line))
    ]
    assert found == []


@pytest.mark.parametrize("folder", [*FOLDERS, "tests"])
def test_comments_name_who_does_what(folder: str):
    found = []
    for file in sorted((ROOT / folder).rglob("*.py")):
        with file.open("rb") as lines:
            found += [
                f"{file.relative_to(ROOT)}:{token.start[0]}: {token.string}"
                for token in tokenize.tokenize(lines.readline)
                if token.type == tokenize.COMMENT and VAGUE.search(NAMES.sub("", token.string))
            ]
    assert found == []


@pytest.mark.parametrize("folder", [*FOLDERS, "tests"])
def test_names_say_what_a_variable_holds(folder: str):
    found = [
        f"{file}:{node.lineno}: {name}"
        for file, tree in trees(folder)
        for node in ast.walk(tree)
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
        f"{file}: {node.name}"
        for file, tree in trees("tests", "clients", "rehearsal")
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
        if VAGUE.search(node.name.replace("_", " "))
    ]
    assert found == []
