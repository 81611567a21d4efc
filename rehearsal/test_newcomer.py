"""A newcomer brings a connector into dev: eight commands, from the clone to the variable in Airflow."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from clients.airflow_server import PASSWORD, USER, Airflow, serving
from clients.conftest import Client
from clients.environments import environment

from rehearsal.newcomer import shell
from rehearsal.scene import OWNER, Scene
from simulator.process import Simulators

MOST_COMMANDS = 8
_ANN = {"NAME": "Ann", "EMAIL": "ann@example.com"}
KEY = "rk_live_typed_without_echo"
VARIABLE = "fivetran_shop_connector_id"
BRANCH = "reconciler/add-shop-in-dev"


@pytest.fixture
def airflow(simulators: Simulators, tmp_path: Path) -> Any:
    """Run Airflow 3 with its web server, to which the merge pushes."""
    folder = tmp_path / "airflow"
    folder.mkdir()

    # It runs no DAG, and so needs no address of the services.
    services = SimpleNamespace(simulators=simulators, fronts=SimpleNamespace(variables={}))
    with serving(Client(environment("airflow3"), folder, cast(Any, services)), 3) as found:
        yield found


def variables(scene: Scene) -> dict[str, str]:
    """Return what a newcomer's shell has: installed tools, and the credentials of a data engineer."""
    name = {f"GIT_{who}_{what}": f"{text}" for who in ("AUTHOR", "COMMITTER") for what, text in _ANN.items()}
    found = {
        key: value for key, value in scene.actions.variables.items() if not key.startswith(("GITHUB", "REHEARSAL"))
    }
    path = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if ".venv" not in each)
    # The installer's caches are those of this machine: "with caches warm".
    # Where this machine gets its packages.
    found |= {key: value for key, value in os.environ.items() if key.startswith(("UV_", "PIP_", "SSL_"))}
    return {**found, **name, "PATH": path, "HOME": os.environ["HOME"], "RECONCILER_TODAY": scene.today.isoformat()}


def test_newcomer_needs_eight_commands_from_the_clone_to_airflow(
    scene: Scene, airflow: Airflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    scene.actions.vars.update(AIRFLOW_URL=airflow.url, AIRFLOW_USERNAME=USER)  # type: ignore[attr-defined]
    scene.actions.secrets.update(AIRFLOW_PASSWORD=PASSWORD)  # type: ignore[attr-defined]
    origin = scene.actions.origin
    with shell(tmp_path, variables(scene)) as ann:
        ann.type(f"git clone --quiet {origin} data && cd data")
        ann.type('eval "$(make -s env)"')
        drafted = ann.type(
            "reconciler new stripe -e dev --name shop --owner ann@example.com --description 'Payments of the shop.' "
            "--task-id fivetran_shop",
            **{r"Write it\?": "y"},
        )
        assert "reconciler secret put -e dev fivetran-shop-api-key" in drafted
        put = ann.type(
            "reconciler secret put -e dev fivetran-shop-api-key",
            **{r"Create it\?": "y", r"not shown\): ": KEY},
        )
        assert "wrote version 1 of the secret fivetran-shop-api-key" in put
        assert KEY not in put
        assert "no problems" in ann.type("reconciler validate")
        assert BRANCH in ann.type("reconciler propose", **{r"pull request with it\?": "y"})
        scene.hub.state.sync(scene.hub.repository)
        # A click: there is no `gh` on this machine.
        number = scene.hub.open(BRANCH, title="Add shop in dev")
        with ann.waiting_for("the pull request's preview comment"):
            scene.run_pull_request(number).ok()
        [comment] = scene.comments(number)
        assert "creates the connection shop (stripe)" in comment
        scene.hub.review(number, OWNER)
        before = scene.hub.main
        scene.hub.merge(number)
        with ann.waiting_for("the merge's run"):
            scene.run_merge(before).ok()
        status = ann.type("reconciler status -e dev --wait --interval 1s shop")
    live = scene.admin.connections()["shop"]
    assert f"the DAG can be enabled with {VARIABLE} = {live['id']}" in status
    assert airflow.variables()[VARIABLE]["value"] == live["id"]
    assert live["setup_state"] == "connected"
    tmp_path.joinpath("transcript.txt").write_text(f"{ann.transcript}\n\n{comment}", encoding="utf-8")
    with capsys.disabled():
        print(f"\n{ann.report()}")  # noqa: T201 (what docs/benchmarks.md shows)
    assert len(ann.commands) <= MOST_COMMANDS
