"""`reconciler simulate`, without Pulumi."""

import base64
import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
import yaml

from reconciler.cli.local_stacks import create_stacks, find_project, shared_settings
from reconciler.model.errors import ReconcilerError

UNIT = """\
description: Payments.
owners: [owner@example.com]
connector:
  service: acme
  destination: {schema: stripe}
  config:
    api_key: {env: STRIPE_KEY}
    deep: [{token: {env: DEEP_TOKEN, version: 2}}]
    pats: [{secret: fivetran-pat, version: 3}, {secret: fivetran-pat}, {secret: other, project: other-project}]
    signer: {pulumi_config: signer_key}
    held: {held_by: fivetran}
dataset: {friendly_name: Stripe}
"""
ENVIRONMENT = """\
gcp_project: dev-project
fivetran: {group: Dev, destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}}
"""

Simulate = Callable[..., contextlib.AbstractContextManager[subprocess.Popen[str]]]


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    folder = tmp_path / "connectors"
    (folder / "dev").mkdir(parents=True)
    (folder / "dev" / "environment.yaml").write_text(ENVIRONMENT)
    (folder / "dev" / "stripe.yaml").write_text(UNIT)
    return folder


@pytest.fixture
def simulate(tmp_path: Path, program: list[str]) -> Simulate:
    """Return a function that runs the command, without `pulumi` on PATH and with a temporary directory of its own."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    usual = {"PATH": str(tmp_path), "TMPDIR": str(scratch), "PYTHONPATH": os.pathsep.join(sys.path)}
    usual["SSL_CERT_FILE"] = os.environ["SSL_CERT_FILE"]

    @contextlib.contextmanager
    def run(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            [*program, "simulate", *arguments],
            cwd=tmp_path,
            env={**usual, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    return run


def exports(process: subprocess.Popen[str]) -> dict[str, str]:
    """Return the exported variables once stdout is closed, while the process still serves."""
    assert process.stdout is not None
    words = [shlex.split(line) for line in process.stdout.read().splitlines()]
    assert all(len(line) == 2 and line[0] == "export" for line in words)
    return dict(line[1].split("=", 1) for line in words)


def stderr_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.read()


def answers(variables: Mapping[str, str]) -> bool:
    keys = (variables["FIVETRAN_APIKEY"], variables["FIVETRAN_APISECRET"])
    return httpx.get(f"{variables['FIVETRAN_API_URL']}/groups", auth=keys).status_code == 200


def test_simulate_prints_variables_and_closes_stdout_while_serving(simulate: Simulate, tmp_path: Path, specs: Path):
    with simulate("--specs", str(specs), STRIPE_KEY="mine") as process:
        variables = exports(process)
        assert process.poll() is None
        assert answers(variables)
    provider, port = variables["PULUMI_DEBUG_PROVIDERS"].split(":")
    assert (provider, port.isdigit()) == ("gcp", True)
    assert variables["PULUMI_BACKEND_URL"].startswith(f"file://{tmp_path}/tmp/")
    assert variables["PULUMI_CONFIG_PASSPHRASE"]
    assert (variables["PULUMI_SKIP_UPDATE_CHECK"], variables["PULUMI_CONTINUE_ON_ERROR"]) == ("1", "true")
    assert variables["DEEP_TOKEN"] == "simulated-deep-token"
    assert "STRIPE_KEY" not in variables  # the shell has it already
    assert "PULUMI_STACK" not in variables


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_simulate_leaves_nothing_behind_when_a_signal_ends_it(
    simulate: Simulate, tmp_path: Path, specs: Path, number: signal.Signals
):
    with simulate("--specs", str(specs)) as process:
        variables = exports(process)
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
        assert "Serving until Ctrl-C" in stderr_of(process)
    assert list((tmp_path / "tmp").iterdir()) == []
    with pytest.raises(httpx.ConnectError):
        answers(variables)


@pytest.mark.parametrize("name", ["connectors", "elsewhere"])
def test_simulate_exports_the_folder_unless_pulumi_finds_it_by_default(
    simulate: Simulate, tmp_path: Path, specs: Path, name: str
):
    folder = specs.rename(tmp_path / name)
    with simulate("--specs", name) as process:
        variables = exports(process)
    assert variables.get("RECONCILER_SPECS") == (None if name == "connectors" else str(folder.resolve()))


def test_simulate_writes_addresses_and_variables_to_the_ready_file(simulate: Simulate, tmp_path: Path, specs: Path):
    ready = tmp_path / "ready.json"
    with simulate("--specs", str(specs), "--ready-file", str(ready), "--stack", "dev") as process:
        variables = exports(process)
        written = json.loads(ready.read_text())
    assert written["environment"] == variables
    assert variables["PULUMI_STACK"] == "dev"
    assert written["fivetran_url"] == variables["FIVETRAN_API_URL"]
    assert written["admin_url"] == written["fivetran_url"].replace("/v1", "/_admin")
    assert variables["PULUMI_DEBUG_PROVIDERS"] == f"gcp:{written['gcp_port']}"
    assert variables["GOOGLE_SECRET_MANAGER_CUSTOM_ENDPOINT"] == written["secret_manager_url"]
    assert [file.name for file in tmp_path.glob("ready*")] == ["ready.json"]


def test_simulate_creates_only_declared_and_named_projects(simulate: Simulate, tmp_path: Path, specs: Path):
    with simulate("--specs", str(specs), "--project", "more-project") as process:
        url = exports(process)["BIGQUERY_EMULATOR_HOST"]
        projects = ("dev-project", "other-project", "more-project", "no-project")
        statuses = [httpx.get(f"{url}/bigquery/v2/projects/{each}/datasets").status_code for each in projects]
    assert statuses == [200, 200, 200, 404]


def test_simulate_stores_every_referenced_secret_version(simulate: Simulate, tmp_path: Path, specs: Path):
    with simulate("--specs", str(specs)) as process:
        variables = exports(process)
        url = variables["GOOGLE_SECRET_MANAGER_CUSTOM_ENDPOINT"]
        for path, value in (
            ("projects/dev-project/secrets/fivetran-pat/versions/3", b"simulated-fivetran-pat"),
            ("projects/dev-project/secrets/fivetran-pat/versions/latest", b"simulated-fivetran-pat"),
            ("projects/other-project/secrets/other/versions/latest", b"simulated-other"),
        ):
            answer = httpx.get(f"{url}{path}:access")
            assert base64.b64decode(answer.json()["payload"]["data"]) == value


def test_simulate_writes_every_referenced_config_key_to_the_settings(simulate: Simulate, tmp_path: Path, specs: Path):
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  a:b: c\n  p:signer_key:\n    secure: v1:other\n")
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("#!/bin/sh\nexit 0\n")
    pulumi.chmod(0o755)
    with simulate("--specs", str(specs)) as process:
        settings = yaml.safe_load(Path(exports(process)["PULUMI_OPTION_CONFIG_FILE"]).read_text())
    assert settings == {"config": {"a:b": "c", "p:signer_key": "simulated-signer-key"}}


def test_simulate_keeps_a_state_directory_that_the_user_names(simulate: Simulate, tmp_path: Path, specs: Path):
    with simulate("--specs", str(specs), "--state-dir", "kept/state") as process:
        variables = exports(process)
        process.terminate()
        assert process.wait(timeout=60) == 0
    assert variables["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/kept/state/backend"
    assert (tmp_path / "kept/state/backend").is_dir()


def test_simulate_uses_the_given_port_and_fails_if_it_is_taken(simulate: Simulate, tmp_path: Path, specs: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with simulate("--specs", str(specs), "--gcp-port", str(port)) as process:
            assert exports(process) == {}
            assert process.wait(timeout=60) == 3
            assert "Error: cannot listen on 127.0.0.1: " in stderr_of(process)
    with simulate("--specs", str(specs), "--gcp-port", str(port)) as process:
        assert exports(process)["PULUMI_DEBUG_PROVIDERS"] == f"gcp:{port}"


def test_simulate_reports_faulty_files_and_serves(simulate: Simulate, tmp_path: Path, specs: Path):
    (specs / "dev" / "broken.yaml").write_text("descripton: x\n")
    with simulate("--specs", str(specs)) as process:
        variables = exports(process)
        assert answers(variables)
        assert "DEEP_TOKEN" not in variables
        process.terminate()
        assert "dev/broken.yaml:1:1: " in stderr_of(process)


def test_simulate_warns_when_it_cannot_create_stacks(simulate: Simulate, tmp_path: Path, specs: Path):
    with simulate("--specs", str(specs)) as process:
        exports(process)
        process.terminate()
        assert "no Pulumi project here, so no stacks were created" in stderr_of(process)
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    with simulate("--specs", str(specs)) as process:
        assert "PULUMI_OPTION_CONFIG_FILE" not in exports(process)
        process.terminate()
        assert "pulumi is not on PATH, so no stacks were created" in stderr_of(process)


def test_simulate_quotes_pulumis_error(simulate: Simulate, tmp_path: Path, specs: Path):
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("#!/bin/sh\necho 'error: the backend is on fire' >&2\nexit 1\n")
    pulumi.chmod(0o755)
    with simulate("--specs", str(specs)) as process:
        assert exports(process) == {}
        assert process.wait(timeout=60) == 2
        assert stderr_of(process) == (
            "Error: pulumi stack select --create dev --non-interactive: error: the backend is on fire\n"
        )
    assert list((tmp_path / "tmp").iterdir()) == []


def test_find_project_returns_the_nearest_folder_upwards(tmp_path: Path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "Pulumi.yaml").touch()
    assert find_project(inner) == tmp_path
    (inner / "Pulumi.yaml").touch()
    assert find_project(inner) == inner


def test_shared_settings_ignore_comments_and_reject_differences(tmp_path: Path):
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {a: b}  # dev\n")
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  a: b\n")
    assert shared_settings(tmp_path, ["dev", "prod", "none"]) == {"config": {"a": "b"}}
    assert shared_settings(tmp_path, ["none"]) == {}
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {a: c}\n")
    assert shared_settings(tmp_path, ["prod"]) == {"config": {"a": "c"}}
    with pytest.raises(ReconcilerError, match="choose a stack with --stack"):
        shared_settings(tmp_path, ["dev", "prod"])


def test_shared_settings_have_nothing_that_the_key_of_a_stack_encrypts(tmp_path: Path):
    for stack in ("dev", "dev.crm"):
        own = f"secretsprovider: gcpkms://{stack}\nencryptedkey: {stack}\nconfig: {{a: b, c: {{secure: {stack}}}}}\n"
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(own)
    assert shared_settings(tmp_path, ["dev", "dev.crm"]) == {"config": {"a": "b"}}


@pytest.mark.parametrize("content", ["config: [", "- a\n", "\x00"])
def test_create_stacks_names_settings_that_it_cannot_read(tmp_path: Path, content: str):
    (tmp_path / "Pulumi.dev.yaml").write_text(content)
    with pytest.raises(ReconcilerError, match=r"^Pulumi\.dev\.yaml: "):
        create_stacks(tmp_path, ["dev"], tmp_path, os.environ)
