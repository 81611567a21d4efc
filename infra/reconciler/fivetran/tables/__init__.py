"""A connector's `sync` against the live schema config of its connection. Pure.

`inputs` has a file's `sync` as plain JSON, and `compare` says what differs, what to send, and how the file would have
to read. The live side is anything of the shape in `live`, which the client's types have.
"""

from reconciler.fivetran.tables.compare import Comparison, compare, protects, to_look_up, undeclared
from reconciler.fivetran.tables.declared import ahead, inputs, parse
from reconciler.fivetran.tables.live_schema import Place

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
