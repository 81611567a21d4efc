"""The two JSON Schemas of the repository, compiled once.

`schemas/` in the checkout is the one source: editors read it through a file's first line, and so do we. The package
is installed in editable mode, so its own place leads there whatever the working directory is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs

from reconciler.errors import ReconcilerError

#: What a file can be.
Kind = Literal["unit", "environment"]

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas"


@cache
def schema(kind: Kind) -> dict[str, Any]:
    """The schema as it stands in its file. Raises ReconcilerError when the package does not run from a checkout."""
    file = SCHEMAS / f"{kind}.schema.json"
    try:
        loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReconcilerError(
            f"{file}: {error.strerror}. The package runs from a checkout: install it with pip install -e ."
        ) from error
    return loaded


@cache
def _validator(kind: Kind) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(schema(kind))


def errors(kind: Kind, data: object) -> Iterator[jsonschema_rs.ValidationError]:
    """Every place where the data breaks the schema."""
    return _validator(kind).iter_errors(data)


def part(kind: Kind, path: Sequence[str | int]) -> dict[str, Any]:
    """The subschema at a path, as an error's `schema_path` gives it, without the keyword at its end."""
    node: Any = schema(kind)
    for step in path:
        node = node[step]
    found: dict[str, Any] = node
    return found


def description(kind: Kind, node: dict[str, Any]) -> str | None:
    """What a property's subschema says about it, there or where its `$ref` leads."""
    if "description" not in node and "$ref" in node:
        node = schema(kind)["$defs"][node["$ref"].removeprefix("#/$defs/")]
    found: str | None = node.get("description")
    return found
