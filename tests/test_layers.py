"""Imports run one way: the table in CONTRIBUTING.md, held against the code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "infra" / "reconciler"

PURE = {"model", "policy", "errors", "spelling", "projection", "access", "expiry", "removal", "airflow", "tables"}
PURE |= {"today", "roles", "datasets", "commands", "trust", "masking", "archive"}

#: What each room may import of ours, besides itself.
ALLOWED: dict[str, set[str]] = {
    "model": {"errors", "policy"},
    "policy": set(),
    "errors": set(),
    "masking": set(),
    "today": {"errors"},
    "spelling": set(),
    "archive": set(),
    "roles": set(),
    "commands": set(),
    "trust": {"model"},
    "projection": {"model", "spelling", "services"},
    "access": {"model", "policy"},
    "expiry": {"model", "policy", "commands"},
    "removal": {"model", "policy", "errors", "expiry", "airflow"},
    "datasets": {"model", "access", "removal"},
    "airflow": {"model"},
    "tables": {"model", "projection"},
    "services": {"errors", "spelling"},
    "specs": {
        "commands",
        "model",
        "policy",
        "access",
        "roles",
        "expiry",
        "today",
        "errors",
        "services",
        "spelling",
        "trust",
        "archive",
    },
    "client": set(),
    "bigquery": {"errors"},
    "iam": {"errors"},
    "secrets": {"commands", "model", "errors", "masking"},
    "provider": PURE | {"client", "secrets", "specs", "services", "bigquery"},
    "gcp": PURE | {"bigquery", "secrets", "specs"},
    "functions": PURE | {"gcp"},
    "project": PURE | {"gcp"},
    "program": PURE | {"specs", "provider", "gcp", "functions", "project", "secrets"},
    "drafts": PURE | {"specs", "services", "client", "bigquery"},
    "cli": PURE | {"drafts"} | {"specs", "services", "client", "bigquery", "iam", "secrets", "simulator"},
    "simulator": set(),
}

#: Only these talk to Pulumi. The simulator speaks its provider protocol, with Pulumi's generated messages.
PULUMI = {"provider", "gcp", "functions", "project", "program", "simulator"}

MODULES = sorted(file for file in PACKAGE.rglob("*.py") if file.parent != PACKAGE or file.stem != "__init__")


def imports(file: Path) -> set[str]:
    """The dotted names that a file imports, wherever in it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "reconciler" else {module}
    return found


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_room_imports_only_what_it_may(file):
    room = room_of(file)
    ours = {name.split(".")[1] for name in imports(file) if name.startswith("reconciler.")}
    assert ours <= ALLOWED[room] | {room}


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_only_the_rooms_beside_the_engine_import_pulumi(file):
    uses = any(name.split(".")[0] in {"pulumi", "pulumi_gcp"} for name in imports(file))
    assert not uses or room_of(file) in PULUMI


def test_every_room_is_in_the_table():
    assert {room_of(file) for file in MODULES} == set(ALLOWED)
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for room in ALLOWED:
        assert f"`{room}`" in contributing or f"`{room}/`" in contributing


def test_the_program_itself_is_thin():
    assert len((ROOT / "infra" / "__main__.py").read_text(encoding="utf-8").splitlines()) <= 20
