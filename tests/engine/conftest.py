"""The real Pulumi CLI against the simulators, one pair of them for a worker, emptied before each test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from admin import Admin
from tests.engine.keeper import running_keeper
from tests.engine.prefork import preforked_python
from workspace import Tools, Workspace, without_log

from simulator.process import Simulators


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder runs the engine."""
    folder = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if str(item.path).startswith(folder):
            item.add_marker(pytest.mark.engine)


@pytest.fixture(scope="session")
def simulators(simulators: Simulators) -> Simulators:
    """A local Fivetran and GCP."""
    if shutil.which("pulumi") is None:
        pytest.fail('no pulumi on PATH: run the tests by `make test`, or `eval "$(make -s env)"` first')
    return simulators


@pytest.fixture
def admin(simulators: Simulators) -> Iterator[Admin]:
    """The simulators' admin side, everything forgotten."""
    side = Admin(simulators.admin_url)
    side.reset()
    yield side
    side.reset()
    side.close()


@pytest.fixture
def workspace(admin: Admin, simulators: Simulators, tmp_path: Path, tools: Tools) -> Workspace:
    """A stack `dev` with an environment and no units."""
    return Workspace(tmp_path / "work", simulators.environment, tools)


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory, pulumi_home: Path) -> Iterator[Tools]:
    """What every workspace needs and is the same for each."""
    folder = tmp_path_factory.mktemp("tools")
    with running_keeper() as keeper, preforked_python(folder / "preforked") as preforked:
        yield Tools.make(folder, pulumi_home, preforked=preforked, keeper=keeper)


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the CLI keeps its own things, apart from the user's."""
    return without_log(tmp_path_factory.mktemp("pulumi-home"))
