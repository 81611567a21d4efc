"""Values that only Fivetran has, `{held_by: fivetran}`: they are never sent, nor a value that contains one.

Fivetran takes a key of `config` whole, and `auth` as one (operations create_connection, modify_connection): a list of
secrets of which Fivetran alone has one cannot be written without losing that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model import references
from reconciler.resources.connection import api_fields
from reconciler.resources.run.outcomes import OperationError


def reject_kept(fields: Mapping[str, Any], *, because: str) -> None:
    """Raise `OperationError` naming every value in `fields`, about to be sent, that only Fivetran has."""
    paths = [path for path, reference in references(fields) if reference.held]
    if paths:
        values = "this value" if len(paths) == 1 else "these values"
        raise OperationError(
            f"{', '.join(sorted(paths))}: only Fivetran has {values}, and {because}\n"
            "    Write a reference instead, such as {secret: NAME, version: N}."
        )


def reject_creating_with_kept(props: Mapping[str, Any]) -> None:
    """Raise `OperationError` where a connection, given by its inputs, cannot be made for want of a value."""
    reject_kept(
        {key: props[key] for key in ("config", "auth") if key in props},
        because=f"there is no connection {api_fields.connection_name(props)} to adopt",
    )


def reject_changes_around_kept(fields: Mapping[str, Any]) -> None:
    """Raise `OperationError` where a PATCH of these fields would have to contain what only Fivetran has."""
    reject_kept(
        {key: fields[key] for key in ("config", "auth") if key in fields},
        because="a changed key can only be sent as a whole",
    )


def ours(tree: Mapping[str, Any]) -> set[str]:
    """Return the keys of a config under which there is a reference that can be resolved."""
    return {key for key, node in tree.items() if any(not reference.held for _, reference in references(node))}


def are_all_kept(tree: Mapping[str, Any]) -> bool:
    """Return whether a tree has secrets, and only Fivetran has their values."""
    return not ours(tree) and any(True for _ in references(tree))
