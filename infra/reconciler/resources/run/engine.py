"""Reach the engine that started this process: whether it still runs, and its log.

A killed CLI leaves its plugin process behind, in the middle of its operations. The engine reads a plugin's stderr line
by line, and may print what it does with other resources between two lines of one message.
"""

from __future__ import annotations

import logging
import re
import socket
import sys
import threading
from functools import cached_property

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

#: The engine's address, the last argument of the plugin process.
_ADDRESS = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):(\d+)")
#: How long a message may take to be handed over. A killed CLI leaves its plugin process without an engine.
_PATIENCE_S = 10

_lock = threading.Lock()
_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1))


def address(arguments: list[str] = sys.argv) -> str | None:
    """Return where the engine listens; None where this process is not a plugin."""
    return arguments[-1] if _ADDRESS.fullmatch(arguments[-1]) else None


def is_gone(arguments: list[str] = sys.argv) -> bool:
    """Return whether the engine is gone; False where this process is not a plugin."""
    engine = address(arguments)
    if engine is None:
        return False
    host, _, port = engine.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False  # no answer in time, say, of a machine that is busy
    return False


class EngineLog(logging.Handler):
    """Passes each message whole to the engine's log; to stderr when the engine is gone."""

    def __init__(self, engine: str) -> None:
        super().__init__(logging.WARNING)
        self._address = engine

    @cached_property
    def _engine(self) -> engine_pb2_grpc.EngineStub:
        return engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address, _OPTIONS))

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a message to the engine."""
        text = self.format(record)
        # Of severity INFO, since the engine puts the name of any other before the text.
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text)
        try:
            self._engine.Log(request, timeout=_PATIENCE_S)
        except grpc.RpcError:
            if logging.lastResort is not None:
                logging.lastResort.handle(record)


def use_engine_log() -> None:
    """Pass this process's messages to its engine from now on.

    Does nothing in a process that is not a plugin.
    """
    engine = address()
    ours = logging.getLogger("reconciler")
    with _lock:
        if engine is not None and not any(isinstance(each, EngineLog) for each in ours.handlers):
            ours.addHandler(EngineLog(engine))
