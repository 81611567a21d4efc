"""Raise the version of a unit's reference to a secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from reconciler.config.yaml.document import Path
from reconciler.edits.source import Edited, EditRejected, Source
from reconciler.edits.splices import set_value
from reconciler.model import Environment, Reference, commands

_TREES = ("config", "auth")


@dataclass(frozen=True)
class _Used:
    path: Path
    reference: Reference

    @property
    def shown(self) -> str:
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path[1:])
        return steps.removeprefix(".")


def rotate(
    source: Source,
    environment: Environment,
    name: str,
    key: str | None,
    version: int | None,
    *,
    find_fault: Callable[[Reference], str | None],
) -> Edited:
    """Raise the version of a reference, of all references to the same secret in the file.

    Args:
        source: The unit's file.
        environment: Its environment, whose project keeps the secrets.
        name: The unit.
        key: The path of the reference in `config` or `auth`, or its end; None for the only one.
        version: The new version, in place of the next one.
        find_fault: Asks Secret Manager, and returns why a version cannot be used.
    """
    found = [*_find(source.at("connector"), ("connector",))]
    chosen = _choose(source, name, found, key)
    old = chosen.reference
    if old.held:
        raise EditRejected(
            f"{source.where(*chosen.path)}: Fivetran keeps the value of {chosen.shown}\n"
            "    Write `{secret: NAME, version: 1}` in its place."
        )
    if old.version is None and version is None:
        raise EditRejected(
            f"{source.where(*chosen.path)}: the reference has no version: each run takes the latest value\n"
            "    Name the version to write with --version, or leave the file as it is."
        )
    new = replace(old, version=version or (old.version or 0) + 1)
    if new.version == old.version:
        return Edited(source, f"{chosen.shown} of {name} has version {new.version} already")
    located = replace(new, project=new.project or environment.secrets_project)
    if old.kind == "secret" and (fault := find_fault(located)) is not None:
        again = commands.reconciler("rotate", name, *([key] if key else []), environment=environment.name)
        raise EditRejected(f"{source.where(*chosen.path)}: {chosen.shown}: {fault}\n    Then run {again} again.")
    same = [each for each in found if each.reference == old]
    edited = source
    for each in same:
        edited = set_value(edited, (*each.path, "version"), new.version)
    notes = [f"{each.shown}: version {old.version or 'latest'} becomes {new.version}" for each in same]
    if old.kind != "secret":
        notes.append(f"the run that applies this change needs the new value in {old.kind} {old.name}")
    return Edited(edited, f"Rotate {chosen.shown} of {name} to version {new.version}", tuple(notes))


def _choose(source: Source, name: str, found: list[_Used], key: str | None) -> _Used:
    matching = [each for each in found if key is None or each.shown in (key, f"config.{key}") or each.path[-1] == key]
    if matching and all(each.reference == matching[0].reference for each in matching):
        return matching[0]
    if not found:
        raise EditRejected(f"{source.where('connector')}: {name} has no reference to a secret\n    Name another unit.")
    keys = ", ".join(each.shown for each in matching or found)
    # The key is not quoted: a user may have written the new value in its place.
    wanted = "has no reference with this key" if not matching else "has several references"
    raise EditRejected(f"{source.where('connector')}: {name} {wanted}\n    Name one of: {keys}.")


def _find(node: Any, path: Path) -> list[_Used]:
    if len(path) == 1:
        node = {key: node[key] for key in _TREES if key in node} if isinstance(node, dict) else {}
    elif (reference := Reference.parse(node)) is not None:
        return [_Used(path, reference)]
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [used for step, inner in steps for used in _find(inner, (*path, step))]
