"""`reconciler with-fivetran-key`, as a process of its own, with the local Secret Manager."""

from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest
from tests.served import PLAIN

from simulator.process import Simulators

NAME = "projects/example-secrets/secrets/fivetran-key-preview"
PRINT = [sys.executable, "-c", "import os; print(os.environ['FIVETRAN_APIKEY'], os.environ['FIVETRAN_APISECRET'])"]


@pytest.fixture
def run(simulators: Simulators, program: list[str]):
    """Return a function that stores a value as version 3 of the secret, and runs the command."""

    def ran(value: str | None, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        if value is not None:
            item = {"project": "example-secrets", "secret": "fivetran-key-preview", "version": 3, "value": value}
            url = f"{simulators.admin_url}/secret-manager/versions"
            httpx.put(url, json={"versions": [item]}, timeout=30, trust_env=False, verify=PLAIN).raise_for_status()
        usual = {**os.environ, **simulators.environment, "FIVETRAN_APIKEY": "usual", "FIVETRAN_APISECRET": "of old"}
        command = [*program, "with-fivetran-key", *arguments]
        return subprocess.run(command, env={**usual, **variables}, capture_output=True, text=True, check=False)

    return ran


def test_with_fivetran_key_sets_both_variables_for_the_command_alone(run):
    done = run("K:S", "--secret", NAME, *PRINT)
    assert (done.returncode, done.stdout) == (0, "K S\n")


def test_with_fivetran_key_reads_a_version_by_number(run):
    done = run("K3:S3\n", *PRINT, RECONCILER_FIVETRAN_SECRET=f"{NAME}/versions/3")
    assert done.stdout == "K3 S3\n"


def test_with_fivetran_key_leaves_the_variables_without_a_secret(run):
    assert run(None, *PRINT, RECONCILER_FIVETRAN_SECRET="").stdout == "usual of old\n"


@pytest.mark.parametrize(
    "missing", [("FIVETRAN_APIKEY",), ("FIVETRAN_APISECRET",), ("FIVETRAN_APIKEY", "FIVETRAN_APISECRET")]
)
def test_with_fivetran_key_runs_no_command_without_a_key(run, missing):
    # GitHub gives a job an empty variable for one that the environment does not have.
    done = run(None, *PRINT, RECONCILER_FIVETRAN_SECRET="", **dict.fromkeys(missing, ""))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"RECONCILER_FIVETRAN_SECRET and {' and '.join(missing)} are not set" in done.stderr
    assert "Set RECONCILER_FIVETRAN_SECRET to projects/PROJECT/secrets/NAME" in done.stderr


def test_with_fivetran_key_returns_the_exit_code_of_the_command(run):
    assert run(None, sys.executable, "-c", "raise SystemExit(7)").returncode == 7


@pytest.mark.parametrize("value", ["canary", "canary:", ":canary", "canary:a b", "canary:a\nb"])
def test_with_fivetran_key_rejects_another_form_without_quoting_it(run, value):
    done = run(value, "--secret", NAME, *PRINT)
    assert done.returncode == 2
    assert f"the value of {NAME} is not an API key" in done.stderr
    assert "canary" not in done.stdout + done.stderr


def test_with_fivetran_key_names_a_secret_that_is_missing(run):
    done = run(None, "--secret", f"{NAME}-of-nobody", *PRINT)
    assert done.returncode == 3
    assert "fivetran-key-preview-of-nobody" in done.stderr


@pytest.mark.parametrize("name", ["fivetran-key", "projects/p/secrets/a b", "projects/p/secrets/n/versions/x"])
def test_with_fivetran_key_rejects_a_name_of_another_form(run, name):
    done = run(None, "--secret", name, *PRINT)
    assert done.returncode == 2
    assert "expected projects/PROJECT/secrets/NAME" in done.stderr


def test_with_fivetran_key_reports_a_command_that_does_not_exist(run):
    done = run(None, "no-such-command")
    assert done.returncode == 2
    assert "no-such-command: No such file or directory" in done.stderr
