"""A message of several lines reaches the engine as one, so that nothing is printed between its lines."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from reconciler.resources.operation import Provider
from reconciler.resources.run import engine

logger = logging.getLogger("reconciler.provider.test")
REQUEST = ConfigureRequest(Config({}, "project"))
MESSAGE = "connectors/dev/stripe.yaml: broken in Fivetran\n    reconnect: Log in again"


class EngineService(engine_pb2_grpc.EngineServicer):
    """The messages that the engine receives, one a call."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def Log(self, request: engine_pb2.LogRequest, _context: object) -> Empty:  # noqa: N802
        assert request.severity == engine_pb2.INFO
        self.messages.append(request.message)
        return Empty()


@pytest.fixture
def ours() -> Iterator[logging.Logger]:
    """The logger of our modules, which loses its handlers afterwards."""
    logger = logging.getLogger("reconciler")
    before = list(logger.handlers)
    yield logger
    logger.handlers[:] = before


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, ours: logging.Logger) -> Iterator[tuple[EngineService, grpc.Server]]:
    """This process as a plugin of an engine."""
    log, server = EngineService(), grpc.server(ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(log, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setattr(engine, "address", lambda: f"127.0.0.1:{port}")
    Provider().configure(REQUEST)
    Provider().configure(REQUEST)  # as for each class of ours
    yield log, server
    server.stop(None).wait()


def test_message_of_several_lines_is_handed_to_the_engine_whole(
    plugin: tuple[EngineService, grpc.Server], capfd: pytest.CaptureFixture[str]
):
    logger.warning("%s", MESSAGE)
    logger.info("not for the user")
    assert plugin[0].messages == [MESSAGE]
    assert capfd.readouterr().err == ""


def test_message_is_written_to_stderr_when_the_engine_is_gone(
    plugin: tuple[EngineService, grpc.Server], capfd: pytest.CaptureFixture[str]
):
    plugin[1].stop(None).wait()
    logger.warning("%s", MESSAGE)
    assert capfd.readouterr().err == f"{MESSAGE}\n"


def test_process_that_is_not_a_plugin_logs_as_before(ours: logging.Logger):
    before = list(ours.handlers)
    Provider().configure(REQUEST)
    assert ours.handlers == before
