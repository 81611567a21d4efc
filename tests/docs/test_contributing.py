"""CONTRIBUTING.md: its steps for a field, a command, a service and a rule, taken in a copy of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, read_blocks
from tests.docs.session import apply_diff

import reference

#: What the steps have to keep true. Of a field: that every key is described, read, in the model, written back.
TESTS = [
    "tests/test_schemas.py::test_every_field_is_described_in_a_sentence",
    "tests/test_schemas.py::test_every_pattern_and_condition_has_an_error_message",
    "tests/test_schemas.py::test_examples_and_defaults_are_valid",
    "tests/test_schemas.py::test_loader_reads_exactly_the_fields_of_the_schemas",
    "tests/test_schemas.py::test_model_fields_come_from_schema_fields_of_the_same_name",
    "tests/unit/config/test_write.py::test_every_file_there_is_can_be_written_and_read_back",
    "tests/unit/config/test_write.py::test_keys_stand_in_the_order_of_the_schema",
    # Of a command.
    "tests/unit/cli/test_owners.py",
    "tests/docs/test_pages.py::test_readme_names_every_command",
    # Of a service.
    "tests/unit/fivetran/test_catalog_files.py",
    "tests/unit/simulator/test_fivetran_catalogue.py::test_every_service_that_files_can_name_can_be_created_here",
    "tests/unit/simulator/test_fivetran_services.py::test_service_connects_with_what_it_needs_and_then_syncs",
    # Of a rule.
    "tests/unit/config/test_cases.py::test_validate_reports_each_bad_case_exactly[name_as_description]",
]
#: Runs what the steps name, in one process, since each process imports most of the product.
STEPS = """
import contextlib, os, pytest, sys
from pathlib import Path
from click.testing import CliRunner
from reconciler.cli.main import cli
import reference
root = Path.cwd()
for case in ("unit_wrong_values", "name_as_description"):
    os.chdir(root / "tests" / "config" / "bad" / case)
    result = CliRunner().invoke(cli, ["validate", "--specs", "."], standalone_mode=False)
    Path("expected.txt").write_text(result.stdout)
os.chdir(root)
assert reference.main(["--check"]) == 1
assert reference.main([]) == 0
sys.exit(pytest.main(["-q", "-p", "no:xdist", *sys.argv[1:]]))
"""
#: Not what is compiled: files keep their times, so the copy need not compile them again.
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".cache", ".mypy_cache", ".ruff_cache", ".hypothesis", "*.egg-info", "rehearsal"
)


def test_steps_of_contributing_pass_the_tests(tmp_path: Path):
    copy = Path(shutil.copytree(ROOT, tmp_path / "copy", ignore=LEFT_OUT))
    written = []
    for block in read_blocks(ROOT / "CONTRIBUTING.md"):
        name = block.lines[0].removeprefix("# ")
        if block.language == "diff":
            apply_diff(copy, block.lines)
        elif block.language in ("python", "yaml") and name != block.lines[0]:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_text("\n".join(block.lines[1:]) + "\n", encoding="utf-8")
        else:
            continue
        written.append(name)
    assert len(written) == 17, written

    folders = os.pathsep.join(str(copy / each) for each in ("infra", "tools", "."))
    ran = subprocess.run(
        [sys.executable, "-c", STEPS, *TESTS],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": folders},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr

    reports = {
        each.parent.name: each.read_text() for each in (copy / "tests" / "config" / "bad").glob("*/expected.txt")
    }
    assert "expected an address that begins with https://" in reports["unit_wrong_values"]
    assert "dev/shop.yaml:1:14: `description` is the name again" in reports["name_as_description"]
    pages = {each.name: each.read_text(encoding="utf-8") for each in (copy / "docs" / "reference").glob("*.md")}
    assert "`runbook`" in pages["unit.md"]
    assert "reconciler owners" in pages["commands.md"]
    assert "acme_crm" in (copy / "schemas" / "unit.schema.json").read_text(encoding="utf-8")


def test_reference_pages_are_what_the_code_says():
    assert reference.stale_files() == []
