"""Read what the last run left in the stack's outputs.

They are as `pulumi stack output --json` prints them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from reconciler.model.errors import ReconcilerError


@dataclass(frozen=True)
class Recorded:
    """What became of one unit in the last run: the `outcome` of its activation, and why it did not work."""

    outcome: str
    messages: tuple[str, ...] = ()


def all_outputs(file: IO[str]) -> Mapping[str, Any]:
    """Return all outputs of a stack; nothing if the file has no mapping.

    Raises `ReconcilerError` for what is no JSON.
    """
    try:
        outputs = json.load(file)
    except ValueError as error:
        raise ReconcilerError(f"{getattr(file, 'name', '<stdin>')}: not JSON: {error}") from None
    return outputs if isinstance(outputs, dict) else {}


def outputs_of(file: IO[str], output: str) -> Mapping[str, Any]:
    """Return one output of a stack, a mapping.

    Raises `ReconcilerError` where the file does not have it.
    """
    return mapping_of(all_outputs(file), output, getattr(file, "name", "<stdin>"))


def mapping_of(outputs: Mapping[str, Any], output: str, name: str) -> Mapping[str, Any]:
    """Return one output, a mapping.

    Raises `ReconcilerError` that names the file where there is none.
    """
    found = outputs.get(output)
    if not isinstance(found, dict):
        raise ReconcilerError(
            f"{name}: no output {output!r}: expected what `pulumi stack output --json` prints for this environment"
        )
    return found


def recorded(*files: IO[str]) -> dict[str, Recorded]:
    """Return what became of each unit that has a connection, by name, from the outputs of each stack."""
    units = (item for file in files for item in outputs_of(file, "units").items())
    return {
        name: Recorded(unit["outcome"], tuple(text for text in unit.get("messages") or () if isinstance(text, str)))
        for name, unit in units
        if isinstance(unit, dict) and isinstance(unit.get("outcome"), str)
    }
