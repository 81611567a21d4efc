"""Fixtures for commands that read from Fivetran and Google, and for commands that need a process of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.prefork import modules_of_commands, shared_or_preforked

from simulator.process import Simulators

from .workspace import Workspace


@pytest.fixture(scope="session")
def program() -> Iterator[list[str]]:
    """Return the command line of `reconciler`, in a process forked from one that has imported what commands import."""
    with shared_or_preforked(*modules_of_commands()) as command:
        yield [*command, "-c", "from reconciler.cli.main import main; main()"]


@pytest.fixture
def workspace(
    simulators: Simulators, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Workspace]:
    """Set the variables of an empty account and project, and a specs folder below the working directory."""
    for name, value in simulators.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("RECONCILER_SPECS", "RECONCILER_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(simulators, tmp_path / "connectors", capsys)
    yield workspace
    workspace.close()
