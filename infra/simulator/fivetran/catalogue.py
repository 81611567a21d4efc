"""The simulated services, read from the tables beside this module.

A table is YAML, one mapping per service. A field is a short text: a type (`text`, `secret`, `int`, `number`, `bool`, or
`one of A B C`), optionally `= default` and the flags `, immutable`, `, readonly`, `, required`. A list is written as a
list of one element, an object as a mapping; an empty mapping is an object of any shape. `, shouted` marks an enum of a
destination whose values come back in UPPER_SNAKE. `, stored as FORM` marks a text that Fivetran stores in another form
than requests may have; the forms are in `stored_forms`.

A need is `path or path when path=value`, `unless` for the opposite; paths lead into `config`, or into `auth` when they
start with `auth.`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal, cast

import yaml

from simulator.fivetran.stored_forms import FORMS

Kind = Literal["text", "secret", "int", "number", "bool", "enum", "list", "object"]
Form = Literal["schema", "schema_table", "schema_prefix", "schema_table_group"]
Flag = Literal["immutable", "readonly", "required", "shouted"]

#: The config keys that name where a connection writes, by form.
DESTINATION_KEYS: Mapping[Form, tuple[str, ...]] = {
    "schema": ("schema",),
    "schema_table": ("schema", "table"),
    "schema_prefix": ("schema_prefix",),
    "schema_table_group": ("schema", "table_group_name"),
}

_SCALAR = re.compile(
    r"(?P<kind>text|secret|int|number|bool|one of (?P<values>[^=,]+?))"
    r"(?: = (?P<default>[^,]+?))?(?P<flags>(?:, (?:immutable|readonly|required|shouted))*)"
    r"(?:, stored as (?P<form>\w+))?"
)
_NEED = re.compile(r"(?P<any>\S+(?: or \S+)*?)(?: (?P<word>when|unless) (?P<field>[\w.]+)=(?P<value>\w+))?")


class CatalogueError(ValueError):
    """A service definition is invalid."""


@dataclass(frozen=True)
class Field:
    """A config or auth field. Objects have `fields`, lists `items`, enums `values`."""

    kind: Kind
    values: tuple[str, ...] = ()
    default: Any = None
    flags: frozenset[Flag] = frozenset()
    fields: Mapping[str, Field] = field(default_factory=dict)
    items: Field | None = None
    stored_as: str | None = None


@dataclass(frozen=True)
class Condition:
    """True if the field at a dotted path has the value, or, negated, if it has not."""

    path: str
    value: str
    negated: bool = False


@dataclass(frozen=True)
class Need:
    """If the condition is true, setup tests need a value at one of the dotted paths."""

    any_of: tuple[str, ...]
    condition: Condition | None = None


@dataclass(frozen=True)
class Service:
    """A service: the form of its destination, its fields, and what it needs to connect.

    `consent` are the needs that only a person's authorisation, or `auth` instead of it, can meet.
    """

    id: str
    name: str
    type: str
    form: Form
    config: Mapping[str, Field]
    auth: Mapping[str, Field]
    needs: tuple[Need, ...]
    consent: tuple[Need, ...]
    status: str = "general_availability"
    lite: bool = False
    keeps_state: bool = False

    @property
    def destination_keys(self) -> tuple[str, ...]:
        """The config keys that name the destination."""
        return DESTINATION_KEYS[self.form]


@dataclass
class Catalogue:
    """Connection services and destination services by id. Tests can register connection services."""

    connections: dict[str, Service]
    destinations: dict[str, Service]

    @classmethod
    def load(cls) -> Catalogue:
        """Read the tables of the simulator into a new catalogue."""
        connections, destinations = _tables()
        return cls(dict(connections), dict(destinations))

    def register(self, service_id: str, definition: Mapping[str, Any]) -> Service:
        """Add or replace a connection service, defined as in the tables. Raises `CatalogueError`."""
        service = parse_service(service_id, definition)
        self.connections[service_id] = service
        return service


@cache
def _tables() -> tuple[Mapping[str, Service], Mapping[str, Service]]:
    connections: dict[str, Service] = {}
    destinations: dict[str, Service] = {}
    for path in sorted(_table_files(), key=lambda file: file.name):
        table = yaml.load(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        kept = destinations if path.name == "destinations.yaml" else connections
        kept.update((service_id, parse_service(service_id, definition)) for service_id, definition in table.items())
    return connections, destinations


def _table_files() -> Iterator[Any]:
    folder = resources.files(__package__) / "services"
    return (file for file in folder.iterdir() if file.name.endswith(".yaml"))


def parse_service(service_id: str, definition: Mapping[str, Any]) -> Service:
    """Read a service of a table."""
    known = {"name", "type", "form", "config", "auth", "needs", "consent", "status", "lite", "keeps_state"}
    if not isinstance(definition, Mapping) or not known >= set(definition):
        raise CatalogueError(f"service {service_id!r} is a mapping with some of {', '.join(sorted(known))}")
    form = definition.get("form", "schema")
    if form not in DESTINATION_KEYS:
        raise CatalogueError(f"service {service_id!r}: form is one of {', '.join(DESTINATION_KEYS)}")
    return Service(
        id=service_id,
        name=definition.get("name", service_id),
        type=definition.get("type", "API"),
        form=form,
        config=_fields(f"{service_id}.config", definition.get("config") or {}),
        auth=_fields(f"{service_id}.auth", definition.get("auth") or {}),
        needs=tuple(_need(service_id, text) for text in definition.get("needs") or ()),
        consent=tuple(_need(service_id, text) for text in definition.get("consent") or ()),
        status=definition.get("status", "general_availability"),
        lite=definition.get("lite", False),
        keeps_state=definition.get("keeps_state", False),
    )


def _fields(where: str, node: Mapping[str, Any]) -> dict[str, Field]:
    return {name: _field(f"{where}.{name}", child) for name, child in node.items()}


def _field(where: str, node: Any) -> Field:
    if isinstance(node, Mapping):
        return Field("object", fields=_fields(where, node))
    if isinstance(node, list) and len(node) == 1:
        return Field("list", items=_field(f"{where}[]", node[0]))
    match = _SCALAR.fullmatch(node) if isinstance(node, str) else None
    if match is None:
        raise CatalogueError(f"{where}: {node!r} is not a type")
    kind = "enum" if match["values"] else match["kind"]
    default = None if match["default"] is None else _default(kind, match["default"])
    flags = frozenset(cast(Flag, flag) for flag in match["flags"].split(", ")[1:])
    form = match["form"]
    if form is not None and (kind != "text" or form not in FORMS):
        raise CatalogueError(f"{where}: a text is stored as one of {', '.join(FORMS)}")
    return Field(cast(Kind, kind), tuple((match["values"] or "").split()), default, flags, stored_as=form)


def _default(kind: str, text: str) -> Any:
    if kind in ("int", "number", "bool"):
        return yaml.safe_load(text)
    return text


def _need(service_id: str, text: str) -> Need:
    match = _NEED.fullmatch(text)
    if match is None:
        raise CatalogueError(f"{service_id}: {text!r} is not a need")
    condition = Condition(match["field"], match["value"], match["word"] == "unless") if match["word"] else None
    return Need(tuple(match["any"].split(" or ")), condition)
