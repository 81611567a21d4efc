"""What objects of every kind have."""

from __future__ import annotations

import base64

#: The time in fields that nothing here sets.
EPOCH = "2026-01-01T00:00:00Z"


def node_id(kind: str, number: int) -> str:
    """Return the id of an object as GraphQL has it."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()
