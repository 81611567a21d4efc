"""Run the simulators as a process, for tests, scripts and `reconciler simulate`.

Imports no server code.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_STOP_S = 10


class DidNotStart(Exception):
    """The process ended before it was ready; its stderr has the reason."""


@dataclass(frozen=True)
class Simulators:
    """The addresses and credentials of running simulators."""

    fivetran_url: str
    fivetran_key: str
    fivetran_secret: str
    gcp_port: int
    bigquery_url: str
    resource_manager_url: str
    iam_url: str
    secret_manager_url: str
    storage_url: str
    """Of Cloud Storage. A client creates its buckets, such as one for Pulumi's state."""
    admin_url: str
    github: Mapping[str, str]
    """`url` of the REST API, and `admin_url`, where repositories, people and tokens are created."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a program and the Pulumi CLI to the simulators."""
        return {
            "FIVETRAN_API_URL": self.fivetran_url,
            "FIVETRAN_APIKEY": self.fivetran_key,
            "FIVETRAN_APISECRET": self.fivetran_secret,
            "BIGQUERY_EMULATOR_HOST": self.bigquery_url,
            # As Google's Terraform and Pulumi providers name it; the Python library has no variable of its own.
            "GOOGLE_RESOURCE_MANAGER_V3_CUSTOM_ENDPOINT": self.resource_manager_url,
            "GOOGLE_IAM_CUSTOM_ENDPOINT": self.iam_url,
            "GOOGLE_SECRET_MANAGER_CUSTOM_ENDPOINT": self.secret_manager_url,
            # Without the scheme, which Pulumi adds.
            "STORAGE_EMULATOR_HOST": self.storage_url.removeprefix("http://"),
            "PULUMI_DEBUG_PROVIDERS": f"gcp:{self.gcp_port}",
            # Else the engine downloads the real plugin all the same, only not to use it.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }


@dataclass
class Starting:
    """A process that is starting."""

    process: subprocess.Popen[str]

    def ready(self) -> Simulators:
        """Wait until all simulators are ready. Raises `DidNotStart` if the process ends before."""
        assert self.process.stdout is not None  # noqa: S101 (started with a pipe)
        line = self.process.stdout.readline()
        if not line:
            raise DidNotStart("the simulators did not start")
        return Simulators(**json.loads(line))


@contextlib.contextmanager
def starting(
    *, fivetran_port: int = 0, gcp_port: int = 0, secret_manager_port: int = 0, latency_ms: int = 0
) -> Iterator[Starting]:
    """Start the simulators without waiting. They stop with the block, or with this process."""
    command = [sys.executable, "-m", "simulator.server", "--until-stdin-ends"]
    command += ["--fivetran-port", str(fivetran_port), "--gcp-port", str(gcp_port)]
    command += ["--secret-manager-port", str(secret_manager_port), "--latency-ms", str(latency_ms)]
    # In a session of their own, because this process stops the simulators after Ctrl-C in a terminal.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield Starting(process)
        finally:
            process.terminate()
            try:
                process.wait(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def running(
    *, fivetran_port: int = 0, gcp_port: int = 0, secret_manager_port: int = 0, latency_ms: int = 0
) -> Iterator[Simulators]:
    """Run the simulators while the block lasts. Port 0 is a free one."""
    with starting(
        fivetran_port=fivetran_port,
        gcp_port=gcp_port,
        secret_manager_port=secret_manager_port,
        latency_ms=latency_ms,
    ) as process:
        yield process.ready()
