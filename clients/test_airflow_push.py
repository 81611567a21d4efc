"""Push variables to real Airflow 2.10 and 3, and run the DAG that reads them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.workspace import ROOT, stripe

from clients.airflow_server import PASSWORD, USER, Airflow, losing_answers, serving
from clients.conftest import Client, Services
from clients.environments import environment

KEY = "fivetran_stripe_connector_id"
MISSING = {2: f"Variable {KEY} does not exist", 3: f"Variable {KEY} not found"}
BY_AIRFLOW = {"by": "airflow", "task_id": "fivetran_stripe"}


@pytest.fixture(scope="module", params=[2, 3])
def served(
    request: pytest.FixtureRequest, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    """Run an Airflow whose web server serves all tests of this file."""
    name = "airflow" if request.param == 2 else "airflow3"
    client = Client(environment(name), tmp_path_factory.mktemp(name), services)
    with serving(client, request.param) as airflow:
        yield airflow


@pytest.fixture
def airflow(served: Airflow) -> Iterator[Airflow]:
    """Return an Airflow without variables, and the deployed unit."""
    served.clear()
    served.client.services.workspace.write("stripe", stripe(schedule=BY_AIRFLOW))
    served.client.services.admin.forget_requests()
    yield served
    served.client.services.workspace.write("stripe", stripe(schedule=BY_AIRFLOW))


def push(airflow: Airflow, *options: str, url: str = "") -> tuple[int, dict[str, str]]:
    """Push as a job of CI does; return the exit code, and what happened to each variable."""
    env = {**airflow.client.services.workspace.env, "AIRFLOW_USERNAME": USER, "AIRFLOW_PASSWORD": PASSWORD}
    arguments = ["airflow-variables", "-e", "dev", "--push", url or airflow.url, "--format", "json", *options]
    program = str(Path(sys.executable).with_name("reconciler"))
    done = subprocess.run(
        [program, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert PASSWORD not in done.stdout + done.stderr
    assert done.returncode in (0, 1), done.stderr
    records: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return done.returncode, {each["variable"]: each["action"] for each in records}


def test_airflow_has_what_was_pushed_and_a_second_push_changes_nothing(airflow: Airflow):
    live = airflow.client.services.connection()
    assert push(airflow, "--dry-run") == (0, {KEY: "created"})
    assert airflow.variables() == {}
    assert push(airflow) == (0, {KEY: "created"})
    assert airflow.variables()[KEY]["value"] == live["id"]
    assert airflow.variables()[KEY]["description"].endswith(
        f"[fivetran-reconciler environment=dev connection={live['id']}]"
    )
    assert push(airflow) == (0, {KEY: "unchanged"})


def test_airflow_keeps_what_is_not_ours(airflow: Airflow):
    airflow.put(KEY, "kind_owl")
    airflow.put("other", "kind_owl")
    before = airflow.variables()
    assert push(airflow, "--prune", "--adopt") == (1, {KEY: "conflict"})
    assert airflow.variables() == before


def test_airflow_variables_are_adopted_updated_and_pruned(airflow: Airflow):
    airflow.put(KEY, airflow.client.services.connection()["id"])
    assert push(airflow) == (0, {KEY: "unmarked"})
    assert push(airflow, "--adopt") == (0, {KEY: "adopted"})
    changed = {**airflow.variables()[KEY], "value": "kind_owl"}
    body = {name: changed[name] for name in ("key", "value", "description")}
    airflow.http.patch(f"/variables/{KEY}", json=body).raise_for_status()
    assert push(airflow) == (0, {KEY: "updated"})
    airflow.client.services.workspace.write("stripe", stripe(schedule=BY_AIRFLOW, paused="INC-1"))
    assert push(airflow) == (1, {KEY: "obsolete"})
    assert push(airflow, "--prune") == (0, {KEY: "deleted"})
    assert airflow.variables() == {}


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_airflow_is_changed_once_when_the_answer_is_lost(airflow: Airflow, method: str):
    if method == "PATCH":
        airflow.put(KEY, airflow.client.services.connection()["id"])
    if method == "DELETE":
        push(airflow)
        airflow.client.services.workspace.write("stripe", stripe(schedule=BY_AIRFLOW, paused="INC-1"))
    action = {"POST": "created", "PATCH": "adopted", "DELETE": "deleted"}[method]
    with losing_answers(airflow.url, method) as url:
        assert push(airflow, "--prune", "--adopt", url=url) == (0, {KEY: action})
    assert set(airflow.variables()) == ({KEY} if method != "DELETE" else set())


def test_airflow_starts_the_pushed_connection_until_its_unit_expires(airflow: Airflow):
    services = airflow.client.services
    push(airflow, "--prune")
    services.admin.edit("stripe", paused=True)
    before = services.connection()
    services.admin.forget_requests()

    airflow.client.run("airflow", "dags", "test", "fivetran_stripe")

    after = services.connection()
    assert (after["syncs"], after["paused"]) == (before["syncs"] + 1, False)
    assert ("POST", f"/v1/connectors/{before['id']}/force", 200) in airflow.client.asked()

    services.workspace.write("stripe", {**stripe(schedule=BY_AIRFLOW), "expires": "2027-01-10"})
    assert push(airflow, "--prune", "--today", "2027-01-10") == (0, {KEY: "unchanged"})
    assert push(airflow, "--prune", "--today", "2027-01-11") == (0, {KEY: "deleted"})
    services.admin.forget_requests()

    failed = airflow.client.attempt("airflow", "dags", "test", "fivetran_stripe")

    assert MISSING[airflow.version] in failed.stdout
    assert services.connection()["syncs"] == after["syncs"]
    assert [each for each in airflow.client.asked() if each[0] != "GET"] == []
