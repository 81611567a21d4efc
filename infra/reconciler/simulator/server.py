"""One process with all doubles: the local Fivetran over HTTP, the local Google Cloud over Pulumi's provider protocol
and, for reading datasets, over BigQuery's own API.

`python -m reconciler.simulator.server` prints one line of JSON when all listen (`Addresses`) and serves until SIGINT
or SIGTERM. They listen on the loopback interface only; what they remember ends with the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import click
from aiohttp import web

from reconciler.simulator.fivetran.app import build_app
from reconciler.simulator.fivetran.state import DEFAULT_CREDENTIALS, FivetranState
from reconciler.simulator.gcp.admin import build_admin
from reconciler.simulator.gcp.faults import Faults
from reconciler.simulator.gcp.provider import GcpProvider, serve
from reconciler.simulator.gcp.rest import build_rest
from reconciler.simulator.gcp.state import Store

HOST = "127.0.0.1"
#: How long a request under way may go on once the process is told to stop.
_GRACE_S = 1.0


@dataclass(frozen=True)
class Addresses:
    """Where the doubles are and what they accept; `environment` points a program and the engine at them."""

    fivetran_url: str
    fivetran_key: str
    fivetran_secret: str
    gcp_port: int
    bigquery_url: str
    admin_url: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that say so to the program and to the Pulumi CLI."""
        return {
            "FIVETRAN_API_URL": self.fivetran_url,
            "FIVETRAN_APIKEY": self.fivetran_key,
            "FIVETRAN_APISECRET": self.fivetran_secret,
            "BIGQUERY_EMULATOR_HOST": self.bigquery_url,
            "PULUMI_DEBUG_PROVIDERS": f"gcp:{self.gcp_port}",
            # Else the engine downloads the real plugin all the same, only not to use it.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def as_json(self) -> str:
        """One line."""
        return json.dumps({**dataclasses.asdict(self), "environment": self.environment})


@contextlib.asynccontextmanager
async def serving(*, fivetran_port: int = 0, gcp_port: int = 0, latency_ms: int = 0) -> AsyncIterator[Addresses]:
    """All doubles, for as long as the block lasts. Port 0 takes a free one; a taken port is an `OSError`.

    The admin side of Google Cloud is under `/_admin/gcp` of Fivetran's port, beside Fivetran's own.
    """
    store, faults, fivetran = Store(), Faults(), FivetranState()
    fivetran.options.latency_ms = latency_ms
    app = build_app(fivetran)
    app.add_subapp("/_admin/gcp/", build_admin(store, faults))
    async with _http(app, fivetran_port) as url, _http(build_rest(store, faults, latency_ms), 0) as bigquery_url:
        server, bound = await serve(GcpProvider(store, faults, latency_ms), HOST, gcp_port)
        try:
            credential = DEFAULT_CREDENTIALS[0]
            yield Addresses(
                fivetran_url=f"{url}/v1",
                fivetran_key=credential.key,
                fivetran_secret=credential.secret,
                gcp_port=bound,
                bigquery_url=bigquery_url,
                admin_url=f"{url}/_admin",
            )
        finally:
            await server.stop(_GRACE_S)


@contextlib.asynccontextmanager
async def _http(app: web.Application, port: int) -> AsyncIterator[str]:
    """One application listening, and its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _run(fivetran_port: int, gcp_port: int, latency_ms: int, parent: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving(fivetran_port=fivetran_port, gcp_port=gcp_port, latency_ms=latency_ms) as addresses:
        click.echo(addresses.as_json())
        if parent is None:
            await stop.wait()
        else:
            await _until_orphaned(parent, stop)


async def _until_orphaned(parent: int, stop: asyncio.Event) -> None:
    """Wait to be stopped, or for the parent to be gone: a killed parent cannot tell its children."""
    while os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), timeout=1)
            return


@click.command()
@click.option("--fivetran-port", type=click.IntRange(0, 65535), default=0, help="Port of the local Fivetran; 0: free.")
@click.option("--gcp-port", type=click.IntRange(0, 65535), default=0, help="Port of the local provider; 0: a free one.")
@click.option("--latency-ms", type=click.IntRange(0), default=0, help="Added to each call, as a network would.")
@click.option("--parent", type=int, help="Stop when this process is gone, which has to be the one that started it.")
def main(fivetran_port: int, gcp_port: int, latency_ms: int, parent: int | None) -> None:
    """Serve a local Fivetran and a local Google Cloud until SIGINT or SIGTERM."""
    try:
        asyncio.run(_run(fivetran_port, gcp_port, latency_ms, parent))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {HOST}: {error}") from None


if __name__ == "__main__":
    main()
