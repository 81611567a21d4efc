"""requirements.txt is what `pyproject.toml` asks for, pinned and hashed; it names no host."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
ENTRIES = re.split(r"\n(?=\S)", LOCK)


def pins():
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE))


@pytest.mark.parametrize("declared", DECLARED)
def test_every_declared_package_is_pinned_within_its_range(declared):
    requirement = Requirement(declared)
    pinned = pins().get(requirement.name.lower())
    assert pinned is not None, "run `make lock`"
    assert requirement.specifier.contains(pinned), "run `make lock`"


def test_every_pin_has_hashes():
    entries = [entry for entry in ENTRIES if "==" in entry]
    assert len(entries) == len(pins()) > len(DECLARED)
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_no_line_says_where_packages_come_from():
    lines = [line for line in LOCK.splitlines() if not line.lstrip().startswith(("#", "--hash="))]
    assert [line for line in lines if "://" in line or line.lstrip().startswith("-")] == []


def test_lock_file_names_the_command_that_writes_it():
    assert "make lock" in LOCK.splitlines()[1]
