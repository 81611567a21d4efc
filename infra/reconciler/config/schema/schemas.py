"""Load the JSON Schemas of the repository, each compiled once.

They are in `schemas/` of the checkout, which the editable installation finds from every working directory. Editors read
`unit.schema.json`, which `make reference` writes from the base schema and the catalogue. This module reads the base
schema, which is smaller: `config.rules` checks what depends on the service.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs

from reconciler.model.errors import ReconcilerError

#: What a file can be.
Kind = Literal["unit", "environment"]

SCHEMAS = Path(__file__).resolve().parents[4] / "schemas"
_FILES: Mapping[Kind, str] = {"unit": "unit.base.schema.json", "environment": "environment.schema.json"}


@cache
def schema(kind: Kind) -> dict[str, Any]:
    """Return the schema of a file. Raises ReconcilerError when the package does not run from a checkout."""
    file = SCHEMAS / _FILES[kind]
    try:
        loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReconcilerError(
            f"{file}: {error.strerror}. The package runs from a checkout: install it with pip install -e ."
        ) from error
    except ValueError as error:
        raise ReconcilerError(f"{file}: not valid JSON. Correct it, or restore it from git.") from error
    return loaded


@cache
def _validator(kind: Kind) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(schema(kind))


def errors(kind: Kind, data: object) -> Iterator[jsonschema_rs.ValidationError]:
    """Return every place where the data breaks the schema."""
    return _validator(kind).iter_errors(data)


def accepts(kind: Kind, path: tuple[str, ...], value: object) -> bool:
    """Return whether a value is valid at a path of the schema, such as `("$defs", "connector")`."""
    return _part_validator(kind, path).is_valid(value)


def valid_part(kind: Kind, path: tuple[str, ...], value: object) -> Any:
    """Return a value without what is invalid at a path of the schema; None when nothing is valid."""
    part = find_subschema(kind, path)
    if isinstance(value, Mapping) and "properties" in part:
        parts = {key: (*path, "properties", key) for key in part["properties"]}
        found = {key: valid_part(kind, parts[key], inner) for key, inner in value.items() if key in parts}
        return {key: inner for key, inner in found.items() if inner is not None}
    if isinstance(value, list) and "items" in part:
        return [item for item in value if accepts(kind, (*path, "items"), item)]
    return value if accepts(kind, path, value) else None


@cache
def _part_validator(kind: Kind, path: tuple[str, ...]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({"$defs": schema(kind)["$defs"], **find_subschema(kind, path)})


def find_subschema(kind: Kind, path: Sequence[str | int]) -> dict[str, Any]:
    """Return the subschema at an error's `schema_path`, without the keyword at its end."""
    node: Any = schema(kind)
    for step in path:
        node = node[step]
    found: dict[str, Any] = node
    return found


@cache
def find_homes(kind: Kind) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Return the paths of the mappings where each key is allowed; `()` is the whole file.

    Left out is what stands in lists, and in mappings whose keys the user chooses.
    """
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    mappings: list[tuple[tuple[str, ...], dict[str, Any]]] = [((), schema(kind))]
    for path, node in mappings:
        for key, inner in node.get("properties", {}).items():
            found[key] = (*found.get(key, ()), path)
            mappings.append(((*path, key), _followed(kind, inner)))
    return found


def description(kind: Kind, node: dict[str, Any]) -> str | None:
    """Return the description of a property's subschema, followed through its `$ref`."""
    found: str | None = node["description"] if "description" in node else _followed(kind, node).get("description")
    return found


def _followed(kind: Kind, node: dict[str, Any]) -> dict[str, Any]:
    """Return the subschema that a `$ref` leads to, or the node itself."""
    if "$ref" not in node:
        return node
    found: dict[str, Any] = schema(kind)["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return found
