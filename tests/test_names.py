"""The names of tests: `test_<subject>_<does what>[_when_<condition>]`, short enough to be read in a report."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 80


def test_names_of_tests_are_short():
    long = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {node.name} has {len(node.name)} characters"
        for folder in ("tests", "clients", "rehearsal")
        for file in sorted((ROOT / folder).rglob("test_*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len(node.name) > LONGEST
    ]
    assert long == []
