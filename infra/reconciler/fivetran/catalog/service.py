"""A service and its fields, as frozen data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Literal, TypeAlias

from reconciler.fivetran.catalog.consent import Consent

#: The kinds of values. A `choice` is one of a few texts; `any` is a value that the API does not describe.
Kind = Literal["string", "secret", "integer", "number", "boolean", "choice", "list", "object", "any"]

#: The path of a value: keys and list indexes, the first `config` or `auth`.
Path: TypeAlias = "Sequence[str | int]"


class Form(StrEnum):
    """The keys of a service's `destination`. The value is the text in the service's file."""

    SCHEMA = "schema"
    TABLE = "schema + table"
    GROUP = "schema + table_group_name"
    TABLE_OR_GROUP = "schema + table or table_group_name"
    PREFIX = "schema_prefix"

    @property
    def keys(self) -> tuple[tuple[str, ...], ...]:
        """The keys of `destination`: one tuple per form that the service accepts."""
        first, _, others = self.value.partition(" + ")
        return tuple((first, *([other] if other else [])) for other in others.split(" or "))


@dataclass(frozen=True)
class Field:
    """One field of `config` or `auth`.

    `choices` are a choice's values, `items` describes the items of a list, and `fields` the fields of an object. An
    object without `fields` accepts any.
    """

    kind: Kind
    choices: tuple[str, ...] = ()
    items: Field | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    required: bool = False
    """Whether creating a connection requires it."""
    immutable: bool = False
    """Whether Fivetran rejects changes once the connection exists."""
    readonly: bool = False
    """Whether only Fivetran sets it."""
    nullable: bool = False
    """Whether null clears it. Always False for the kind `any`."""


@dataclass(frozen=True)
class Service:
    """A service. Paths are dotted, with `[]` for the items of a list."""

    id: str
    name: str
    form: Form
    consent: Consent
    config: Mapping[str, Field]
    auth: Mapping[str, Field] = field(default_factory=dict)
    status: str | None = None
    """The connector's release stage in Fivetran, such as `general_availability`; None if unknown."""
    secret: tuple[str, ...] = ()
    """Paths in `config` that are secret although the API's metadata does not mark them."""

    def field(self, path: Path) -> Field | None:
        """Return the field at a path that begins with `config` or `auth`; None for an unknown path."""
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
        """Keys in `config` that only Fivetran sets."""
        return frozenset(path for path, found in walk(self.config) if found.readonly)

    @cached_property
    def permanent_keys(self) -> tuple[str, ...]:
        """The immutable keys of `config`, without those inside lists, because items can be replaced."""
        return tuple(sorted(path for path, found in walk(self.config) if found.immutable and "[]" not in path))

    def needs_consent(self, config: Mapping[str, object], has_auth: bool) -> bool:
        """Return whether a person must authorise a connection in a browser before it works."""
        return self.consent.needed(config, has_auth)


def walk(fields: Mapping[str, Field], above: str = "") -> Iterator[tuple[str, Field]]:
    """Yield every field with its path, an object before its fields. Items of lists have no entry."""
    for name, found in fields.items():
        path = f"{above}.{name}" if above else name
        yield path, found
        inner, path = _items(found, path)
        yield from walk(inner.fields, path)


def leaves(fields: Mapping[str, Field]) -> Iterator[tuple[str, Field]]:
    """Yield every field without inner fields, or the innermost items of a list, with its path."""
    for path, found in walk(fields):
        inner, inside = _items(found, path)
        if not inner.fields:
            yield inside, inner


def _items(found: Field, path: str) -> tuple[Field, str]:
    """Return the innermost items of a list and their path; the field itself if it is not a list."""
    while found.items is not None:
        found, path = found.items, f"{path}[]"
    return found, path
