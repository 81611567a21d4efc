"""Values in place of references, at the moment of sending, with a warning about each value that is odd."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.model import Reference
from reconciler.resources.run.run import run
from reconciler.secrets import ADVICE, OddValue, Resolver, inspect_value, known_value, resolve

logger = logging.getLogger(__name__)


def resolve_values(fields: Mapping[str, Any], file: str, resolvers: Iterable[Resolver]) -> Mapping[str, Any]:
    """Return the fields of a request with values in place of references.

    Logs a warning, at the line of the reference, for each value that is odd. Raises `UnresolvedReferences`.
    """
    resolved = resolve(fields, resolvers)
    for odd in resolved.odd:
        logger.warning("%s: %s. %s", run.declared.locate(file, "connector", odd.path), odd, ADVICE)
    return dict(resolved.tree)


def odd_values(references: Mapping[str, Any]) -> list[OddValue]:
    """Return which of a unit's values are odd; `references` are its references by their paths.

    Values are read for it, so this is for operations that write. One that cannot be read is passed over.
    """
    found = []
    for path, node in sorted(references.items()):
        reference = Reference.parse(node)
        value = None if reference is None or reference.exact else known_value(reference, ask=True)
        if reference is not None and value is not None:
            found.append(inspect_value(path, reference, value))
    return [each for each in found if each is not None]
