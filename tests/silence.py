"""Servers that accept connections and never answer, or answer with a byte now and then."""

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


#: The heads of answers that never end, by how the body is sent, and a byte of the body.
DRIPS = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n", b" "),
    "chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1\r\n \r\n",
    ),
    "until the end": (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", b" "),
}


@contextlib.contextmanager
def dripping(kind: str = "length") -> Iterator[Silence]:
    """Serve answers of which a byte comes every 20 ms, until the block ends."""
    head, byte = DRIPS[kind]
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Silence(server.getsockname()[1])
        threads: list[threading.Thread] = []

        def drip(client: socket.socket) -> None:
            with client, contextlib.suppress(OSError):
                client.recv(65_536)
                client.sendall(head)
                while not ended.wait(0.02):
                    client.sendall(byte)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client = server.accept()[0]
                    found.connected.set()
                    threads.append(threading.Thread(target=drip, args=(client,)))
                    threads[-1].start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield found
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for each in threads:
                each.join()
