"""Values in place of references, at the moment of sending, with a warning about each value that is odd."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

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
