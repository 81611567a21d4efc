"""Fixtures for commands that read from Fivetran and Google."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.process import Simulators, running

from .workspace import Workspace


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    """Run the simulators in a process of their own."""
    with running() as addresses:
        yield addresses


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
