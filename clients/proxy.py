"""Proxy clients that are not written in Python: `CONNECT name:443` leads to that name's front.

Every other name is unknown, so nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from select import select
from socket import create_connection, socket

_HOST = "127.0.0.1"
_CHUNK = 2**16


@contextlib.contextmanager
def connecting(ports: Mapping[str, int]) -> Iterator[str]:
    """Serve a proxy to these ports of this machine, by name; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            name, _, port = self.path.rpartition(":")
            if name not in ports or port != "443":
                self.send_error(502, "not one of the local services")
                return
            with create_connection((_HOST, ports[name])) as front:
                self.send_response(200)
                self.end_headers()
                _join(self.connection, front)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    with socketserver.ThreadingTCPServer((_HOST, 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{_HOST}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _join(one: socket, other: socket) -> None:
    """Pass on what either side writes, until one ends."""
    others = {one: other, other: one}
    while True:
        ready, _, _ = select(list(others), [], [])
        for each in ready:
            data = each.recv(_CHUNK)
            if not data:
                return
            others[each].sendall(data)
