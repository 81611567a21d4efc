"""Commands whose service never answers, or never to the end: one line with what to do, and a prompt end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.silence import Silence, dripping, silence
from tests.unit.airflow.stand_in import PASSWORD, USER
from tests.unit.review.documents import item, review

from reconciler.airflow import rest as airflow
from reconciler.fivetran.api import client as fivetran
from reconciler.fivetran.api.retry import Retry
from reconciler.fivetran.api.transport import Timeouts
from reconciler.github import client as github
from reconciler.google import rest
from reconciler.google.bigquery import api
from reconciler.google.storage import EMULATOR
from reconciler.secrets import secret_manager, write
from reconciler.secrets.secret_manager import ENDPOINT, TimeLimits

from .workspace import DONE, Workspace

COMMIT = "a" * 40
GOOGLE, GITHUB, FIVETRAN = "Check the network and any proxy", "proxy and GITHUB_API_URL", "proxy and FIVETRAN_API_URL"
COMMENT = ("comment", "-e", "dev", "--pull-request", "1", "--commit", COMMIT, "review.json")

#: The silent service by its variable, the command that asks it, and what the reader has to do.
TROUBLES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("FIVETRAN_API_URL", ("status",), FIVETRAN),
    ("FIVETRAN_API_URL", ("doctor", "-e", "dev"), FIVETRAN),
    ("FIVETRAN_API_URL", ("init", "new"), FIVETRAN),
    ("FIVETRAN_API_URL", ("authorise", "-e", "dev", "stripe"), FIVETRAN),
    (api.EMULATOR, ("report", "-e", "dev"), GOOGLE),
    (api.EMULATOR, ("unmanaged", "-e", "dev"), GOOGLE),
    (api.EMULATOR, ("doctor", "-e", "dev"), GOOGLE),
    (EMULATOR, ("doctor", "-e", "dev", "--ci", "--as-preview"), GOOGLE),
    (ENDPOINT, ("secret", "put", "key", "-e", "dev", "--create", "--from-file", "review.json"), "Run again"),
    (ENDPOINT, ("with-fivetran-key", "--secret", "projects/p/secrets/key", "true"), "run again"),
    (ENDPOINT, ("airflow-variables", "-e", "dev", "--secret-manager", "dev-project"), GOOGLE),
    ("GITHUB_API_URL", COMMENT, GITHUB),
    ("GITHUB_API_URL", ("record", "-e", "dev", "--commit", COMMIT, "--review", "review.json"), GITHUB),
    ("GITHUB_API_URL", ("agrees", "-e", "dev", "--commit", COMMIT, "--review", "review.json"), GITHUB),
    ("GITHUB_API_URL", ("issue", "-e", "dev"), GITHUB),
    ("GITHUB_API_URL", ("doctor", "-e", "dev", "--ci"), GITHUB),
    (
        "AIRFLOW",
        ("airflow-variables", "-e", "dev", "--push", "AIRFLOW"),
        "Check the network, any proxy and the address",
    ),
)


@pytest.fixture
def silent() -> Iterator[Silence]:
    with silence() as found:
        yield found


@pytest.fixture
def estate(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An estate of one connector, and the variables that jobs have."""
    workspace.unit("stripe", schedule={"by": "airflow", "task_id": "fivetran_stripe"})
    workspace.connection("stripe", {"schema": "stripe"}, **DONE)
    Path("review.json").write_text(review(item("deletes dataset shop")))
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    variables = {"PULUMI_BACKEND_URL": "gs://states", "AIRFLOW_USERNAME": USER, "AIRFLOW_PASSWORD": PASSWORD}
    variables |= {"GITHUB_TOKEN": "canary_4711", "GITHUB_REPOSITORY": "example/data"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return workspace


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for answers for a tenth of a second, once."""
    for module in (rest, api):
        monkeypatch.setattr(module, "_REQUEST_S", 0.1)
        monkeypatch.setattr(module, "_ATTEMPTS_S", 0.1)
    for module in (github, airflow, write):
        monkeypatch.setattr(module, "_TIMEOUT_S", 0.1)
    for module in (github, airflow):
        monkeypatch.setattr(module, "_TRIES", 1)
    monkeypatch.setattr("reconciler.airflow.secret_store._TIMEOUT_S", 0.1)
    monkeypatch.setattr(fivetran, "Timeouts", lambda: Timeouts(0.1, 0.1, 0.1))
    monkeypatch.setattr(fivetran, "Retry", lambda: Retry(attempts=1))
    limits = TimeLimits(total_s=0.1, attempt_s=0.1)
    for waits in (secret_manager.retry, secret_manager.SecretManager.value):
        monkeypatch.setattr(waits, "__defaults__", (limits,))


@pytest.fixture(params=["silent", "length", "header"])
def endless(request: pytest.FixtureRequest) -> Iterator[Silence]:
    """A service without an answer, and two whose answers have no end."""
    with silence() if request.param == "silent" else dripping(request.param) as found:
        yield found


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("variable", "command", "step"), TROUBLES, ids=[f"{a}-{b[0]}" for a, b, _ in TROUBLES])
def test_command_says_what_to_do_when_no_answer_ends(
    estate: Workspace,
    endless: Silence,
    monkeypatch: pytest.MonkeyPatch,
    *,
    variable: str,
    command: tuple[str, ...],
    step: str,
):
    monkeypatch.setenv(variable, f"{endless.url}/v1" if variable == "FIVETRAN_API_URL" else endless.url)
    ran = estate.run(command[0], *(endless.url if each == "AIRFLOW" else each for each in command[1:]))
    assert ran.code == 3
    assert step in ran.out + ran.err
    assert "canary_4711" not in ran.out + ran.err
    assert PASSWORD not in ran.out + ran.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("variable", "command"),
    [
        (api.EMULATOR, ("doctor", "-e", "dev")),  # threads read the datasets
        ("GITHUB_API_URL", COMMENT),
    ],
)
def test_interrupted_command_ends_at_once_while_a_service_is_silent(
    estate: Workspace, silent: Silence, program: list[str], *, variable: str, command: tuple[str, ...], number: int
):
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {program[-1]}"
    words = [*program[:-1], code, *command]
    env = {**os.environ, variable: silent.url}
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert silent.connected.wait(60)
        process.send_signal(number)
        began = time.monotonic()
        out, err = process.communicate(timeout=60)
    assert estate.specs.is_dir()
    assert time.monotonic() - began < 15
    assert (process.returncode, err.splitlines()[-1:]) == (128 + number, ["interrupted"]), out + err
