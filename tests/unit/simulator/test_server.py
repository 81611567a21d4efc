"""Both simulators as one process: started, found, stopped."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.engine.prefork import forking_simulators

from simulator.process import DidNotStart, Simulators, running, starting

from .google_engine import Engine

SERVER = [sys.executable, "-m", "simulator.server"]


@pytest.fixture(autouse=True)
def _forking() -> Iterator[None]:
    """Fork the servers, except the one of SERVER: each imports for a second."""
    with forking_simulators():
        yield


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def http_port(simulators: Simulators) -> int:
    return httpx.URL(simulators.fivetran_url).port or 80


def test_services_all_answer_at_the_addresses_in_the_environment(simulators: Simulators):
    keys = (simulators.environment["FIVETRAN_APIKEY"], simulators.environment["FIVETRAN_APISECRET"])
    assert httpx.get(f"{simulators.environment['FIVETRAN_API_URL']}/groups", auth=keys).json()["code"] == "Success"
    assert httpx.get(f"{simulators.fivetran_url}/groups").status_code == 401
    assert simulators.environment["PULUMI_DEBUG_PROVIDERS"] == f"gcp:{simulators.gcp_port}"
    engine = Engine(simulators.gcp_port, simulators.admin_url)
    assert engine.admin("GET", "/state")["projects"] is not None
    engine.close()
    manager = simulators.environment["GOOGLE_RESOURCE_MANAGER_V3_CUSTOM_ENDPOINT"]
    assert manager == simulators.resource_manager_url
    assert httpx.get(f"{manager}projects/p").json()["projectId"] == "p"
    iam = simulators.environment["GOOGLE_IAM_CUSTOM_ENDPOINT"]
    assert iam == simulators.iam_url
    assert httpx.get(f"{iam}roles/bigquery.user").json()["name"] == "roles/bigquery.user"
    endpoint = simulators.environment["GOOGLE_SECRET_MANAGER_CUSTOM_ENDPOINT"]
    assert endpoint == simulators.secret_manager_url
    assert httpx.get(f"{endpoint}projects/p/secrets").json() == {"secrets": [], "totalSize": 0}
    assert httpx.get(f"{simulators.admin_url}/secret-manager/state").json() == {}
    host = simulators.environment["STORAGE_EMULATOR_HOST"]
    assert f"http://{host}" == simulators.storage_url
    bucket = httpx.post(f"http://{host}/storage/v1/b?project=p", json={"name": "states"})
    assert bucket.json()["name"] == "states"
    assert httpx.get(f"http://{host}/storage/v1/b/states").json()["name"] == "states"


def test_reset_of_all_empties_the_services_and_sets_their_first_options(simulators: Simulators):
    with httpx.Client(base_url=simulators.admin_url) as admin:

        def everything() -> list[Any]:
            paths = ("snapshot", "options", "faults", "gcp/state", "gcp/faults", "secret-manager/state")
            return [admin.get(f"/{path}").raise_for_status().json() for path in paths]

        admin.post("/reset-all").raise_for_status()
        first = everything()
        version = {"project": "p", "secret": "s", "value": "x"}
        for method, path, body in (
            ("POST", "/groups", {"name": "Dev"}),
            ("PATCH", "/options", {"old_paths": False}),
            ("POST", "/faults", {"kind": "html"}),
            ("PUT", "/gcp/datasets/p/d", {}),
            ("POST", "/gcp/faults", {"method": "Create", "error": "denied"}),
            ("PUT", "/secret-manager/versions", {"versions": [version]}),
        ):
            admin.request(method, path, json=body).raise_for_status()
        assert all(now != before for now, before in zip(everything(), first, strict=True))
        admin.post("/reset-all").raise_for_status()
        assert everything() == first


def test_simulators_end_with_the_block_and_keep_nothing(simulators: Simulators):
    with running() as own:
        engine = Engine(own.gcp_port, own.admin_url)
        engine.admin("PUT", "/datasets/p/d", {})
        engine.close()
        assert own.gcp_port != simulators.gcp_port
    assert not listens(own.gcp_port)
    assert not listens(http_port(own))
    with running(gcp_port=own.gcp_port, fivetran_port=http_port(own)) as again:
        assert (again.gcp_port, http_port(again)) == (own.gcp_port, http_port(own))
        assert httpx.get(f"{again.admin_url}/gcp/state").json()["projects"] == {}


@pytest.mark.parametrize("option", ["fivetran_port", "gcp_port", "secret_manager_port"])
def test_taken_port_is_an_error_in_one_line(option: str, capfd: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with starting(**{option: port}) as process, pytest.raises(DidNotStart):
            process.ready()
    printed = capfd.readouterr().err
    assert printed.startswith("Error: cannot listen on 127.0.0.1: ")
    assert printed.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_server_cleanly_with_a_call_under_way(number: signal.Signals):
    with starting() as process:
        simulators = process.ready()
        engine = Engine(simulators.gcp_port, simulators.admin_url)
        fault = engine.admin("POST", "/faults", {"method": "Invoke", "hold": True})["number"]
        held = engine.stub.Invoke.future(engine.invoke_request("gcp:bigquery/getDataset:getDataset", datasetId="d"))
        engine.wait_until_held(fault)
        process.process.send_signal(number)
        assert process.process.wait(timeout=10) == 0
        assert held.exception(timeout=10) is not None
        engine.close()


def test_server_ends_when_its_parent_is_killed():
    parent_code = (
        "import subprocess, sys, time\n"
        f"command = [*{SERVER!r}, '--until-stdin-ends']\n"
        "subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sys.stdout, start_new_session=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        line = parent.stdout.readline()
        os.kill(parent.pid, signal.SIGKILL)
        assert '"gcp_port"' in line
        # The orphan has the pipe's other end, which closes when it ends.
        assert select.select([parent.stdout], [], [], 20)[0], "it went on alone"
        assert parent.stdout.read() == ""


def test_latency_is_added_to_calls_to_google_and_fivetran():
    with running(latency_ms=150) as slow:
        engine = Engine(slow.gcp_port, slow.admin_url)
        _, seconds = engine.timed(lambda: engine.create("gcp:bigquery/dataset:Dataset", {"datasetId": "d"}))
        assert seconds >= 0.15
        keys = (slow.fivetran_key, slow.fivetran_secret)
        answer, seconds = engine.timed(lambda: httpx.get(f"{slow.fivetran_url}/groups", auth=keys))
        assert answer.json()["code"] == "Success"
        assert seconds >= 0.15
        engine.close()
