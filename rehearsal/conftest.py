"""The local services, and one stack that a rehearsal works on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.admin import Admin
from tests.engine.prefork import preforked_python
from tests.engine.workspace import Tools, Workspace, without_log

from rehearsal.scene import Scene, set_up
from simulator.process import Simulators, running


@pytest.fixture(scope="session")
def simulators() -> Iterator[Simulators]:
    """Serve a local Fivetran and a local Google Cloud."""
    with running() as addresses:
        yield addresses


@pytest.fixture
def admin(simulators: Simulators) -> Iterator[Admin]:
    """Return the services' admin side, after everything is reset."""
    side = Admin(simulators.admin_url)
    side.reset()
    yield side
    side.reset()
    side.close()


@pytest.fixture
def workspace(simulators: Simulators, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Return a stack `dev` with an environment and no units."""
    folder = tmp_path_factory.mktemp("tools")
    with preforked_python(folder / "preforked") as preforked:
        tools = Tools.make(folder, without_log(folder / "pulumi-home"), preforked=preforked)
        yield Workspace(tmp_path / "work", simulators.environment, tools)


@pytest.fixture
def scene(simulators: Simulators, admin: Admin, tmp_path: Path) -> Iterator[Scene]:
    """Serve a repository on a local GitHub."""
    with set_up(simulators, admin, tmp_path) as found:
        yield found
