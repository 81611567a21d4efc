"""A service and its fields, as frozen data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Literal, TypeAlias

from reconciler.fivetran.catalog.consent import Consent

#: What a value may be. A `choice` is a text out of a few; `any` is a value that the API does not describe.
Kind = Literal["string", "secret", "integer", "number", "boolean", "choice", "list", "object", "any"]

#: The way to a value: keys and list indexes, the first `config` or `auth`.
Path: TypeAlias = "Sequence[str | int]"


class Form(StrEnum):
    """How a service's `destination` is written. The value is what stands in the service's file."""

    SCHEMA = "schema"
    TABLE = "schema + table"
    GROUP = "schema + table_group_name"
    TABLE_OR_GROUP = "schema + table or table_group_name"
    PREFIX = "schema_prefix"

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """The keys of `destination`; where a service takes two forms, both."""
        first, _, others = self.value.partition(" + ")
        return tuple((first, *([other] if other else [])) for other in others.split(" or "))


@dataclass(frozen=True)
class Field:
    """One field of `config` or `auth`.

    `choices` are a choice's values, `items` what a list holds, `fields` those of an object; an object without any
    takes what it is given.
    """

    kind: Kind
    choices: tuple[str, ...] = ()
    items: Field | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    required: bool = False
    """Has to be there when the connection is created."""
    immutable: bool = False
    """Cannot be changed once the connection exists."""
    readonly: bool = False
    """Fivetran tells it and does not take it."""
    nullable: bool = False
    """Takes null, which clears it. Not set where the type is `any`."""


@dataclass(frozen=True)
class Service:
    """What the catalogue knows of one service. Paths in texts are dotted, with `[]` for the items of a list."""

    id: str
    name: str
    form: Form
    consent: Consent
    config: Mapping[str, Field]
    auth: Mapping[str, Field] = field(default_factory=dict)
    status: str | None = None
    """Fivetran's word for how finished the connector is, such as `general_availability`; None when it is not known."""
    secret: tuple[str, ...] = ()
    """The paths in `config` that are secret although the API's metadata does not say so."""

    def field(self, path: Path) -> Field | None:
        """The field at a path that begins with `config` or `auth`; None where none is described."""
        tree, *steps = path
        fields = {"config": self.config, "auth": self.auth}.get(str(tree))
        if fields is None:
            return None
        found: Field | None = Field("object", fields=fields)
        for step in steps:
            if found is None:
                return None
            found = found.items if isinstance(step, int) else found.fields.get(step)
        return found

    @cached_property
    def readonly_keys(self) -> frozenset[str]:
        """What Fivetran alone sets in `config`."""
        return frozenset(path for path, found in walk(self.config) if found.readonly)

    @cached_property
    def permanent_keys(self) -> tuple[str, ...]:
        """What of `config` stays as it was when the connection was made. Not what a list holds: items come and go."""
        return tuple(sorted(path for path, found in walk(self.config) if found.immutable and "[]" not in path))

    def needs_consent(self, config: Mapping[str, object], has_auth: bool) -> bool:
        """Whether a person has to authorise such a connection in a browser before it works."""
        return self.consent.needed(config, has_auth)


def walk(fields: Mapping[str, Field], above: str = "") -> Iterator[tuple[str, Field]]:
    """Every field with its path, those that hold others before what they hold. A list's items have no entry."""
    for name, found in fields.items():
        path = f"{above}.{name}" if above else name
        yield path, found
        inner, path = _items(found, path)
        yield from walk(inner.fields, path)


def leaves(fields: Mapping[str, Field]) -> Iterator[tuple[str, Field]]:
    """Every field that holds no other, or the innermost items of a list, with its path."""
    for path, found in walk(fields):
        inner, inside = _items(found, path)
        if not inner.fields:
            yield inside, inner


def _items(found: Field, path: str) -> tuple[Field, str]:
    """What a list holds, however deep, and the path to it; the field itself when it is no list."""
    while found.items is not None:
        found, path = found.items, f"{path}[]"
    return found, path
