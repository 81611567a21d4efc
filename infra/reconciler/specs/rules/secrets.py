"""Rules about `config` and `auth`: references are well formed, and every credential is one.

No message shows a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconciler.errors import Problem
from reconciler.specs.check import suggestion
from reconciler.specs.document import Document, Path, printable, shown
from reconciler.specs.rules.credentials import is_credential, is_private_key
from reconciler.specs.view import Specs

_FORM = "a reference is {env: NAME} or {env: NAME, version: N}"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOUD_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_REFERENCE_AS_TEXT = re.compile(r"\{\s*env\s*:[^{}]*\}|env:[A-Za-z_][A-Za-z0-9_]*")
_KEYS = ("env", "version")
#: Other places a value could come from, by the keys such a reference would have.
_NOT_YET = {"secret": {"secret", "version", "project"}, "pulumi_config": {"pulumi_config"}, "held_by": {"held_by"}}


def references_are_well_formed(specs: Specs) -> Iterator[Problem]:
    """A reference with a fault would be sent to Fivetran as it stands."""
    for unit, path, node in _trees(specs):
        if "env" in node and isinstance(node["env"], str):
            message = f"a reference stands in place of a value, not of the whole {shown(path[-1])}"
            yield unit.on_value(path, message, "give it a key, such as `api_key: {env: NAME}`")
        for inner, mapping in _mappings(node, path):
            if inner != path:
                yield from _reference_problems(unit, inner, mapping)


def credentials_are_references(specs: Specs) -> Iterator[Problem]:
    """What a service calls a credential is never written down, and neither is a private key under any name."""
    for unit, path, node in _trees(specs):
        for inner, value in _values(node, path):
            name = printable(next(step for step in reversed(inner) if isinstance(step, str)))
            reference = f"`{name[:60]}: {{env: NAME, version: 1}}`"
            credential = is_credential(inner) and not isinstance(value, bool) and value != ""
            if isinstance(value, str) and _REFERENCE_AS_TEXT.fullmatch(value):
                message = f"{shown(name)} holds a reference as text"
                yield unit.on_value(inner, message, f"write it without quotes, a space after each colon: {reference}")
            elif credential or (isinstance(value, str) and is_private_key(value)):
                message = f"{shown(name)} holds a credential in plain text"
                hint = f"write a reference, {reference}, and replace the credential: git keeps it"
                yield unit.on_value(inner, message, hint)


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
    """Every scalar below a node, save those of mappings that are told to be wrong references."""
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for step, value in inner:
        at = (*path, step)
        if isinstance(value, list) or (isinstance(value, dict) and not _meant_as_reference(value)):
            yield from _values(value, at)
        elif isinstance(value, str | int | float):
            yield at, value


def _reference_problems(unit: Document, path: Path, node: dict[str, Any]) -> Iterator[Problem]:
    if "env" in node:
        yield from _env_problems(unit, path, node)
    elif kind := _other_reference(node):
        yield unit.on_key((*path, kind), f"a reference by {shown(kind)} is not supported yet", f"use env: {_FORM}")
    elif key := _misspelt(node):
        yield unit.on_key((*path, key), f"unknown key {shown(key)} in a reference", "did you mean `env`?")


def _meant_as_reference(node: dict[str, Any]) -> bool:
    """Whether a mapping without `env` is a reference nevertheless, of another kind or misspelt."""
    return _other_reference(node) is not None or _misspelt(node) is not None


def _other_reference(node: dict[str, Any]) -> str | None:
    """What kind of reference a mapping would be if there were others than `env`."""
    for kind, keys in _NOT_YET.items():
        if isinstance(node.get(kind), str) and (set(node) <= keys or "version" in node):
            return kind
    return None


def _misspelt(node: dict[str, Any]) -> str | None:
    """The key that should be `env` in a mapping that looks like a reference in everything else."""
    others = [key for key in node if key != "version"]
    if len(others) != 1 or not isinstance(node[others[0]], str) or not _LOUD_NAME.fullmatch(node[others[0]]):
        return None
    return others[0] if "version" in node or suggestion(others[0], _KEYS) == "env" else None


def _env_problems(unit: Document, path: Path, node: dict[str, Any]) -> Iterator[Problem]:
    for key in node:
        if key not in _KEYS:
            near = suggestion(key, [name for name in _KEYS if name not in node])
            hint = f"did you mean {shown(near)}?" if near else _FORM
            yield unit.on_key((*path, key), f"unknown key {shown(key)} in a reference", hint)
    name = node["env"]
    if name is not None and not (isinstance(name, str) and _VARIABLE.fullmatch(name)):
        message = "`env`: expected the name of an environment variable: letters, digits and underscores"
        yield unit.on_value((*path, "env"), message, _FORM)
    version = node.get("version", 1)
    if version is not None and (isinstance(version, bool) or not isinstance(version, int) or version < 1):
        message = "`version`: expected a whole number from 1"
        yield unit.on_value((*path, "version"), message, "raise it by one when the value changes")
