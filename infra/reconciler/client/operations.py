"""What the families of operations share: the transport they send through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.client.transport import Transport


class Operations:
    """A family of operations; `FivetranClient` is all of them together."""

    _transport: Transport


def given(**fields: object) -> dict[str, object]:
    """A request body of the fields that say something: None is left out, and so never sent as null."""
    return {key: value for key, value in fields.items() if value is not None}
