"""Messages of the plugin process, each handed to the engine whole.

The engine reads a plugin's stderr line by line, and may print what it does with other resources between two lines of
one message.
"""

from __future__ import annotations

import logging
import threading
from functools import cached_property

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from reconciler.resources.run.engine import address

#: How long a message may take to be handed over. A killed CLI leaves its plugin process without an engine.
_PATIENCE_S = 10

_lock = threading.Lock()
_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1))


class EngineLog(logging.Handler):
    """Hands messages to the engine, which prints them as it prints lines of stderr; to stderr where it is gone."""

    def __init__(self, engine: str) -> None:
        super().__init__(logging.WARNING)
        self._address = engine

    @cached_property
    def _engine(self) -> engine_pb2_grpc.EngineStub:
        return engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address, _OPTIONS))

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a message over."""
        text = self.format(record)
        # Of severity INFO, since the engine puts the name of any other before the text.
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text)
        try:
            self._engine.Log(request, timeout=_PATIENCE_S)
        except grpc.RpcError:
            if logging.lastResort is not None:
                logging.lastResort.handle(record)


def use_engine_log() -> None:
    """Hand messages of this process to its engine from now on; does nothing in a process that is no plugin."""
    engine = address()
    ours = logging.getLogger("reconciler")
    with _lock:
        if engine is not None and not any(isinstance(each, EngineLog) for each in ours.handlers):
            ours.addHandler(EngineLog(engine))
