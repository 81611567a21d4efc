"""Unquoted scalars in `config` and `auth` of which the catalogue knows no type.

There the file alone says whether `1.10` is a number or a text, so what readers of YAML disagree about is rejected.
Everywhere else the schema or the catalogue has a type, and YAML 1.2 holds. No message shows a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.config.documents import Specs
from reconciler.config.rules import references
from reconciler.config.rules.fields import key_of
from reconciler.config.rules.secrets import told
from reconciler.config.rules.services import field_meant, service_of
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.fivetran.catalog import Field
from reconciler.model.errors import Problem
from reconciler.yaml_text.scalars import doubt, is_text_everywhere

_QUOTE = "put it in quotes"
_UNTYPED = "the catalogue has no type for it"
_ANYTHING = Field("any")


def values_of_no_known_type_are_unambiguous(specs: Specs) -> Iterator[Problem]:
    """Find what another reader of YAML, or Fivetran, would get as something else than the file shows."""
    for unit in specs.all_units():
        service = service_of(unit)
        for tree in ("config", "auth"):
            known = _ANYTHING
            if service is not None:
                known = Field("object", fields=service.config if tree == "config" else service.auth)
                if not known.fields:
                    continue  # whatever stands there is an unknown key
            node = unit.at("connector", tree)
            if isinstance(node, dict):
                yield from _mapping(unit, ("connector", tree), node, known)


def _node(unit: Document, path: Path, node: Any, known: Field) -> Iterator[Problem]:
    if isinstance(node, dict):
        if references.meant(node) is None:
            yield from _mapping(unit, path, node, known)
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _node(unit, (*path, index), item, known.items or _ANYTHING)
    elif known.kind == "any" and node is not None and path in unit.plain:
        reason = doubt(unit.plain[path])
        if reason is not None and not told(path, node, field_meant(unit, path) or known):
            yield unit.on_value(path, f"{shown(key_of(path))}: {_UNTYPED}, and without quotes {reason}", _to_do(node))


def _to_do(value: str | int | float | bool) -> str:
    """How to say what is meant."""
    if isinstance(value, bool):
        return f"{_QUOTE}, or write {str(value).lower()}"
    return _QUOTE if isinstance(value, str) else f"{_QUOTE}, or write the number in decimal digits only"


def _mapping(unit: Document, path: Path, node: dict[str, Any], known: Field) -> Iterator[Problem]:
    is_open = not known.fields
    for key, value in node.items():
        at = (*path, key)
        if is_open and at in unit.plain_keys and not is_text_everywhere(key):
            yield unit.on_key(
                at, f"the key {shown(key)}: without quotes YAML 1.1 and YAML 1.2 read it differently", _QUOTE
            )
        if is_open or key in known.fields:
            yield from _node(unit, at, value, _ANYTHING if is_open else known.fields[key])
