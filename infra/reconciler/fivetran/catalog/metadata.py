"""Turn the API's metadata of a service into an entry of the catalogue.

The metadata is that of `/metadata/connector-types/{service}`.

A node of the metadata is similar to JSON Schema. The keys of `destination` are among those of `config`. The metadata
lacks whether a person must consent, and which values other than passwords are secret.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from reconciler.fivetran.catalog.consent import Consent, ConsentCondition
from reconciler.fivetran.catalog.json_schema import KINDS, InvalidService
from reconciler.fivetran.catalog.service import Field, Form, Service


def from_metadata(
    service_id: str,
    *,
    name: str,
    status: str | None,
    config: Mapping[str, object],
    auth: Mapping[str, object],
    known: Service | None,
) -> Service:
    """Return the entry for the API's metadata. Facts that the metadata lacks come from the `known` entry.

    Raises InvalidService for metadata in another form than the documented one.
    """
    fields = _properties(config, "config")
    form = _form(fields)
    for key in {key for keys in form.keys for key in keys}:
        fields.pop(key, None)
    secret = () if known is None else known.secret
    for path in secret:
        fields = _with_secret(fields, path.split("."))
    authorised = _all_secret(_properties(auth, "auth"))
    consent = _consent(authorised) if known is None else known.consent
    return Service(
        id=service_id,
        name=name or service_id,
        form=form,
        consent=consent,
        config=fields,
        auth=authorised,
        status=status,
        secret=secret,
    )


def _form(fields: Mapping[str, Field]) -> Form:
    """Return the form of `destination`. A database's `config` may have a `schema` beside `schema_prefix`."""
    if "schema_prefix" in fields:
        return Form.PREFIX
    if "table_group_name" in fields:
        return Form.TABLE_OR_GROUP if "table" in fields else Form.GROUP
    return Form.TABLE if "table" in fields else Form.SCHEMA


def _consent(auth: Mapping[str, Field]) -> Consent:
    """Guess about a new service: one with `auth` in the API can also be authorised in a browser."""
    return Consent(True, (ConsentCondition(("auth",)),)) if auth else Consent(False)


def _properties(node: Mapping[str, object], where: str) -> dict[str, Field]:
    properties = node.get("properties", {})
    if not isinstance(properties, Mapping):
        raise InvalidService(f"`{where}.properties` is not an object")
    required = node.get("required")
    wanted = set(required) if isinstance(required, list) else set()
    return {name: _field(inner, f"{where}.{name}", name in wanted) for name, inner in properties.items()}


def _field(node: Any, where: str, required: bool = False) -> Field:
    if not isinstance(node, Mapping):
        raise InvalidService(f"`{where}` is not an object")
    found = _typed(node, where)
    return dataclasses.replace(
        found,
        required=required,
        immutable=node.get("immutable") is True,
        readonly=node.get("readonly") is True,
        nullable=node.get("nullable") is True and found.kind != "any",
    )


def _typed(node: Mapping[str, object], where: str) -> Field:
    choices = node.get("enum")
    if node.get("format") == "password":
        return Field("secret")
    if isinstance(choices, list) and choices:
        return Field("choice", choices=tuple(sorted({str(choice) for choice in choices})))
    kind = KINDS.get(str(node.get("type")), "any")
    if kind == "list":
        items = node.get("items")
        return Field("list", items=Field("any") if items is None else _typed(_mapping(items, where), f"{where}[]"))
    if kind == "object":
        return Field("object", fields=_properties(node, where))
    return Field(kind)


def _mapping(node: object, where: str) -> Mapping[str, object]:
    if not isinstance(node, Mapping):
        raise InvalidService(f"`{where}.items` is not an object")
    return node


def _all_secret(fields: Mapping[str, Field]) -> dict[str, Field]:
    """Make all texts of `auth` secret: Fivetran never returns them, and they are credentials."""
    return {name: _secret(found) for name, found in fields.items()}


def _secret(found: Field) -> Field:
    if found.kind == "string":
        return dataclasses.replace(found, kind="secret")
    items = None if found.items is None else _secret(found.items)
    return dataclasses.replace(found, items=items, fields=_all_secret(found.fields))


def _with_secret(fields: Mapping[str, Field], path: list[str]) -> dict[str, Field]:
    """Return the fields with the one at the path made secret; unchanged if the path no longer exists."""
    (first, *rest), changed = path, dict(fields)
    name = first.rstrip("[]")
    if name in changed:
        changed[name] = _made_secret(changed[name], rest)
    return changed


def _made_secret(found: Field, rest: list[str]) -> Field:
    if found.items is not None:
        return dataclasses.replace(found, items=_made_secret(found.items, rest))
    if rest:
        return dataclasses.replace(found, fields=_with_secret(found.fields, rest))
    return dataclasses.replace(found, kind="secret", choices=(), fields={})
