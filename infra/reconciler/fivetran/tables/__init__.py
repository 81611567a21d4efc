"""A connector's `sync` against the live schema config of its connection. Pure.

`inputs` returns a file's `sync` as plain JSON. `compare` returns the differences, the changes to send, and the live
config as a file would declare it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from reconciler.fivetran.tables.declared import ahead, inputs, parse

if TYPE_CHECKING:
    from reconciler.fivetran.tables.comparison import Comparison, Place, compare, protects, to_look_up, undeclared

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


def __getattr__(name: str) -> Any:
    """Import the comparison on first use: files are read without the types of the API."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("reconciler.fivetran.tables.comparison"), name)
