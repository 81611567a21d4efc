"""A connector's `sync` against the live schema config of its connection. Pure.

`inputs` returns a file's `sync` as plain JSON. `compare` returns the differences, the changes to send, and the live
config as a file would declare it.
"""

from reconciler.fivetran.tables.compare import Comparison, Place, compare, protects, to_look_up, undeclared
from reconciler.fivetran.tables.declared import ahead, inputs, parse

__all__ = [
    "Comparison",
    "Place",
    "ahead",
    "compare",
    "inputs",
    "parse",
    "protects",
    "to_look_up",
    "undeclared",
]
