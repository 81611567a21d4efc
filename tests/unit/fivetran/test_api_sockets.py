"""What only a real connection shows: sharing between threads, proxies, time limits, and what the layers below log."""

import json
import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from reconciler.fivetran.api import (
    FivetranClient,
    FivetranError,
    Limits,
    Retry,
    ServerError,
    Timeouts,
    TransportError,
    UnexpectedAnswer,
)

from .support import KEY, SECRET, FakeTime, chain

CANARY = "canary-config-value"
ONCE = Retry(attempts=1, budget_seconds=0)


class Handler(BaseHTTPRequestHandler):
    """Answers by path; keeps what it was sent and over how many connections."""

    protocol_version = "HTTP/1.1"
    server: "Loopback"

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        if self.path.endswith("/silent"):
            self.server.released.wait(30)
        elif self.path.endswith("/cut"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{")
            self.close_connection = True
        elif self.path.endswith("/hangup"):
            self.close_connection = True
        elif self.command == "CONNECT":
            self.send_response(407, "Proxy Authentication Required")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            status = 500 if self.path.endswith("/broken") else 200
            data = {"id": self.path.rsplit("/", 1)[-1], "service": "s"}
            self.reply(status, {"code": "Success", "data": data, "message": f"{CANARY} {SECRET}"})

    def reply(self, status: int, content: object) -> None:
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PATCH = do_DELETE = do_CONNECT = answer  # noqa: N815 - the library looks for these names

    def log_message(self, format: str, *args: object) -> None:
        pass


class Loopback(ThreadingHTTPServer):
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextmanager
def running() -> Iterator[Loopback]:
    server = Loopback()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture
def server() -> Iterator[Loopback]:
    with running() as found:
        yield found


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_sixteen_threads_share_a_client_and_each_gets_its_own_answer(server: Loopback) -> None:
    with FivetranClient(server.url, KEY, SECRET) as client, ThreadPoolExecutor(16) as pool:
        ids = [f"id_{number}" for number in range(320)]
        assert [found.id for found in pool.map(client.get_connection, ids)] == ids
    assert len(server.seen) == 320
    assert server.connections <= 16


def test_limit_of_parallel_requests_applies_to_real_connections(server: Loopback) -> None:
    with FivetranClient(server.url, KEY, SECRET, limits=Limits(in_flight=3)) as client, ThreadPoolExecutor(16) as pool:
        list(pool.map(client.get_connection, ["a"] * 100))
    assert server.connections <= 3


def test_loopback_address_is_never_reached_through_a_proxy(
    server: Loopback, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    for host in ("127.0.0.1", "localhost", "0.0.0.0"):
        url = server.url.replace("127.0.0.1", host)
        with FivetranClient(url, KEY, SECRET, retry=ONCE) as client:
            assert client.get_connection("a_b").id == "a_b"


def test_other_hosts_are_reached_through_a_proxy_that_does_not_see_the_key(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", server.url.removesuffix("/v1"))
    with FivetranClient("https://api.example.test/v1", KEY, SECRET, retry=ONCE) as client:
        with pytest.raises(TransportError, match="the proxy rejected the request \\(status 407\\)") as caught:
            client.create_group("g")
        assert caught.value.sent is False
    ((method, target, headers, _),) = server.seen
    assert (method, target) == ("CONNECT", "api.example.test:443")
    assert "Authorization" not in headers


@pytest.mark.parametrize("tail", ["cut", "hangup"])
def test_answer_that_breaks_off_is_an_error_after_which_nothing_is_known(server: Loopback, tail: str) -> None:
    with FivetranClient(server.url, KEY, SECRET, retry=ONCE) as client:
        with pytest.raises(TransportError, match="closed without a complete answer") as caught:
            client.update_group(tail, name="g")
        assert caught.value.sent == "unknown"
        assert caught.value.may_have_taken_effect


def test_silence_is_an_error_within_the_time_limit(server: Loopback) -> None:
    limits = Timeouts(connect=5, read=0.05)
    with FivetranClient(server.url, KEY, SECRET, retry=ONCE, timeouts=limits) as client:
        with pytest.raises(TransportError, match="no answer within the time limit") as caught:
            client.update_group("silent", name="g")
        assert caught.value.sent == "unknown"


def test_closed_port_is_an_error_after_which_a_post_is_tried_again(closed_port: int) -> None:
    time = FakeTime()
    with FivetranClient(f"http://127.0.0.1:{closed_port}/v1", KEY, SECRET, clock=time.clock) as client:
        with pytest.raises(TransportError, match=r"cannot connect .*refused.*5 attempts") as caught:
            client.create_group("g")
        assert caught.value.sent is False
    assert len(time.sleeps) == 4


def test_no_secret_is_in_an_error_its_traceback_or_any_log_at_any_level(
    server: Loopback, closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [KEY, SECRET, CANARY, "Y2FuYXJ5"]  # the last is how base64 of any of them begins
    limits = Timeouts(read=0.05)
    errors: list[FivetranError] = []
    urls = [server.url, f"http://127.0.0.1:{closed_port}/v1"]
    for url in urls:
        with FivetranClient(
            url, KEY, SECRET, retry=Retry(attempts=2), timeouts=limits, clock=FakeTime().clock
        ) as client:
            for tail in ("broken", "cut", "hangup", "silent", "fine"):
                try:
                    client.update_connection(
                        tail, config={"api_key": CANARY}, auth={"token": CANARY}, run_setup_tests=False
                    )
                except FivetranError as error:
                    errors.append(error)
    assert len(errors) == 9
    assert all(list(chain(error)) == [error] for error in errors)
    texts = [line for error in errors for line in traceback.format_exception(error)]
    written = "".join([*texts, *(repr(error) + str(vars(error)) for error in errors)]) + caplog.text
    assert "httpcore" in {record.name.split(".")[0] for record in caplog.records}
    assert not [secret for secret in secrets if secret in written]


def test_server_error_shows_the_api_s_words_without_the_secret(server: Loopback) -> None:
    with FivetranClient(server.url, KEY, SECRET, retry=ONCE) as client, pytest.raises(ServerError) as caught:
        client.update_connection("broken", config={"k": CANARY}, run_setup_tests=False)
    assert caught.value.unmasked_message == f"{CANARY} ******"
    assert CANARY not in str(caught.value)


def test_tls_with_something_that_does_not_speak_it_is_an_error_of_ours(server: Loopback) -> None:
    url = server.url.replace("http:", "https:")
    with FivetranClient(url, KEY, SECRET, retry=ONCE) as client, pytest.raises(TransportError, match="cannot connect"):
        client.get_group("g")


def test_no_thread_is_left_when_a_client_is_closed(server: Loopback) -> None:
    before = set(threading.enumerate())
    with FivetranClient(server.url, KEY, SECRET) as client:
        client.get_group("g")
        ours = {thread for thread in threading.enumerate() if thread not in before}
    assert all("process_request_thread" in thread.name for thread in ours)


def test_list_is_an_error_when_the_answer_has_no_list(server: Loopback) -> None:
    with FivetranClient(server.url, KEY, SECRET) as client, pytest.raises(UnexpectedAnswer):
        list(client.list_groups())
