"""The Python files of the checkout, each parsed once in a test process, for tests that read code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
#: The fields of a statement that hold statements.
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass
class Source:
    """What tests look at in a file."""

    path: str
    """From the root of the checkout."""
    text: str
    docstrings: list[tuple[int, str]] = field(default_factory=list)
    """Of the module, its classes and functions, with the line of each of these."""
    strings: list[tuple[int, str]] = field(default_factory=list)
    """The strings with a space in them, docstrings included; of tests none."""
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    """Wherever they stand in the file."""


@cache
def sources(folder: str) -> tuple[Source, ...]:
    """Return the files of a folder by their paths."""
    return tuple(_read(file) for file in sorted((ROOT / folder).rglob("*.py")))


def tree(source: Source) -> ast.Module:
    """Parse a file again, for what only few files have."""
    return ast.parse(source.text)


def _read(file: Path) -> Source:
    found = Source(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
    module = tree(found)
    for node in _statements(module):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.imports.append(node)
        elif isinstance(node, _DOCUMENTED) and (text := ast.get_docstring(node)):
            found.docstrings.append((getattr(node, "lineno", 1), text))
    if not found.path.startswith("tests/"):
        found.strings = [
            (node.lineno, node.value)
            for node in _all_nodes(module)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
        ]
    return found


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    left: list[ast.AST] = [module]
    while left:
        node = left.pop()
        yield node
        for name in _BLOCKS:
            left += getattr(node, name, ())


def _all_nodes(module: ast.Module) -> Iterator[ast.AST]:
    # `ast.walk` takes twice as long, and half of what it yields says only that a name is read.
    left: list[ast.AST] = [module]
    while left:
        node = left.pop()
        yield node
        for name in node._fields:
            inner = getattr(node, name, None)
            if isinstance(inner, list):
                left += [each for each in inner if isinstance(each, ast.AST)]
            elif isinstance(inner, ast.AST) and not isinstance(inner, ast.expr_context):
                left.append(inner)
