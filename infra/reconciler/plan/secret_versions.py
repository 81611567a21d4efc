"""Check by their metadata, before any change, that new secret versions exist.

A preview does so too, and reads no value. Versions that the last run named are not checked again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.model import Reference, references
from reconciler.resources.connection.new_connections import Declarations
from reconciler.resources.run.run import run

logger = logging.getLogger(__name__)


def named_references(units: Declarations) -> list[dict[str, Any]]:
    """Return each reference of these units that can be resolved, once and sorted, as state stores it."""
    found = {reference for unit in units.values() for _, reference in _references(unit) if not reference.held}
    return [dict(reference.as_node()) for reference in sorted(found, key=str)]


def rejections(units: Declarations, known: Iterable[object]) -> list[str]:
    """Return why versions that are not among the `known` cannot be used.

    One text for a reference, under its file's name.

    Where the check is not possible, nothing is rejected: that is logged, and an apply reports what is wrong.
    """
    before = frozenset(map(Reference.parse, known))
    asked = [
        (unit["connection"]["file"], path, reference)
        for unit in units.values()
        for path, reference in _to_secret_manager(unit)
        if reference not in before
    ]
    if not asked:
        return []
    from reconciler.secrets.secret_manager import check_versions  # noqa: PLC0415 (Google's library takes its time)

    findings = check_versions(reference for _, _, reference in asked)
    texts = []
    for file, path, reference in asked:
        finding = findings.get(reference)
        if finding is not None and finding.certain:
            texts.append(f"{run.declared.locate(file, 'connector', path)}: {path}: {finding.message}")
    for message in sorted({finding.message for finding in findings.values() if not finding.certain}):
        logger.warning("cannot check secret versions: %s", message)
    return sorted(texts)


def _to_secret_manager(unit: Mapping[str, Any]) -> Iterator[tuple[str, Reference]]:
    return ((path, reference) for path, reference in _references(unit) if reference.kind == "secret")


def _references(unit: Mapping[str, Any]) -> Iterator[tuple[str, Reference]]:
    return references({key: unit["connection"].get(key, {}) for key in ("config", "auth")})
