"""TLS servers in front of the local services, with the host names of the real ones.

Some clients have the address of Fivetran's API in their code. `redirect/sitecustomize.py` resolves that name to a port
of this machine, where a front with a certificate for the name forwards each byte to a local service.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
import threading
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

_HOST = "127.0.0.1"

T = TypeVar("T")


@dataclass(frozen=True)
class Fronts:
    """Running fronts: the port of each name, and the certificate to trust."""

    ports: Mapping[str, int]
    certificate: Path

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables for a client's process."""
        return {
            "PYTHONPATH": str(Path(__file__).parent / "redirect"),
            "CLIENTS_REDIRECT": json.dumps(dict(self.ports)),
            "SSL_CERT_FILE": str(self.certificate),
            "REQUESTS_CA_BUNDLE": str(self.certificate),
        }


@contextlib.contextmanager
def listening(services: Mapping[str, str], folder: Path) -> Iterator[Fronts]:
    """Run a front for each name, to the local service at its URL, while the block lasts.

    `folder` gets the key.
    """
    certificate, key = _certificate(list(services), folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait_for(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    servers: dict[str, asyncio.Server] = {}
    try:
        for name, url in services.items():
            servers[name] = wait_for(_serve(url, context))
        yield Fronts({name: server.sockets[0].getsockname()[1] for name, server in servers.items()}, certificate)
    finally:
        wait_for(_stop(servers.values()))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _certificate(names: list[str], folder: Path) -> tuple[Path, Path]:
    """Create a self-signed certificate for the names, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=local services"]
    command += ["-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return certificate, key


async def _serve(url: str, context: ssl.SSLContext) -> asyncio.Server:
    port = urlsplit(url).port

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        service_reader, service_writer = await asyncio.open_connection(_HOST, port)
        try:
            await asyncio.gather(_pass_on(reader, service_writer), _pass_on(service_reader, writer))
        finally:  # closed already
            for each in (writer, service_writer):
                each.close()

    return await asyncio.start_server(handle, _HOST, 0, ssl=context)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
        writer.close()


async def _stop(servers: Iterable[asyncio.Server]) -> None:
    """End open connections of clients."""
    for server in servers:
        server.close()
    mine = asyncio.current_task()
    others = [task for task in asyncio.all_tasks() if task is not mine]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.1)  # lets the transports close
