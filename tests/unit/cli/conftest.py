"""Fixtures of the commands that look at Fivetran and Google."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.process import Simulators, running

from .shop import Shop


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    """The simulators, in a process of their own."""
    with running() as addresses:
        yield addresses


@pytest.fixture
def shop(
    simulators: Simulators, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shop]:
    """An empty account and project, the variables that lead there, and a specs folder below the working directory."""
    for name, value in simulators.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("RECONCILER_SPECS", "RECONCILER_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    shop = Shop(simulators, tmp_path / "connectors", capsys)
    yield shop
    shop.close()
