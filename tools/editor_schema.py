"""Build the editors' schema of units from the base schema and the catalogue of services.

The base is `schemas/unit.base.schema.json`.

`tools/reference.py` writes it to `schemas/unit.schema.json`. The program validates with the base schema and checks
`config` and `auth` itself, with better messages. Editors only read JSON Schema, so theirs has a branch per service:
inside `config`, `auth` and `destination`, it accepts what `reconciler validate` accepts.

A server of YAML offers every key in `properties` of a matching schema, even if another part forbids it. So keys that
depend on another key are in the branches only, and `doNotSuggest` hides a forbidden key.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from reconciler.fivetran.catalog import Field, Form, Service, catalogue
from reconciler.fivetran.enum_spelling import enumeration

Schema: TypeAlias = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
BASE: Final = ROOT / "schemas" / "unit.base.schema.json"
FILE: Final = ROOT / "schemas" / "unit.schema.json"
#: Keys of `config` that a run derives from `function` and `package`.
_DERIVED = frozenset({"function_trigger", "package_id"})
#: The description of a field by its kind.
_KINDS: Final = {
    "secret": "A secret, as a reference: `{secret: NAME, version: N}`.",
    "string": "A text, or a reference.",
    "integer": "A whole number.",
    "number": "A number.",
    "boolean": "`true` or `false`.",
    "choice": "One of the listed values, or a reference.",
    "list": "A list.",
    "object": "A mapping.",
    "any": "A value of Fivetran's API, or a reference.",
}
_REFERENCE: Final = {"$ref": "#/$defs/reference"}
_KEPT: Final = {"$ref": "#/$defs/keptByFivetran"}
_VALUE: Final = {"$ref": "#/$defs/value"}
#: Schemas that fields share, by the kind of field.
_SHARED: Final[Mapping[str, Schema]] = {
    "any": _VALUE,
    "secret": {"anyOf": [_REFERENCE, {"const": ""}]},
    "string": {"anyOf": [{"type": "string"}, _REFERENCE]},
    "integer": {"anyOf": [{"type": "integer"}, _KEPT]},
    "number": {"anyOf": [{"type": "number"}, _KEPT]},
    "boolean": {"anyOf": [{"type": "boolean"}, _KEPT]},
    "object": {"type": "object", "additionalProperties": _VALUE},
}


def editor_schema_text() -> str:
    """Return the schema's text, one service per line.

    A pull of the catalogue changes single services.
    """
    schema = editor_schema()
    branches = schema["$defs"]["connector"].pop("allOf")
    marker = ["@branches"]
    schema["$defs"]["connector"]["allOf"] = marker
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    lines = ",\n".join(
        f"        {json.dumps(branch, ensure_ascii=False, separators=(',', ':'))}" for branch in branches
    )
    return re.sub(r'\[\s*"@branches"\s*\]', lambda _: f"[\n{lines}\n      ]", text) + "\n"


def editor_schema() -> Schema:
    """Return the schema."""
    schema: Schema = json.loads(BASE.read_text(encoding="utf-8"))
    schema["$comment"] = "Written by `make reference` from unit.base.schema.json and services/; do not edit."
    definitions = schema["$defs"]
    for rule in schema["allOf"]:
        for key, node in rule["then"].get("properties", {}).items():
            if "not" in node:
                rule["then"]["properties"][key] = _forbidden(node["errorMessage"])
    services = catalogue()
    definitions["schedule"] = _schedule(definitions["schedule"])
    definitions["reference"] = _reference(definitions["value"])
    definitions["keptByFivetran"] = {
        "title": "Kept by Fivetran",
        "description": "`{held_by: fivetran}`: Fivetran keeps the value.",
        "type": "object",
        "properties": {"held_by": {"const": "fivetran"}},
        "required": ["held_by"],
        "additionalProperties": False,
    }
    definitions |= {_definition(kind): {"description": _KINDS[kind], **rules} for kind, rules in _SHARED.items()}
    definitions["connector"] = _connector(definitions, services)
    return schema


def _schedule(base: Schema) -> Schema:
    """Return `schedule` with the keys that `by` allows."""
    keys = base["properties"]
    by_airflow, by_fivetran = (rule["then"] for rule in base["allOf"])
    common = {key: base[key] for key in ("title", "description", "type", "examples")}

    def branch(starter: str, rule: Schema) -> Schema:
        forbidden = {key: _forbidden(node["errorMessage"]) for key, node in rule.pop("properties").items()}
        allowed = {key: node for key, node in keys.items() if key not in forbidden and key != "by"}
        return {
            "if": {"required": ["by"], "properties": {"by": {"const": starter}}},
            "then": {**rule, "properties": {"by": True, **allowed, **forbidden}, "additionalProperties": False},
        }

    return {
        **common,
        "required": ["by"],
        "properties": {"by": keys["by"]},
        "allOf": [branch("airflow", by_airflow), branch("fivetran", by_fivetran)],
    }


def _reference(value: Schema) -> Schema:
    """Return the schema of a reference: a key that names its kind, and only keys of references."""
    keys = value["properties"]
    texts = {key: {**keys[key], "type": "string"} for key in ("secret", "project", "env", "pulumi_config")}
    return {
        "title": "Reference",
        "description": "A reference to a secret value: `{secret: NAME, version: N}` in Google Secret Manager.",
        "type": "object",
        "properties": {
            **texts,
            "version": {**keys["version"], "type": "integer"},
            "held_by": {**keys["held_by"], "const": "fivetran"},
            "exact": {**keys["exact"], "type": "boolean"},
        },
        "additionalProperties": False,
        "anyOf": [{"required": [kind]} for kind in ("secret", "env", "pulumi_config", "held_by")],
    }


def _connector(definitions: Mapping[str, Schema], services: Mapping[str, Service]) -> Schema:
    base = copy.deepcopy(definitions["connector"])
    keys = base["properties"]
    config, auth, destination = keys["config"], keys["auth"], definitions["destination"]
    keys["service"] = _service(keys["service"], definitions["service"], services)
    keys["config"] = {key: config[key] for key in ("title", "description", "type")}
    keys["auth"] = {"type": "object", "doNotSuggest": True}
    keys["destination"] = {key: destination[key] for key in ("title", "description")}
    known = {"required": ["service"], "properties": {"service": {"enum": sorted(services)}}}
    free = {"properties": {"config": config, "auth": auth, "destination": {"$ref": "#/$defs/destination"}}}
    forms = {form: _destination(destination, form) for form in Form}
    base["allOf"] = [
        *base.get("allOf", ()),
        {"if": {"not": known}, "then": free},
        *(_branch(service, auth, forms[service.form]) for service in services.values()),
    ]
    return base


def _service(key: Schema, rules: Schema, services: Mapping[str, Service]) -> Schema:
    """Return `service`: all services of the catalogue, and any other id."""
    other = {name: rule for name, rule in rules.items() if name != "examples"}
    return {
        "title": key["title"],
        "description": key["description"],
        "anyOf": [*({"const": service.id, "title": service.name} for service in services.values()), other],
        "errorMessage": "expected the id of a Fivetran service",
    }


def _destination(base: Schema, form: Form) -> Schema:
    """Return `destination` in the form of a service."""
    keys = [key for key in base["properties"] if any(key in wanted for wanted in form.keys)]
    required = [{"required": list(wanted)} for wanted in form.keys]
    text = " or ".join(f"{{{', '.join(wanted)}}}" for wanted in form.keys)
    return {
        "description": f"Where the data lands, fixed once the connection exists: {text}.",
        "type": "object",
        "properties": {key: base["properties"][key] for key in keys},
        "additionalProperties": False,
        **(required[0] if len(required) == 1 else {"oneOf": required}),
    }


def _branch(service: Service, auth: Schema, destination: Schema) -> Schema:
    """Return the branch of a service."""
    properties: Schema = {"destination": destination, "config": _object(service.config)}
    required = [name for name, field in service.config.items() if field.required and name not in _DERIVED]
    if service.auth:
        properties["auth"] = {"title": auth["title"], "description": auth["description"], **_object(service.auth)}
    else:
        properties["auth"] = _forbidden(f"`{service.id}` does not accept `auth`: move its credentials to `config`")
    then: Schema = {"properties": properties}
    if required:
        # An adopted connection has its required values already.
        then["if"] = {"not": {"required": ["adopt"]}}
        then["then"] = {"required": ["config"], "properties": {"config": {"required": required}}}
    return {
        "if": {"required": ["service"], "properties": {"service": {"const": service.id}}},
        "then": then,
    }


def _object(fields: Mapping[str, Field]) -> Schema:
    return {
        "type": "object",
        "properties": {name: _field(name, field) for name, field in fields.items()},
        "additionalProperties": False,
    }


def _field(name: str, field: Field) -> Schema:
    """Return the schema of a field, with what the catalogue knows as its description."""
    if field.readonly:
        return _forbidden(f"`{name}` is set by Fivetran and cannot be declared")
    facts = ["Required."] if field.required else []
    facts += ["Fivetran rejects changes once the connection exists."] if field.immutable else []
    values = _values(field)
    described = {} if "$ref" in values and not facts else {"description": " ".join([_KINDS[field.kind], *facts])}
    return {"title": name, **described, **values}


def _forbidden(message: str) -> Schema:
    """Return the schema of a forbidden key. Unlike for `not`, a server of YAML shows its message."""
    return {"type": "null", "errorMessage": message, "doNotSuggest": True}


def _values(field: Field) -> Schema:
    """Return the schema of a field's values. It accepts what `config.rules.fields` accepts."""
    match field.kind:
        case "choice":
            return {"anyOf": [{"enum": list(field.choices)}, *_other_spellings(field.choices), _REFERENCE]}
        case "list":
            items = {} if field.items is None else {"items": _values(field.items)}
            return {"anyOf": [{"type": "array", **items}, _KEPT]}
        case "object" if field.fields:
            return {"anyOf": [_object(field.fields), _KEPT]}
    return {"$ref": f"#/$defs/{_definition(field.kind)}"}


def _definition(kind: str) -> str:
    return f"{kind}Field"


def _other_spellings(choices: tuple[str, ...]) -> list[Schema]:
    """Return a pattern of Fivetran's other spellings of the choices, such as ALL_APPS for AllApps."""
    others = {spelling for choice in choices for spelling in _spellings(choice)} - set(choices)
    return [{"type": "string", "pattern": f"^({'|'.join(sorted(others))})$"}] if others else []


def _spellings(choice: str) -> set[str]:
    if enumeration(choice)[1] is False:
        return set()
    words = re.findall(r"[A-Z]+(?![a-z])[0-9]*|[A-Z][a-z0-9]*|[a-z0-9]+", choice)
    return {"_".join(words).upper(), "".join(words).upper(), "".join(word.capitalize() for word in words)}
