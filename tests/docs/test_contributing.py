"""CONTRIBUTING.md: its steps, taken in a copy of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, read_blocks
from tests.docs.session import apply_diff

#: What the steps of "Add a field" have to keep true: every key is described, read, in the model, written back.
TESTS = [
    "tests/test_schemas.py::test_every_field_is_described_in_a_sentence",
    "tests/test_schemas.py::test_every_pattern_and_condition_has_words_for_the_one_who_breaks_it",
    "tests/test_schemas.py::test_examples_and_defaults_are_valid",
    "tests/test_schemas.py::test_the_loader_reads_exactly_the_fields_of_the_schemas",
    "tests/test_schemas.py::test_model_fields_come_from_schema_fields_of_the_same_name",
    "tests/unit/config/test_write.py::test_every_file_there_is_can_be_written_and_read_back",
    "tests/unit/config/test_write.py::test_keys_stand_in_the_order_of_the_schema",
]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".cache", ".mypy_cache", ".ruff_cache", ".hypothesis", "__pycache__", "*.egg-info"
)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository, to be changed."""
    return Path(shutil.copytree(ROOT, tmp_path / "copy", ignore=LEFT_OUT))


@pytest.fixture
def run(copy: Path) -> Run:
    """Runs Python in the copy, on the copy's code."""

    def python(*arguments: str, cwd: Path = copy) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": f"{copy / 'infra'}{os.pathsep}{copy / 'tools'}"}
        return subprocess.run(
            [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False
        )

    return python


def test_adding_a_field_as_described_passes_the_tests_of_fields(copy: Path, run: Run):
    diffs = [block for block in read_blocks(copy / "CONTRIBUTING.md") if block.language == "diff"]
    for block in diffs:
        apply_diff(copy, block.lines)
    assert len(diffs) == 7

    ran = run("-m", "pytest", "-q", "-p", "no:xdist", *TESTS)
    assert ran.returncode == 0, ran.stdout + ran.stderr

    validate = "from reconciler.cli.main import main; main(['validate', '--specs', '.'])"
    bad = run("-c", validate, cwd=copy / "tests" / "config" / "bad" / "unit_wrong_values")
    assert "expected an address that begins with https://" in bad.stdout

    assert run("tools/reference.py", "--check").returncode == 1
    assert run("tools/reference.py").returncode == 0
    assert "`runbook`" in (copy / "docs" / "reference" / "unit.md").read_text(encoding="utf-8")


def test_reference_pages_are_what_the_code_says(run: Run):
    checked = run(str(ROOT / "tools" / "reference.py"), "--check", cwd=ROOT)
    assert checked.returncode == 0, checked.stderr
