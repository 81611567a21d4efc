"""Read and write a service as the JSON Schema (draft 2020-12) in its file.

The schema describes a unit's `connector`: its `destination`, `config` and `auth`. For facts that JSON Schema cannot
express, it has these annotations:

    x-status     the connector's release stage, as Fivetran names it
    x-consent    a schema of `connector`: if it is valid, a person must authorise in a browser (by hand)
    x-secret     paths in `config` that are secret although the API does not mark them (by hand)
    x-immutable  on a field: Fivetran rejects changes once the connection exists

A secret is a string with `format: password`. Fields are sorted by name, so that a pull changes only the lines whose
facts changed. `schemas/service.schema.json` describes these files for editors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from reconciler.fivetran.catalog.consent import Consent
from reconciler.fivetran.catalog.service import Field, Form, Kind, Service
from reconciler.yaml_text.writer import Path, format_yaml

FIRST_LINE = "# yaml-language-server: $schema=../service.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TOP = {"$schema", "title", "x-status", "x-consent", "x-secret", "type", "properties"}
_OPTIONAL = {"x-status", "x-secret"}
_TREES = {"destination", "config", "auth"}
_KEYWORDS = {"type", "format", "enum", "items", "properties", "required", "readOnly", "x-immutable"}
KINDS: Mapping[str, Kind] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}
_TYPES: Mapping[Kind, str] = {**{kind: type_ for type_, kind in KINDS.items()}, "secret": "string"}
#: The values of unquoted scalars; all other scalars in these files are text.
_SCALARS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "1": 1, "2": 2}
#: Names that a dotted path can contain, with `[]` for the items of a list.
_NAME = re.compile(r"[^\s\[\]().]+")


class InvalidService(ValueError):
    """A service's file, or the API's metadata, does not describe a service. The text is the problem."""


def read(service_id: str, text: str) -> Service:
    """Read a service from the text of its file. Raises InvalidService."""
    try:
        data = _parsed(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InvalidService(f"not valid YAML{f', line {mark.line + 1}' if mark else ''}") from None
    return from_schema(service_id, data)


def write(service: Service) -> str:
    """Write the text of a service's file.

    Raises InvalidService for a name or a choice that a file cannot hold.
    """
    return f"{FIRST_LINE}\n{format_yaml(as_schema(service), on_one_line=_on_one_line)}"


def from_schema(service_id: str, schema: Any) -> Service:
    """Read a service from the JSON Schema in its file. Raises InvalidService."""
    if not isinstance(schema, dict) or not _TOP - _OPTIONAL <= schema.keys() <= _TOP:
        required, optional = ", ".join(sorted(_TOP - _OPTIONAL)), ", ".join(sorted(_OPTIONAL))
        raise InvalidService(f"expected a mapping of {required}, and where they apply {optional}")
    if schema["$schema"] != DIALECT or schema["type"] != "object":
        raise InvalidService(f"expected `$schema: {DIALECT}` and `type: object`")
    if not isinstance(schema["title"], str) or not isinstance(schema.get("x-status", ""), str):
        raise InvalidService("expected text in `title` and `x-status`")
    secret, trees = schema.get("x-secret", []), schema["properties"]
    if not isinstance(secret, list) or not all(isinstance(path, str) for path in secret):
        raise InvalidService("`x-secret`: expected a list of paths in `config`")
    if not isinstance(trees, dict) or not {"destination"} <= trees.keys() <= _TREES:
        raise InvalidService(
            "`properties`: expected `destination`, and where the service takes them `config` and `auth`"
        )
    try:
        consent = Consent.from_schema(schema["x-consent"])
    except ValueError as error:
        raise InvalidService(f"`x-consent`: {error}") from None
    return Service(
        id=service_id,
        name=schema["title"],
        form=_form(trees["destination"]),
        consent=consent,
        config=_tree(trees, "config"),
        auth=_tree(trees, "auth"),
        status=schema.get("x-status"),
        secret=tuple(secret),
    )


def as_schema(service: Service) -> dict[str, Any]:
    """Write a service as JSON Schema. Raises InvalidService for a name or choice that a file cannot hold."""
    status = {} if service.status is None else {"x-status": _writable(service.status)}
    secret = {"x-secret": [_writable(path) for path in sorted(service.secret)]} if service.secret else {}
    trees = {tree: fields for tree, fields in (("config", service.config), ("auth", service.auth)) if fields}
    return {
        "$schema": DIALECT,
        "title": _writable(service.name),
        **status,
        "x-consent": service.consent.as_schema(),
        **secret,
        "type": "object",
        "properties": {
            "destination": destination_schema(service.form),
            **{tree: field_schema(Field("object", fields=fields)) for tree, fields in trees.items()},
        },
    }


def destination_schema(form: Form) -> dict[str, Any]:
    """Write the schema of a `destination` of this form, with all of its keys and no others."""
    forms = [{"required": list(keys)} for keys in form.keys]
    most = max(len(keys) for keys in form.keys)
    return {"type": "object", **(forms[0] if len(forms) == 1 else {"oneOf": forms}), "maxProperties": most}


def field_schema(field: Field) -> dict[str, Any]:
    """Write a field's schema. Whether it is required is in the schema of its object."""
    schema: dict[str, Any] = {}
    if field.kind == "choice":
        schema["enum"] = [*map(_writable, sorted(field.choices)), *([None] if field.nullable else [])]
    elif field.kind != "any":
        schema["type"] = [_TYPES[field.kind], "null"] if field.nullable else _TYPES[field.kind]
    if field.kind == "secret":
        schema["format"] = "password"
    if field.items is not None and (items := field_schema(field.items)):
        schema["items"] = items
    if field.fields:
        schema["properties"] = {_name(name): field_schema(field.fields[name]) for name in sorted(field.fields)}
    if required := [name for name in sorted(field.fields) if field.fields[name].required]:
        schema["required"] = required
    if field.readonly:
        schema["readOnly"] = True
    if field.immutable:
        schema["x-immutable"] = True
    return schema


def _parsed(text: str) -> Any:
    """Parse a file into plain data from libyaml's events, which takes half as long as a loader of PyYAML."""
    parser = yaml.CBaseLoader(text)
    next_event: Callable[[], Any] = parser.get_event

    def node(event: Any) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return _SCALARS.get(event.value, event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.MappingStartEvent):
            mapping: dict[str, Any] = {}
            while isinstance(key := next_event(), yaml.ScalarEvent):
                mapping[key.value] = node(next_event())
            if isinstance(key, yaml.MappingEndEvent):
                return mapping
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(item := next_event(), yaml.SequenceEndEvent):
                items.append(node(item))
            return items
        raise InvalidService(f"not a plain mapping, list or scalar, line {event.start_mark.line + 1}")

    try:
        next_event()  # the stream begins
        if not isinstance(next_event(), yaml.DocumentStartEvent):
            return None
        found = node(next_event())
        next_event()  # the document ends
        if not isinstance(end := next_event(), yaml.StreamEndEvent):
            raise InvalidService(f"a second document, line {end.start_mark.line + 1}")
        return found
    finally:
        parser.dispose()


def _on_one_line(path: Path, schema: Mapping[str, Any]) -> bool:
    """Return whether a node is written on one line.

    That is a field without fields, or one condition of `x-consent`.
    """
    if path[0] == "x-consent":
        return "properties" in path or not schema.keys() & {"properties", "anyOf"}
    return not any(isinstance(inner, Mapping) and keyword != "items" for keyword, inner in schema.items())


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidService("the name of a field cannot be written")
    return _writable(name)


def _writable(text: str) -> str:
    if not text.isprintable():
        raise InvalidService("a text cannot be written")
    return text


def _form(schema: Any) -> Form:
    for form in Form:
        if schema == destination_schema(form):
            return form
    raise InvalidService("`destination`: expected one of the forms in schemas/service.schema.json")


def _tree(trees: Mapping[str, Any], tree: str) -> Mapping[str, Field]:
    if tree not in trees:
        return {}
    found = _field(trees[tree], tree)
    if found != Field("object", fields=found.fields) or not found.fields:
        raise InvalidService(f"`{tree}`: expected `type: object` with `properties`")
    return found.fields


def _field(schema: Any, where: str, required: bool = False) -> Field:
    if not isinstance(schema, dict) or not schema.keys() <= _KEYWORDS:
        raise InvalidService(f"`{where}`: expected a schema with some of {', '.join(sorted(_KEYWORDS))}")
    readonly, immutable = (schema.get(keyword) for keyword in ("readOnly", "x-immutable"))
    if (readonly is not True and "readOnly" in schema) or (immutable is not True and "x-immutable" in schema):
        raise InvalidService(f"`{where}`: `readOnly` and `x-immutable` are true or absent")
    choices = _choices(schema, where) if "enum" in schema else ()
    kind, nullable = _type(schema, where) if not choices else ("choice", None in choices)
    return Field(
        kind,
        choices=tuple(choice for choice in choices if choice is not None),
        items=_field(schema.get("items", {}), f"{where}[]") if kind == "list" else None,
        fields=_fields(schema, where) if "properties" in schema or "required" in schema else {},
        required=required,
        immutable=immutable is True,
        readonly=readonly is True,
        nullable=nullable,
    )


def _choices(schema: Mapping[str, Any], where: str) -> list[str | None]:
    choices = schema["enum"]
    is_list = isinstance(choices, list) and all(choice is None or isinstance(choice, str) for choice in choices)
    if not is_list or choices in ([], [None]) or not schema.keys() <= {"enum", "readOnly", "x-immutable"}:
        raise InvalidService(
            f"`{where}`: `enum` is a list of texts, and null where it clears the field, with no `type`"
        )
    return list(choices)


def _type(schema: Mapping[str, Any], where: str) -> tuple[Kind, bool]:
    """Return the kind of a field without `enum`, and whether it accepts null."""
    type_ = schema.get("type")
    nullable = isinstance(type_, list) and len(type_) == 2 and type_[1] == "null"
    name = type_[0] if isinstance(type_, list) and nullable else type_
    kind: Kind | None = "any" if "type" not in schema else KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InvalidService(f'`{where}`: `type` is one of {", ".join(KINDS)}, or a list of one of them and "null"')
    if ("items" in schema and kind != "list") or (schema.keys() & {"properties", "required"} and kind != "object"):
        raise InvalidService(f"`{where}`: `items` needs `type: array`; `properties` and `required` need `type: object`")
    if "format" not in schema:
        return kind, nullable
    if kind != "string" or schema["format"] != "password":
        raise InvalidService(f"`{where}`: `format` is `password`, of a string")
    return "secret", nullable


def _fields(schema: Mapping[str, Any], where: str) -> dict[str, Field]:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, dict) or not all(map(_NAME.fullmatch, properties)):
        raise InvalidService(
            f"`{where}`: `properties` is a mapping; a name has no spaces, dots, brackets or parentheses"
        )
    if not isinstance(required, list) or not all(isinstance(name, str) and name in properties for name in required):
        raise InvalidService(f"`{where}`: `required` is a list of names in `properties`")
    return {name: _field(inner, f"{where}.{name}", name in required) for name, inner in properties.items()}
