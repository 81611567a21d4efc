"""Fixtures: the local services with a deployed environment, and the processes of clients."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.engine.admin import Admin
from tests.engine.workspace import Tools, Workspace, stripe

from clients.environments import HERE, environment
from clients.fronts import Fronts, listening
from simulator.process import Simulators, running

#: Seconds for a client on a busy machine.
_TIMEOUT_S = 600
#: Seconds of a sync, so that clients must wait for its end.
SYNC_SECONDS = 2


@dataclass
class Services:
    """The local services."""

    simulators: Simulators
    fronts: Fronts
    admin: Admin
    workspace: Workspace

    @property
    def group(self) -> str:
        """The name of the group, called destination in Fivetran's clients."""
        return "Group_Dev"

    def connection(self) -> Any:
        """Return the connection of the deployed unit in Fivetran."""
        return self.admin.connections()["stripe"]

    @property
    def api_key(self) -> str:
        """The API key for Fivetran's command line."""
        pair = f"{self.simulators.fivetran_key}:{self.simulators.fivetran_secret}"
        return base64.b64encode(pair.encode()).decode()


@dataclass
class Client:
    """A client in its environment."""

    programs: Path
    folder: Path
    services: Services
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the client's processes."""
        return {
            "PATH": os.pathsep.join([str(self.programs), os.environ["PATH"]]),
            "HOME": str(self.folder),
            "CI": "true",
            "DO_NOT_TRACK": "1",
            **self.services.fronts.variables,
            **self.variables,
        }

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        """Run a program of the environment and return its output. If it fails, the test fails."""
        done = self.attempt(program, *arguments, cwd=cwd)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def attempt(self, program: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment that may fail."""
        return subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=cwd or self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )

    def script(self, file: str, **arguments: Any) -> Any:
        """Run a Python file of this folder with arguments as JSON. Returns the JSON on its last line."""
        return json.loads(self.run("python", str(HERE / file), json.dumps(arguments)).strip().splitlines()[-1])

    def asked(self) -> list[tuple[str, str, int]]:
        """Return Fivetran's requests since the last reset: method, path and status."""
        return [(each["method"], each["path"], each["status"]) for each in self.services.admin.requests()]


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Local services in which `pulumi up` has created a unit that Airflow syncs."""
    folder = tmp_path_factory.mktemp("services")
    for name in ("home", "tools"):
        (folder / name).mkdir()
    with running() as simulators, listening(_names(simulators), folder) as fronts:
        admin = Admin(simulators.admin_url)
        workspace = Workspace(folder / "work", simulators.environment, Tools.make(folder / "tools", folder / "home"))
        workspace.write("stripe", stripe(schedule={"by": "airflow", "task_id": "fivetran_stripe"}))
        workspace.up().ok()
        admin.options(sync_seconds=SYNC_SECONDS)
        yield Services(simulators, fronts, admin, workspace)
        admin.close()


def _names(simulators: Simulators) -> Mapping[str, str]:
    """Return the services' host names with their local addresses."""
    return {
        "api.fivetran.com": simulators.fivetran_url,
        "bigquery.googleapis.com": simulators.bigquery_url,
        "cloudresourcemanager.googleapis.com": simulators.resource_manager_url,
        "secretmanager.googleapis.com": simulators.secret_manager_url,
    }


@pytest.fixture
def client(request: pytest.FixtureRequest, services: Services, tmp_path: Path) -> Client:
    """Return the client of the test's file: `test_airflow.py` uses Airflow's environment."""
    services.admin.forget_requests()
    return Client(environment(request.path.stem.removeprefix("test_")), tmp_path, services)
