"""A connector's `sync` against the live schema config of its connection. Pure.

`inputs` has a file's `sync` as plain JSON, and `compare` says what differs, what to send, and how the file would have
to read. The live side is anything of the shape in `live`, which the client's types have.
"""

from reconciler.tables.compare import Comparison, compare, protects, to_look_up, undeclared
from reconciler.tables.level import Finding
from reconciler.tables.live import LiveColumn, LiveConfig, LiveLock, LiveSchema, LiveTable, Place
from reconciler.tables.words import ahead, inputs, parse

__all__ = [
    "Comparison",
    "Finding",
    "LiveColumn",
    "LiveConfig",
    "LiveLock",
    "LiveSchema",
    "LiveTable",
    "Place",
    "ahead",
    "compare",
    "inputs",
    "parse",
    "protects",
    "to_look_up",
    "undeclared",
]
