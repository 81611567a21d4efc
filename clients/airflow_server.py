"""A web server of Airflow on this machine, and a proxy that loses answers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from clients.conftest import Client
from clients.environments import HERE

USER, PASSWORD = "reconciler", "pass_word_4711"
#: Long enough for a busy machine.
_STARTS_WITHIN_S = 300


@dataclass
class Airflow:
    """One Airflow with a database of its own, whose web server runs."""

    client: Client
    version: int
    url: str
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=f"{self.url}/api/{'v2' if self.version == 3 else 'v1'}", timeout=60)
        if self.version == 3:
            body = {"username": USER, "password": PASSWORD}
            token = httpx.post(f"{self.url}/auth/token", json=body, timeout=60).raise_for_status().json()
            self.http.headers["Authorization"] = f"Bearer {token['access_token']}"
        else:
            self.http.auth = (USER, PASSWORD)

    def variables(self) -> dict[str, Any]:
        """All variables by key, as the REST API shows them."""
        found = self.http.get("/variables").raise_for_status().json()["variables"]
        return {each["key"]: each for each in found}

    def put(self, key: str, value: str) -> None:
        """Create a variable by hand."""
        self.http.post("/variables", json={"key": key, "value": value, "description": ""}).raise_for_status()

    def clear(self) -> None:
        """Delete all variables."""
        for key in self.variables():
            self.http.delete(f"/variables/{key}").raise_for_status()


@contextlib.contextmanager
def serving(client: Client, version: int) -> Iterator[Airflow]:
    """Create a database with one user, and serve the REST API until the block ends."""
    key, secret = client.services.simulators.fivetran_key, client.services.simulators.fivetran_secret
    passwords = client.folder / "passwords.json"
    passwords.write_text(json.dumps({USER: PASSWORD}))
    client.variables = {
        "AIRFLOW_HOME": str(client.folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "airflow" / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        # Airflow 2's server ends itself when its workers are slower than this, as they are on a busy machine.
        "AIRFLOW__WEBSERVER__WEB_SERVER_MASTER_TIMEOUT": str(_STARTS_WITHIN_S * 4),
        "AIRFLOW__WEBSERVER__WEB_SERVER_WORKER_TIMEOUT": str(_STARTS_WITHIN_S * 4),
        "AIRFLOW__WEBSERVER__WORKER_REFRESH_INTERVAL": "0",
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:op",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW_CONN_FIVETRAN_DEFAULT": json.dumps({"conn_type": "fivetran", "login": key, "password": secret}),
    }
    client.run("airflow", "db", "migrate")
    port = str(_free_port())
    address = ("--port", port, "--hostname" if version == 2 else "--host", "127.0.0.1")
    if version == 2:
        arguments = ("webserver", "--workers", "1", *address)
    else:
        arguments = ("api-server", "--apps", "core", *address)
    url = f"http://127.0.0.1:{port}"
    log = client.folder / "server.log"
    with _running(client, log, arguments) as process:
        _wait_until_up(f"{url}/api/{'v2' if version == 3 else 'v1'}/version", process, log)
        if version == 2:  # the server has created the roles
            person = ("--firstname", "a", "--lastname", "b", "--email", "a@example.com")
            client.run("airflow", "users", "create", "-u", USER, "-p", PASSWORD, "-r", "Op", *person)
        airflow = Airflow(client, version, url)
        with contextlib.closing(airflow.http):
            yield airflow


@contextlib.contextmanager
def _running(client: Client, log: Path, arguments: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(client.programs / "airflow"), *arguments],
            cwd=client.folder,
            env=client.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
            assert process.poll() is None, f"the server ended by itself: {log.read_text()[-2000:]}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=60).status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def losing_answers(url: str, method: str) -> Iterator[str]:
    """Serve a proxy that passes every request on and loses the first answer to a method."""
    pending = [method]

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = httpx.request(self.command, f"{url}{self.path}", headers=headers, content=body, timeout=60)
            if self.command in pending:
                pending.remove(self.command)
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("content-type", "text/plain"))
            if answer.status_code != 204:
                self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 (the library's names)

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
            assert pending == [], f"no {method} was lost"
        finally:
            server.shutdown()
            thread.join()
