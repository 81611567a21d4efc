"""Decide whether a person must authorise a connection in a browser.

By `x-consent` in a service's file, which is written by hand.

It is a JSON Schema of a unit's `connector`. If a connector is valid, a person must authorise it:

    x-consent: false                    # never
    x-consent: true                     # always
    x-consent: {not: {required: [auth]}}
    x-consent:
      not:
        anyOf:
          - required: [auth]
          - properties: {config: {properties: {auth_type: {const: ServiceAccount}}, required: [auth_type]}}
            required: [config]

`Consent` decides about connectors as files declare them: an empty value counts as absent, and a constant matches every
spelling that Fivetran takes. The API's metadata lacks this fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from reconciler.fivetran.enum_spelling import enumeration

_FORMS = "expected true, false, or `not` with schemas of `auth` or of a key in `config` (schemas/service.schema.json)"


@dataclass(frozen=True)
class ConsentCondition:
    """A connector has a value at a path: `value`, or any. The path is `auth`, or begins with `config`."""

    path: tuple[str, ...]
    value: str | None = None

    @classmethod
    def from_schema(cls, schema: Any) -> Self:
        """Read a schema that requires a path. Raises ValueError."""
        match schema:
            case {"required": [str(key)], "properties": {**properties}}:
                match properties.get(key):
                    case {"const": str(value)}:
                        return cls((key,), value)
                    case inner:
                        below = cls.from_schema(inner)
                        return cls((key, *below.path), below.value)
            case {"required": [str(key)]}:
                return cls((key,))
        raise ValueError(_FORMS)

    def as_schema(self) -> dict[str, Any]:
        """Write the condition as a schema of a connector."""
        inner: dict[str, Any] | None = None if self.value is None else {"const": self.value}
        for key in reversed(self.path):
            inner = {"required": [key]} if inner is None else {"properties": {key: inner}, "required": [key]}
        return inner or {}

    def holds(self, config: Mapping[str, object], has_auth: bool) -> bool:
        """Return whether a connector with this `config`, with or without `auth`, meets the condition."""
        tree, *steps = self.path
        if tree == "auth":
            return has_auth
        found: object = config
        for step in steps:
            found = found.get(step) if isinstance(found, Mapping) else None
        if self.value is None:
            return found not in (None, "", [], {})
        return isinstance(found, str) and enumeration(found) == enumeration(self.value)

    def __str__(self) -> str:
        path = ".".join(self.path)
        return path if self.value is None else f"{path} = {self.value}"


@dataclass(frozen=True)
class Consent:
    """Whether a person must authorise `by_default`, and the conditions under which the opposite applies."""

    by_default: bool
    unless: tuple[ConsentCondition, ...] = ()

    @classmethod
    def from_schema(cls, schema: Any) -> Self:
        """Read `x-consent`. Raises ValueError with the problem."""
        if isinstance(schema, bool):
            return cls(schema)
        match schema:
            case {"not": {"anyOf": [_, _, *_] as parts}}:
                found = cls(True, tuple(map(ConsentCondition.from_schema, parts)))
            case {"not": part}:
                found = cls(True, (ConsentCondition.from_schema(part),))
            case _:
                raise ValueError(_FORMS)
        if found.as_schema() != schema or not all(map(_is_known, found.unless)):
            raise ValueError(_FORMS)
        return found

    def as_schema(self) -> bool | dict[str, Any]:
        """Write `x-consent`."""
        if not self.unless:
            return self.by_default
        parts = [condition.as_schema() for condition in self.unless]
        return {"not": parts[0] if len(parts) == 1 else {"anyOf": parts}}

    def needed(self, config: Mapping[str, object], has_auth: bool) -> bool:
        """Return whether a person must authorise. A reference in `config` counts as a value."""
        return self.by_default and not any(condition.holds(config, has_auth) for condition in self.unless)

    def __str__(self) -> str:
        if not self.unless:
            return "always" if self.by_default else "never"
        return "unless " + " or ".join(str(condition) for condition in self.unless)


def _is_known(condition: ConsentCondition) -> bool:
    tree, *keys = condition.path
    return bool(keys) if tree == "config" else condition == ConsentCondition(("auth",))
