"""The engine whose plugin this process is, as far as one may ask: whether it is still there.

A killed CLI leaves its plugin process behind, in the middle of its operations, with nobody to hear of them.
"""

from __future__ import annotations

import re
import socket
import sys

#: The engine's address, the last argument of the plugin process.
_ADDRESS = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):(\d+)")


def address(arguments: list[str] = sys.argv) -> str | None:
    """Return where the engine listens; None where this process is no plugin."""
    return arguments[-1] if _ADDRESS.fullmatch(arguments[-1]) else None


def is_gone(arguments: list[str] = sys.argv) -> bool:
    """Whether nothing listens any more where the engine did. False where this process is no plugin."""
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
