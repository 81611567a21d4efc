"""A server that accepts connections and never answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Silence:
    """The address of the server, and whether a client has connected."""

    def __init__(self, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        self.connected = threading.Event()


@contextlib.contextmanager
def silence() -> Iterator[Silence]:
    """Serve until the block ends."""
    with contextlib.ExitStack() as kept, socket.create_server(("127.0.0.1", 0)) as server:
        found = Silence(server.getsockname()[1])

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.enter_context(server.accept()[0])
                    found.connected.set()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
