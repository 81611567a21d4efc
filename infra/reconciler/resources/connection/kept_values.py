"""What only Fivetran has, `{held_by: fivetran}`, is never sent, and neither is anything that would have to contain it.

Fivetran takes a key of `config` whole, and `auth` as one (operations create_connection, modify_connection): a list of
secrets with one in it that nobody else has cannot be written without losing that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model import references
from reconciler.resources.connection import api_fields
from reconciler.resources.run.outcomes import OperationError


def refuse_held(fields: Mapping[str, Any], *, because: str) -> None:
    """Raise `OperationError` naming every value in `fields`, about to be sent, that only Fivetran has."""
    paths = [path for path, reference in references(fields) if reference.held]
    if paths:
        values = "this value" if len(paths) == 1 else "these values"
        raise OperationError(
            f"{', '.join(sorted(paths))}: only Fivetran has {values}, and {because}: write where it is kept, "
            "{secret: NAME, version: N}"
        )


def refuse_creating_with_held(props: Mapping[str, Any]) -> None:
    """Raise `OperationError` where a connection, given by its inputs, cannot be made for want of a value."""
    refuse_held(
        {key: props[key] for key in ("config", "auth") if key in props},
        because=f"there is no connection {api_fields.connection_name(props)} to take over",
    )


def refuse_changes_around_held(fields: Mapping[str, Any]) -> None:
    """Raise `OperationError` where a PATCH of these fields would have to contain what only Fivetran has."""
    refuse_held(
        {key: fields[key] for key in ("config", "auth") if key in fields},
        because="what stands around it has changed and can only be sent whole",
    )


def ours(tree: Mapping[str, Any]) -> set[str]:
    """The keys of a config under which there is a reference to a value that we have."""
    return {key for key, node in tree.items() if any(not reference.held for _, reference in references(node))}


def all_held(tree: Mapping[str, Any]) -> bool:
    """Whether every secret of a tree is with Fivetran, and there is one."""
    return not ours(tree) and any(True for _ in references(tree))
