"""Resolve references at the moment of sending.

A value that only Fivetran has is never sent.

Fivetran alone has the value of `{held_by: fivetran}`. It takes a key of `config` whole, and `auth` as one (operations
create_connection, modify_connection), so a list with such a secret cannot be written without losing it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.model import references
from reconciler.resources.connection import api_fields
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run
from reconciler.secrets import ADVICE, Resolver, resolve

logger = logging.getLogger(__name__)


def resolve_values(fields: Mapping[str, Any], file: str, resolvers: Iterable[Resolver]) -> Mapping[str, Any]:
    """Return the fields of a request with values in place of references.

    Logs a warning, at the line of the reference, for each value that is odd. Raises `UnresolvedReferences`.
    """
    resolved = resolve(fields, resolvers)
    for odd in resolved.odd:
        logger.warning("%s: %s. %s", run.declared.locate(file, "connector", odd.path), odd, ADVICE)
    return dict(resolved.tree)


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


def keys_to_send(tree: Mapping[str, Any]) -> set[str]:
    """Return the keys of a config under which there is a reference that can be resolved."""
    return {key for key, node in tree.items() if any(not reference.held for _, reference in references(node))}


def are_all_kept(tree: Mapping[str, Any]) -> bool:
    """Return whether a tree has secrets, and only Fivetran has their values."""
    return not keys_to_send(tree) and any(True for _ in references(tree))
