"""Check `config` and `auth` against the catalogue: known keys, types and choices.

No message shows a value. Only the rules about secrets report a credential or a broken reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from reconciler.config.rules import references
from reconciler.config.rules.secrets import is_reported
from reconciler.config.rules.services import find_service
from reconciler.config.schema import messages
from reconciler.config.schema.check import MOST_SHOWN
from reconciler.config.schema.suggestions import suggest_name
from reconciler.config.specs import Specs, destination
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.fivetran.catalog import Field, Service, leaves, walk
from reconciler.fivetran.enum_spelling import enumeration
from reconciler.model import DESTINATION_KEYS, Reference, commands
from reconciler.model.errors import Problem
from reconciler.yaml_text.scalars import LARGEST_INTEGER

_CONNECTOR = ("connector",)
#: What no string can be.
_NO_TEXT = frozenset({"integer", "number", "boolean", "list", "object"})
#: More names than this are not listed in a message.
_MOST_LISTED = 12


def check_config_and_auth(specs: Specs) -> Iterator[Problem]:
    """Check each unit whose service is in the catalogue.

    Fivetran would reject most of it too, one fault at a time and without a place.
    """
    for unit in specs.all_units():
        service = find_service(unit)
        if service is not None:
            yield from _Check(unit, service).problems()


@dataclass
class _Check:
    """Compare one unit with the catalogue's entry of its service."""

    unit: Document
    service: Service
    _homes: dict[str, str] = field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """Yield every problem."""
        config, auth = (self.unit.at("connector", tree) for tree in ("config", "auth"))
        if config is None or isinstance(config, dict):
            yield from self._object((*_CONNECTOR, "config"), config or {}, self.service.config)
        if isinstance(auth, dict) and auth and not self.service.auth:
            message = f"{shown(self.service.id)} does not accept `auth`"
            yield self.unit.on_key((*_CONNECTOR, "auth"), message, "move its credentials to `config`")
        elif isinstance(auth, dict) and auth:
            yield from self._object((*_CONNECTOR, "auth"), auth, self.service.auth)

    def _object(self, path: Path, node: Mapping[str, Any], fields: Mapping[str, Field]) -> Iterator[Problem]:
        unknown = [key for key in node if key not in fields and not self._is_destination_key(path, key)]
        meant: set[str] = set()
        for index, key in enumerate(unknown):
            home = self._find_home(key)
            near = None
            if home is None and index < MOST_SHOWN:
                near = suggest_name(key, [name for name in fields if name not in node and not fields[name].readonly])
            meant |= {near} if near else set()
            hint = f"did you mean {shown(near)}?" if near else self._list_known_keys(fields)
            hint = f"move it to {shown(home)}" if home else hint
            yield self.unit.on_key((*path, key), f"unknown key {shown(key)} in {shown(key_of(path))}", hint)
        for key, value in node.items():
            if key in fields:
                yield from self._entry((*path, key), value, fields[key])
        yield from self._check_required(path, node, fields, meant)

    def _check_required(
        self, path: Path, node: Mapping[str, Any], fields: Mapping[str, Field], meant: set[str]
    ) -> Iterator[Problem]:
        """Find required keys that are missing. An adopted connection has them already."""
        if self.unit.at("connector", "adopt") is not None or path in self.unit.incomplete:
            return
        derived = {"function_trigger"} if self.unit.at("connector", "function") is not None else set()
        derived |= {"package_id"} if self.unit.at("connector", "package") is not None else set()
        for name, known in fields.items():
            if known.required and name not in node and name not in meant | derived:
                message = f"{shown(name)} is missing in {shown(key_of(path))}, and {shown(self.service.id)} requires it"
                place = path if path in self.unit.keys else _CONNECTOR
                yield self.unit.on_key(place, message, f"add it: {_expected(known).removeprefix('expected ')}")

    def _entry(self, path: Path, value: Any, known: Field) -> Iterator[Problem]:
        if known.readonly:
            message = f"{shown(path[-1])} is set by Fivetran and cannot be declared"
            yield self.unit.on_key(path, message, "remove it")
        else:
            yield from self._value(path, value, known)

    def _value(self, path: Path, value: Any, known: Field) -> Iterator[Problem]:
        if _is_unfinished(value) or known.kind == "any" or is_reported(path, value, known):
            return
        if isinstance(value, dict) and references.find_kind(value) is not None:
            if known.kind in _NO_TEXT and not _is_kept_by_fivetran(value):
                message = f"{shown(key_of(path))}: {_expected(known)}; found a reference, whose value is a string"
                yield self.unit.on_value(path, message, _hint_for_reference(known))
        elif isinstance(value, dict) and known.kind == "object":
            if known.fields:
                yield from self._object(path, value, known.fields)
        elif isinstance(value, list) and known.items is not None:
            for index, item in enumerate(value):
                yield from self._value((*path, index), item, known.items)
        elif not _fits(value, known):
            message = f"{shown(key_of(path))}: {_expected(known)}"
            found = "" if known.kind == "choice" and isinstance(value, str) else f"; found {_found(value)}"
            yield self.unit.on_value(path, message + found, _hint(value, known))

    def _is_destination_key(self, path: Path, key: str) -> bool:
        """Return whether `check_config_without_destination` reports this key."""
        target = destination(self.unit)
        beside_prefix = key == "schema" and target is not None and target.schema_prefix is not None
        return len(path) == len(_CONNECTOR) + 1 and key in DESTINATION_KEYS and not beside_prefix

    def _find_home(self, key: str) -> str | None:
        """Find the mapping where a key of this name belongs."""
        if not self._homes:
            for tree, fields in (("auth", self.service.auth), ("config", self.service.config)):
                for path, _ in walk(fields, tree):
                    above, _, name = path.rpartition(".")
                    self._homes[name] = above.removesuffix("[]")
        return self._homes.get(key)

    def _list_known_keys(self, fields: Mapping[str, Field]) -> str:
        """Describe the keys that are allowed in place of an unknown one."""
        names = [name for name, known in fields.items() if not known.readonly]
        few = f"use a known key: {', '.join(names) or 'there is none'}"
        many = f"use a key in schemas/services/{self.service.id}.yaml"
        more = f"if Fivetran has added keys, run {commands.reconciler('services pull', self.service.id)}"
        return f"{few if len(names) <= _MOST_LISTED else many}; {more}"


def key_of(path: Path) -> str:
    """Return the key that a value is under, also for an item of a list."""
    return next(step for step in reversed(path) if isinstance(step, str))


def _is_unfinished(value: Any) -> bool:
    """Return whether the reader reported the value already: empty, or a key that lacks a space."""
    return value is None or (isinstance(value, dict) and None in value.values())


def _is_kept_by_fivetran(node: dict[str, Any]) -> bool:
    """Return whether the reference says that Fivetran keeps the value."""
    reference = Reference.parse(node)
    return reference is not None and reference.held


def _fits(value: Any, known: Field) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match known.kind:
        case "string":
            fits = isinstance(value, str)
        case "secret":
            fits = value == ""  # references and reported credentials do not come here, so only an empty text fits
        case "integer":
            fits = number and (isinstance(value, int) or (value.is_integer() and abs(value) <= LARGEST_INTEGER))
        case "number":
            fits = number
        case "boolean":
            fits = isinstance(value, bool)
        case "choice":
            fits = isinstance(value, str) and enumeration(value) in _list_spellings(known.choices)
        case _:
            fits = False
    return fits


@cache
def _list_spellings(choices: tuple[str, ...]) -> frozenset[tuple[str, bool]]:
    return frozenset(enumeration(choice) for choice in choices)


def _expected(known: Field) -> str:
    match known.kind:
        case "secret":
            return "expected a reference"
        case "list":
            return messages.expected_type(["array"])
        case "choice":
            listed = ", ".join(choice or '""' for choice in known.choices[:_MOST_LISTED])
            more = len(known.choices) - _MOST_LISTED
            return f"expected one of {listed}{f' and {more} more' if more > 0 else ''}"
    return messages.expected_type([known.kind])


def _found(value: Any) -> str:
    return "a boolean" if isinstance(value, bool) else messages.kind_of(value)


def _hint(value: Any, known: Field) -> str | None:
    """Say what to do about a value of a wrong type or choice."""
    if isinstance(value, str):
        return _hint_for_text(value, known)
    match known.kind:
        case "secret":
            hint = f"write it like {references.format_example('secret')}"
        case "string" if isinstance(value, bool | int | float):
            hint = "put it in quotes"
        case "choice" if isinstance(value, int) and str(value) in known.choices:
            hint = "put it in quotes"
        case "boolean":
            hint = "write true or false"
        case "list":
            hint = "begin each entry with a hyphen" if isinstance(value, dict) else "write it in brackets"
        case _:
            return None
    return hint


def _hint_for_text(value: str, known: Field) -> str | None:
    match known.kind:
        case "choice":
            near = suggest_name(value, known.choices)
            return f"did you mean {shown(near)}?" if near else None
        case "integer" | "number" if re.fullmatch(r"-?\d+(\.\d+)?", value):
            return "write it without quotes"
        case "boolean":
            return "write true or false, without quotes"
        case "list":
            return "write it in brackets"
    return None


def _hint_for_reference(known: Field) -> str:
    """Say what to write where a string does not fit."""
    if any(inner.kind == "secret" for _, inner in leaves({"": known})):
        return "write the value itself, with a reference for each secret inside"
    return "write the value itself"
