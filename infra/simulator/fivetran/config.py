"""A service's config and auth: what is accepted, how a PATCH merges, and how it is shown.

Pure functions over plain JSON. A refusal is the API's own: `Invalid 'config' object`, without saying which field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.fivetran.catalogue import Field
from simulator.fivetran.errors import ApiError, invalid
from simulator.fivetran.options import Options
from simulator.fivetran.scalars import typed
from simulator.fivetran.stored_forms import FORMS

#: How a secret is shown.
MASK = "******"


def accept(
    part: str, fields: Mapping[str, Field], sent: Any, stored: Mapping[str, Any], options: Options
) -> dict[str, Any]:
    """The changes that a sent `config` or `auth` makes, checked; `part` is its name in the refusal.

    A key whose value is None is to be cleared. Keys that the options say to ignore are left out.
    """
    if not isinstance(sent, Mapping):
        raise _refusal(part)
    changes: dict[str, Any] = {}
    for key, value in sent.items():
        field = fields.get(key)
        if field is None:
            if options.unknown_config_key == "refuse":
                raise _refusal(part)
            if options.unknown_config_key == "store":
                changes[key] = value
        elif not _is_fixed(part, field, typed(field.kind, value), stored.get(key), options):
            changes[key] = None if value is None else _accept_value(part, field, value, stored.get(key), options)
    return changes


def merge(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Apply changes by top-level key: a value replaces the old one whole, None clears it."""
    merged = {**stored, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def missing(fields: Mapping[str, Field], config: Mapping[str, Any]) -> str | None:
    """The first field that creation requires and `config` does not have."""
    return next((name for name, field in fields.items() if "required" in field.flags and name not in config), None)


def shown(fields: Mapping[str, Field], config: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """A config as an answer has it: defaults filled in, secrets masked at any depth, read-only left out."""
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
    """A value with every secret in it replaced by the mask."""
    if field.kind == "secret":
        return MASK
    if field.items is not None and isinstance(value, list):
        return [masked(field.items, item) for item in value]
    if field.fields and isinstance(value, Mapping):
        return {key: masked(field.fields[key], item) if key in field.fields else item for key, item in value.items()}
    return value


def _is_fixed(part: str, field: Field, value: Any, stored: Any, options: Options) -> bool:
    """Whether a value is to be passed over because its field cannot change; a refusal where the options say so."""
    changes_for_ever = "immutable" in field.flags and stored is not None and value != stored
    if "readonly" not in field.flags and not changes_for_ever:
        return False
    if options.immutable_change == "refuse":
        raise _refusal(part)
    return True


def _accept_value(part: str, field: Field, value: Any, stored: Any, options: Options) -> Any:
    if field.kind == "list" and field.items is not None:
        if not isinstance(value, list):
            raise _refusal(part)
        before = stored if isinstance(stored, list) else []
        return [
            _accept_value(part, field.items, item, before[index] if index < len(before) else None, options)
            for index, item in enumerate(value)
        ]
    if field.kind == "object":
        if not isinstance(value, Mapping):
            raise _refusal(part)
        if not field.fields:
            return dict(value)
        before_fields = stored if isinstance(stored, Mapping) else {}
        return merge({}, accept(part, field.fields, value, before_fields, options))
    value = typed(field.kind, value)
    if not _is_scalar(field, value):
        raise _refusal(part)
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


def _refusal(part: str) -> ApiError:
    return invalid(f"Invalid '{part}' object")
