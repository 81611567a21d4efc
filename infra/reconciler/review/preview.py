"""Read what `pulumi preview --json` prints: the steps that change something, and what went wrong.

The document holds whole states, so nothing of it is shown as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model import commands
from reconciler.model.errors import ReconcilerError

#: Operations that look at a resource, or leave it as it is.
_UNCHANGED = frozenset({"same", "read", "refresh"})

#: The parts of a replacement, which the document lists one by one.
_REPLACEMENT = frozenset({"replace", "create-replacement", "delete-replaced"})

_STACK = "pulumi:pulumi:Stack"

#: Errors by which the engine repeats that there were errors.
_REPEATED = ("an unhandled error occurred", "preview failed", "update failed")

#: How messages begin about what a preview could not ask Fivetran.
_NOT_CHECKED = ("cannot check ", "no Fivetran credentials: ")

#: The message about a role in the Fivetran group that the preview found and a run revokes.
_REVOKED = re.compile(r"(?:warning: )?\S+: revokes (.+) in the Fivetran group (?:.+) from ((?:user|team):.+)")


@dataclass(frozen=True)
class Step:
    """One resource that a run would change: `create`, `adopt`, `update`, `replace` or `delete`."""

    operation: str
    type: str
    """Without the provider: `Connection`, `Dataset`."""
    name: str
    old: Mapping[str, Any] = field(default_factory=dict)
    """The inputs of the last run; empty for what is new."""
    new: Mapping[str, Any] = field(default_factory=dict)
    """The inputs of this run; empty for what is deleted."""
    is_kept: bool = False
    """Whether a deletion only takes the resource out of state."""
    is_provider: bool = False
    """Whether it is the engine's record of a provider, such as its version."""


@dataclass(frozen=True)
class PreviewError:
    """An error of a preview. `type` is that of the resource, empty for the program's own."""

    text: str
    type: str = ""


@dataclass(frozen=True)
class Preview:
    """A preview of one stack."""

    steps: tuple[Step, ...]
    outputs: Mapping[str, Any]
    """The stack's outputs of the last run."""
    faults: tuple[PreviewError, ...] = ()
    """Why the run would be rejected."""
    unchecked: tuple[str, ...] = ()
    """What the preview could not ask Fivetran, with the reason."""
    revoked_roles: Mapping[str, str] = field(default_factory=dict)
    """The roles in the Fivetran group that the preview reports as revoked, by member."""

    def of_type(self, name: str) -> Iterator[Step]:
        """Return the steps of a resource type."""
        return (step for step in self.steps if step.type == name)


def read_preview(text: str, name: str, environment: str) -> Preview:
    """Parse the document. Raises `ReconcilerError`, which begins with `name`, for anything else."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not _are_mappings(document.get("steps", [])):
        command = commands.pulumi("preview", "--json", environment=environment)
        raise ReconcilerError(f"{name}: not a preview\n    Write the output of {command} into it.")
    listed = [each for each in document.get("steps", []) if isinstance(each.get("urn"), str)]
    diagnostics = document.get("diagnostics") or []
    if not _are_mappings(diagnostics):
        diagnostics = []
    faults = tuple(_faults(diagnostics))
    if not listed and not faults:
        raise ReconcilerError(f"{name}: the preview lists no step, not even the stack\n    Run the preview again.")
    unchecked, revoked = tuple(_unchecked(diagnostics)), _revoked_roles(diagnostics)
    return Preview(tuple(_steps(listed)), _outputs(listed), faults, unchecked, revoked)


def _are_mappings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _steps(listed: list[dict[str, Any]]) -> Iterator[Step]:
    replaced = {each["urn"] for each in listed if str(each.get("op")) in _REPLACEMENT}
    seen: set[str] = set()
    for each in listed:
        urn, operation = each["urn"], str(each.get("op"))
        kind, name = _type_and_name(urn)
        if operation in _UNCHANGED or kind == _STACK or urn in seen:
            continue
        old, new = _state(each, "oldState"), _state(each, "newState")
        if urn in replaced:
            both = [other for other in listed if other["urn"] == urn and str(other.get("op")) not in _UNCHANGED]
            old = next((state for other in both if (state := _state(other, "oldState"))), {})
            new = next((state for other in both if (state := _state(other, "newState"))), {})
            operation = "replace"
        elif operation == "update":
            old = {**old, "inputs": _with_removed(each, old)}
        seen.add(urn)
        kept = bool(old.get("retainOnDelete")) or operation == "discard"
        operation = {"discard": "delete", "import": "adopt"}.get(operation, operation)
        yield Step(
            operation,
            kind.rsplit(":", 1)[-1],
            name,
            {} if operation in ("create", "adopt") else _mapping(old.get("inputs")),
            {} if operation == "delete" else _mapping(new.get("inputs")),
            kept,
            kind.startswith("pulumi:providers:"),
        )


def _with_removed(step: Mapping[str, Any], old: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the old inputs, with what a refresh found that no input ever gave and that the run removes."""
    inputs, outputs = _mapping(old.get("inputs")), _mapping(old.get("outputs"))
    names = {str(path).partition(".")[0].partition("[")[0] for path in _mapping(step.get("detailedDiff"))}
    return {**{name: outputs[name] for name in names & outputs.keys()}, **inputs}


def _type_and_name(urn: str) -> tuple[str, str]:
    """Return the type of a resource, without its parents', and its logical name."""
    parts = urn.split("::", 3)
    return (parts[2].rsplit("$", 1)[-1], parts[3]) if len(parts) == 4 else ("", "")


def _outputs(listed: list[dict[str, Any]]) -> Mapping[str, Any]:
    for each in listed:
        if _type_and_name(each["urn"])[0] == _STACK:
            return _mapping(_state(each, "oldState").get("outputs"))
    return {}


def _faults(diagnostics: list[dict[str, Any]]) -> Iterator[PreviewError]:
    for each in diagnostics:
        if each.get("severity") != "error":
            continue
        text = str(each.get("message", "")).strip().removeprefix("error: ").removeprefix("Failed: ").strip()
        if text and not text.startswith(_REPEATED):
            yield PreviewError(text, _type_and_name(str(each.get("urn", "")))[0])


def _unchecked(diagnostics: list[dict[str, Any]]) -> Iterator[str]:
    texts = (str(each.get("message", "")).strip() for each in diagnostics)
    yield from dict.fromkeys(text.rstrip(".") for text in texts if text.startswith(_NOT_CHECKED))


def _revoked_roles(diagnostics: list[dict[str, Any]]) -> dict[str, str]:
    texts = (_REVOKED.fullmatch(str(each.get("message", "")).strip()) for each in diagnostics)
    return {found[2]: found[1] for found in texts if found}


def _state(step: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return _mapping(step.get(key))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
