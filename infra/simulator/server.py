"""Run all simulators in one process.

The local Fivetran over HTTP, the local Google Cloud over Pulumi's provider protocol and, where Google's own libraries
read, over the APIs of BigQuery, Resource Manager and IAM, and the local Secret Manager, Cloud Storage and GitHub over
their APIs.

`python -m simulator.server` prints one line of JSON once all are ready (`Simulators`), and serves until SIGINT or
SIGTERM. They listen on the loopback interface only, and keep their state in memory. This module connects them: tests of
a BigQuery destination need to know which accounts may write into a project.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import click
from aiohttp import web

from simulator.fivetran import admin as fivetran_admin
from simulator.fivetran.app import build_app
from simulator.fivetran.state import DEFAULT_CREDENTIALS, FivetranState
from simulator.fivetran.transport import ADMIN, STATE
from simulator.github.admin import build_admin as build_github_admin
from simulator.github.app import build_app as build_github
from simulator.github.state import State as GitHub
from simulator.google import admin as google_admin
from simulator.google.admin import build_admin
from simulator.google.faults import Faults
from simulator.google.iam import may_write
from simulator.google.provider import GcpProvider, serve
from simulator.google.resource_manager import build_resource_manager
from simulator.google.rest import build_rest
from simulator.google.state import Store
from simulator.process import Simulators
from simulator.secret_manager import admin as secrets_admin
from simulator.secret_manager.app import build_apps
from simulator.secret_manager.state import Store as Secrets
from simulator.secret_manager.transport import FAULTS, LOG, VAULT
from simulator.storage.app import build_app as build_storage
from simulator.storage.state import Store as Buckets

HOST = "127.0.0.1"
#: Seconds that a request may take after the signal to stop.
_GRACE_S = 1.0


@dataclass(frozen=True)
class Ports:
    """The ports; 0 is a free one."""

    fivetran: int = 0
    gcp: int = 0
    secret_manager: int = 0


@contextlib.asynccontextmanager
async def serving(ports: Ports = Ports(), *, latency_ms: int = 0) -> AsyncIterator[Simulators]:
    """Run all simulators while the block lasts. Raises `OSError` for a port in use.

    The admin APIs of Google Cloud, Secret Manager and GitHub are under `/_admin/gcp`, `/_admin/secret-manager` and
    `/_admin/github` of Fivetran's port, beside Fivetran's.
    """
    store, faults = Store(), Faults()
    fivetran = FivetranState(writes=lambda project, account: may_write(store.found(project), account))
    fivetran.options.latency_ms = latency_ms
    secrets, admin_of_secrets = build_apps(Secrets(latency_ms=latency_ms))
    app = build_app(fivetran)
    app.add_subapp("/_admin/gcp/", build_admin(store, faults))
    app.add_subapp("/_admin/secret-manager/", admin_of_secrets)
    _add_reset(app, store, faults, secrets)
    github = GitHub()
    app.add_subapp("/_admin/github/", build_github_admin(github))
    async with (
        _repositories(github),
        _http(app, ports.fivetran) as url,
        _http(build_rest(store, faults, latency_ms), 0) as bigquery_url,
        _http(build_resource_manager(store, faults, latency_ms), 0) as manager_url,
        _http(secrets, ports.secret_manager) as secrets_url,
        _http(build_storage(Buckets()), 0) as storage_url,
        _http(build_github(github), 0) as github_url,
    ):
        server, bound = await serve(GcpProvider(store, faults, latency_ms), HOST, ports.gcp)
        try:
            credential = DEFAULT_CREDENTIALS[0]
            yield Simulators(
                fivetran_url=f"{url}/v1",
                fivetran_key=credential.key,
                fivetran_secret=credential.secret,
                gcp_port=bound,
                bigquery_url=bigquery_url,
                resource_manager_url=f"{manager_url}/v3/",
                iam_url=f"{manager_url}/v1/",
                secret_manager_url=f"{secrets_url}/v1/",
                storage_url=storage_url,
                admin_url=f"{url}/_admin",
                github={"url": github_url, "admin_url": f"{url}/_admin/github"},
            )
        finally:
            await server.stop(_GRACE_S)


def _add_reset(app: web.Application, store: Store, faults: Faults, secrets: web.Application) -> None:
    """Add the route that empties all services, in one request where tests would need four."""
    options = app[STATE].options.as_json()

    async def reset(_request: web.Request) -> web.Response:
        fivetran_admin.reset(app)
        app[STATE].options.change(options)
        google_admin.reset(store, faults)
        secrets_admin.reset(secrets[VAULT], secrets[FAULTS], secrets[LOG])
        return web.json_response({})

    app.router.add_post(f"{ADMIN}/reset-all", reset)


@contextlib.asynccontextmanager
async def _repositories(github: GitHub) -> AsyncIterator[None]:
    """Keep GitHub's repositories in a folder that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="simulator-github-") as folder:
        github.folder = Path(folder)
        yield


@contextlib.asynccontextmanager
async def _http(app: web.Application, port: int) -> AsyncIterator[str]:
    """Serve one application, and yield its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _run(ports: Ports, latency_ms: int, *, until_stdin_ends: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving(ports, latency_ms=latency_ms) as simulators:
        click.echo(json.dumps(dataclasses.asdict(simulators)))
        if until_stdin_ends:
            loop.add_reader(sys.stdin, stop.set)
        await stop.wait()


@click.command()
@click.option("--fivetran-port", type=click.IntRange(0, 65535), default=0, help="Port of the local Fivetran; 0: free.")
@click.option("--gcp-port", type=click.IntRange(0, 65535), default=0, help="Port of the local provider; 0: a free one.")
@click.option(
    "--secret-manager-port", type=click.IntRange(0, 65535), default=0, help="Port of the local Secret Manager; 0: free."
)
@click.option("--latency-ms", type=click.IntRange(0), default=0, help="Added to each call, as a network would.")
@click.option("--until-stdin-ends", is_flag=True, help="Stop when stdin ends, as it does when a killed parent ends.")
def main(
    *, fivetran_port: int, gcp_port: int, secret_manager_port: int, latency_ms: int, until_stdin_ends: bool
) -> None:
    """Serve a local Fivetran, Google Cloud and Secret Manager until SIGINT or SIGTERM."""
    try:
        ports = Ports(fivetran_port, gcp_port, secret_manager_port)
        asyncio.run(_run(ports, latency_ms, until_stdin_ends=until_stdin_ends))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {HOST}: {error}") from None


if __name__ == "__main__":
    main()
