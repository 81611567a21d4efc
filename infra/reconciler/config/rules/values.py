"""Check single values: dates, unquoted scalars without a known type, placeholders of an import.

For a value in `config` and `auth` of which the catalogue has no type, the file alone says whether `1.10` is a number or
a text. What YAML readers disagree about is rejected there. Elsewhere the schema or the catalogue has a type, and
YAML 1.2 holds. No message shows such a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconciler.config.rules import grant_lists, references
from reconciler.config.rules.fields import key_of
from reconciler.config.rules.secrets import is_reported
from reconciler.config.rules.services import find_field, find_service
from reconciler.config.specs import Specs, parse_day
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.fivetran.catalog import Field
from reconciler.model.errors import Problem
from reconciler.yaml_text.scalars import explain_ambiguity, is_text_everywhere

_QUOTE = "put it in quotes"
_UNTYPED = "the catalogue has no type for it"
_ANYTHING = Field("any")
#: The form that the schema asks for.
_FORM = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")

#: Where a unit's file holds a date, besides `until` of its grants.
_DATES: tuple[Path, ...] = (("connector", "awaiting", "until"), ("expires",))


def check_dates(specs: Specs) -> Iterator[Problem]:
    """Find dates that the calendar does not have; the schema checks their form."""
    for unit, path in _dates(specs):
        node = unit.at(*path)
        if isinstance(node, str) and _FORM.fullmatch(node) and parse_day(node) is None:
            yield unit.on_value(path, f"there is no day {shown(node)}", "write a day that the month has")


def _dates(specs: Specs) -> Iterator[tuple[Document, Path]]:
    for unit in specs.all_units():
        yield from ((unit, path) for path in _DATES)
    for grants in (*grant_lists.dataset_grants(specs), *grant_lists.fivetran_grants(specs)):
        yield from ((grant.document, (*grant.path, "until")) for grant in grants)


_MARK = re.compile(r"fill[ _-]in\b", re.IGNORECASE)


def warn_placeholders(specs: Specs) -> Iterator[Problem]:
    """Warn for each placeholder of `reconciler new` and `import` that was not replaced."""
    for unit in specs.all_units():
        for path in unit.values:
            node = unit.at(*path)
            if isinstance(node, str) and _MARK.match(node):
                yield unit.on_value(
                    path,
                    f"{shown(node)} is a placeholder",
                    "replace it: until then this text itself is used",
                )
            elif path[:1] == ("datasets",) and len(path) == 2 and _MARK.match(str(path[1])):
                hint = "replace it with the name of a schema of the source"
                yield unit.on_key(path, f"{shown(path[1])} is a placeholder", hint)


def check_unquoted_values(specs: Specs) -> Iterator[Problem]:
    """Find unquoted values that another YAML reader, or Fivetran, would read differently."""
    for unit in specs.all_units():
        service = find_service(unit)
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
        if references.find_kind(node) is None:
            yield from _mapping(unit, path, node, known)
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _node(unit, (*path, index), item, known.items or _ANYTHING)
    elif known.kind == "any" and node is not None and path in unit.plain:
        reason = explain_ambiguity(unit.plain[path])
        if reason is not None and not is_reported(path, node, find_field(unit, path) or known):
            yield unit.on_value(
                path, f"{shown(key_of(path))}: {_UNTYPED}, and without quotes {reason}", _hint_for_scalar(node)
            )


def _hint_for_scalar(value: str | int | float | bool) -> str:
    """Say how to write the value unambiguously."""
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
