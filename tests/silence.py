"""Servers that accept connections and never answer, or answer with a byte now and then."""

from __future__ import annotations

import contextlib
import socket
import ssl
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


_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

#: The beginnings of answers that never end, by what does not end, and what comes now and then.
DRIPS = {
    "length": (_JSON + b"Content-Length: 1000000\r\n\r\n", b" "),
    "chunks": (_JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "until the end": (_JSON + b"\r\n", b" "),
    "status line": (b"HTTP/1.1 200 O", b"K"),
    "header": (_JSON + b"Server: ", b"x"),
    "headers": (_JSON, b"A: b\r\n"),
    "answers before the answer": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@contextlib.contextmanager
def dripping(kind: str = "length", tls: ssl.SSLContext | None = None) -> Iterator[Silence]:
    """Serve answers of which a part comes every 10 ms: until the block ends, but to one client for 10 s."""
    head, part = DRIPS[kind]
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Silence(server.getsockname()[1])
        threads: list[threading.Thread] = []

        def drip(accepted: socket.socket) -> None:
            with (
                contextlib.suppress(OSError),
                tls.wrap_socket(accepted, server_side=True) if tls else accepted as client,
            ):
                client.recv(65_536)
                client.sendall(head)
                for _ in range(1_000):
                    if ended.wait(0.01):
                        break
                    client.sendall(part)

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
