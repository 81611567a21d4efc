"""A service's config and auth: accepted values, how a PATCH merges, and how answers show them.

Pure functions over plain JSON. A rejection is the API's: `Invalid 'config' object`, without the field's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.fivetran.catalogue import Field
from simulator.fivetran.errors import ApiError, invalid
from simulator.fivetran.options import Options
from simulator.fivetran.scalars import typed
from simulator.fivetran.stored_forms import FORMS

#: What answers have instead of a secret.
MASK = "******"


def accept(
    part: str, fields: Mapping[str, Field], sent: Any, stored: Mapping[str, Any], options: Options
) -> dict[str, Any]:
    """Return the checked changes of a `config` or `auth` in a request; `part` is its name in a rejection.

    None clears a key. Keys that are ignored by an option are left out.
    """
    if not isinstance(sent, Mapping):
        raise _error(part)
    changes: dict[str, Any] = {}
    for key, value in sent.items():
        field = fields.get(key)
        if field is None:
            if options.unknown_config_key == "refuse":
                raise _error(part)
            if options.unknown_config_key == "store":
                changes[key] = value
        elif not _is_fixed(part, field, typed(field.kind, value), stored.get(key), options):
            changes[key] = None if value is None else _accept_value(part, field, value, stored.get(key), options)
    return changes


def merge(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Apply changes by top-level key: a value replaces the whole old one, None clears it."""
    merged = {**stored, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def missing(fields: Mapping[str, Field], config: Mapping[str, Any]) -> str | None:
    """Return the first field that creation requires and `config` lacks."""
    return next((name for name, field in fields.items() if "required" in field.flags and name not in config), None)


def shown(fields: Mapping[str, Field], config: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Return a config for an answer: with defaults, secrets masked at any depth, without read-only fields."""
    result: dict[str, Any] = {}
    for name, field in fields.items():
        value = config.get(name, field.default)
        if value is not None:
            result[name] = masked(field, value)
        elif options.empty_config == "null" and "readonly" not in field.flags:
            result[name] = None
    for name in config.keys() - fields.keys():
        result[name] = config[name]
    return result


def masked(field: Field, value: Any) -> Any:
    """Replace every secret in a value by the mask."""
    if field.kind == "secret":
        return MASK
    if field.items is not None and isinstance(value, list):
        return [masked(field.items, item) for item in value]
    if field.fields and isinstance(value, Mapping):
        return {key: masked(field.fields[key], item) if key in field.fields else item for key, item in value.items()}
    return value


def _is_fixed(part: str, field: Field, value: Any, stored: Any, options: Options) -> bool:
    """Return whether to ignore a value of an immutable field.

    Raises a rejection if an option requires one.
    """
    changes_for_ever = "immutable" in field.flags and stored is not None and value != stored
    if "readonly" not in field.flags and not changes_for_ever:
        return False
    if options.immutable_change == "refuse":
        raise _error(part)
    return True


def _accept_value(part: str, field: Field, value: Any, stored: Any, options: Options) -> Any:
    if field.kind == "list" and field.items is not None:
        if not isinstance(value, list):
            raise _error(part)
        before = stored if isinstance(stored, list) else []
        return [
            _accept_value(part, field.items, item, before[index] if index < len(before) else None, options)
            for index, item in enumerate(value)
        ]
    if field.kind == "object":
        if not isinstance(value, Mapping):
            raise _error(part)
        if not field.fields:
            return dict(value)
        before_fields = stored if isinstance(stored, Mapping) else {}
        return merge({}, accept(part, field.fields, value, before_fields, options))
    value = typed(field.kind, value)
    if not _is_scalar(field, value):
        raise _error(part)
    if field.kind == "secret" and value == MASK:
        return _accept_mask(stored, options)
    return value if field.stored_as is None else FORMS[field.stored_as](value)


def _accept_mask(stored: Any, options: Options) -> Any:
    if options.masked_value == "refuse":
        raise invalid("A masked value cannot be stored")
    return stored if options.masked_value == "ignore" else MASK


def _is_scalar(field: Field, value: Any) -> bool:
    match field.kind:
        case "text" | "secret":
            return isinstance(value, str)
        case "enum":
            return value in field.values
        case "int":
            return type(value) is int
        case "number":
            return type(value) in (int, float)
        case _:
            return type(value) is bool


def _error(part: str) -> ApiError:
    return invalid(f"Invalid '{part}' object")
