"""Check that credentials in `config` and `auth` are references, and that references are valid.

No message shows a value. How a reference has to look is in `references`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconciler.config.plain_credentials import holds_credential
from reconciler.config.rules import references
from reconciler.config.rules.services import find_field
from reconciler.config.specs import Specs
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.fivetran.catalog import Field
from reconciler.model import REFERENCE_KEYS, Reference
from reconciler.model.errors import Problem, printable

_KINDS = "|".join(REFERENCE_KEYS)
_REFERENCE_AS_TEXT = re.compile(rf"\{{\s*({_KINDS})\s*:[^{{}}]*\}}|({_KINDS}):[A-Za-z0-9_-]+")


def check_references(specs: Specs) -> Iterator[Problem]:
    """Find invalid references, which would be sent to Fivetran as plain mappings."""
    for unit, path, node in _trees(specs):
        yield from references.check_whole_tree(unit, path, node)
        for inner, mapping in _mappings(node, path):
            if inner != path:
                yield from references.check_reference(unit, inner, mapping)


def check_secret_versions(specs: Specs) -> Iterator[Problem]:
    """Require a version in each reference where the environment's policy is `pinned`."""
    for unit, path, node in _trees(specs):
        if specs.policy(unit.environment).secret_versions == "latest":  # noqa: S105 (no password)
            continue
        for inner, mapping in _mappings(node, path):
            reference = Reference.parse(mapping) if inner != path else None
            if reference is not None and reference.kind == "secret" and "version" not in mapping:
                message = f"a reference to Secret Manager without `version`, which {shown(unit.environment)} requires"
                hint = "add `version: N`, and raise N when the value changes"
                yield unit.on_value(inner, message, hint)


def check_pulumi_config(specs: Specs) -> Iterator[Problem]:
    """Reject references to the stack's config where the environment's policy is `forbidden`."""
    for unit, path, node in _trees(specs):
        if specs.policy(unit.environment).pulumi_config != "forbidden":
            continue
        for inner, mapping in _mappings(node, path):
            if inner != path and "pulumi_config" in mapping:
                message = f"a reference to the stack's config, which {shown(unit.environment)} forbids"
                hint = f"keep the value in Secret Manager, and write {references.format_example('secret')}"
                yield unit.on_value(inner, message, hint)


def check_credentials(specs: Specs) -> Iterator[Problem]:
    """Find credentials in plain text, and private keys under any name."""
    for unit, path, node in _trees(specs):
        for inner, value in _values(node, path):
            known = find_field(unit, inner)
            name = printable(next(step for step in reversed(inner) if isinstance(step, str)))
            as_text = _REFERENCE_AS_TEXT.fullmatch(value) if isinstance(value, str) else None
            if as_text is not None:
                form = _format_reference(inner, known, as_text[1] or as_text[2])
                hint = f"write it without quotes and with a space after each colon: {form}"
                yield unit.on_value(inner, f"{shown(name)} contains a reference as text", hint)
            elif holds_credential(inner, value, known):
                form = _format_reference(inner, known, "secret")
                hint = f"write a reference, {form}, and replace the credential: git keeps it"
                yield unit.on_value(inner, f"{shown(name)} contains a credential in plain text", hint)


def is_reference_as_text(value: str) -> bool:
    """Return whether a text is written like a reference."""
    return _REFERENCE_AS_TEXT.fullmatch(value) is not None


def is_reported(path: Path, value: object, known: Field) -> bool:
    """Return whether `check_credentials` reports the value at a path."""
    as_text = isinstance(value, str) and _REFERENCE_AS_TEXT.fullmatch(value) is not None
    return as_text or holds_credential(path, value, known)


def _format_reference(path: Path, known: Field | None, kind: str) -> str:
    """Format a reference for the place of this value."""
    reference = references.format_example(kind)
    if not isinstance(path[-1], str):
        return f"`- {reference}`"
    return f"`{printable(path[-1])[:60]}: {reference if known is None or known.items is None else f'[{reference}]'}`"


def _trees(specs: Specs) -> Iterator[tuple[Document, Path, dict[str, Any]]]:
    for unit in specs.all_units():
        for key in ("config", "auth"):
            node = unit.at("connector", key)
            if isinstance(node, dict):
                yield unit, ("connector", key), node


def _mappings(node: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from _mappings(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _mappings(value, (*path, index))


def _values(node: Any, path: Path) -> Iterator[tuple[Path, str | int | float | bool]]:
    """Yield every scalar below a node, except those of references."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for step, value in inner:
        at = (*path, step)
        if isinstance(value, list) or (isinstance(value, dict) and references.find_kind(value) is None):
            yield from _values(value, at)
        elif isinstance(value, str | int | float):
            yield at, value
