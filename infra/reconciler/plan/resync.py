"""Judge changes that Fivetran cannot make to a connection.

What each costs, and whether the file allows this very one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.reference import comparison_key
from reconciler.plan.inventory import Declared
from reconciler.yaml_text.scalars import LARGEST_INTEGER
from reconciler.yaml_text.writer import format_on_one_line

_WORDS = {"schema": "destination", "service": "service", "group": "group"}


@dataclass(frozen=True)
class ResyncStep:
    """One of `schema`, `service`, `group` and `config.<path>`, from what it was to what it is."""

    key: str
    old: str
    new: str

    def is_named(self, resync: Mapping[str, tuple[str, str]]) -> bool:
        """Return whether `allow_resync` names it."""
        return resync.get(self.key) == (self.old, self.new)


def changes(old: Declared, new: Declared, groups: tuple[str, str]) -> tuple[ResyncStep, ...]:
    """Return the changes of a unit that need another connection in Fivetran."""
    found = (
        ResyncStep("schema", str(old.connection), str(new.connection)),
        ResyncStep("service", str(old.service), str(new.service)),
        ResyncStep("group", *groups),
    )
    # A key that comes to a file may say what is so already, and one that leaves it is left as it is.
    both = sorted(old.permanent.keys() & new.permanent.keys()) if old.service == new.service else ()
    config = (ResyncStep(f"config.{path}", old.permanent[path], new.permanent[path]) for path in both)
    return tuple(change for change in (*found, *config) if change.old != change.new)


def rejection(old: Declared, new: Declared, changed: tuple[ResyncStep, ...]) -> str | None:
    """Return why changes are rejected, with their cost; None when the file allows each of them."""
    unnamed = [change for change in changed if not change.is_named(new.resync)]
    if not unnamed:
        return None
    what = " and ".join(f"{_subject(change.key)} changed from {change.old} to {change.new}" for change in unnamed)
    variable = f" and gives the Airflow variable {old.variable} a new id" if old.variable else ""
    named = ", ".join(f"{key}: {old} → {new}" for key, (old, new) in new.resync.items())
    instead = f" (`allow_resync` allows another change: {named})" if named else ""
    return (
        f"{new.file}: {what}, which Fivetran cannot do in an existing connection{instead}\n"
        f"    Restore {' and '.join(change.old for change in unnamed)}; or write {_permission(changed)} into "
        f"`connector` to replace the connection {old.connection} by a new one that syncs its whole history "
        f"again{variable}; or {_alternative(unnamed)}."
    )


def place(new: Declared, changed: tuple[ResyncStep, ...]) -> tuple[str, ...]:
    """Return the path of the key that makes a change which the file does not allow."""
    unnamed = [change.key for change in changed if not change.is_named(new.resync)]
    if not unnamed or unnamed[0] == "group":
        return ("connector",)
    return ("connector", "destination" if unnamed[0] == "schema" else unnamed[0])


def _alternative(unnamed: list[ResyncStep]) -> str:
    for change in unnamed:
        if change.key == "group":
            return f"write `formerly: {change.old}` beside `group` in environment.yaml to rename the group"
    return "declare another connector in another file"


def _subject(key: str) -> str:
    return f"the {_WORDS[key]}" if key in _WORDS else f"`{key}`"


def _permission(changed: tuple[ResyncStep, ...]) -> str:
    allowed: dict[str, Any] = {}
    for change in changed:
        key, _, path = change.key.partition(".")
        if path:
            step = {"from": _value_of(change.old), "to": _value_of(change.new)}
            allowed.setdefault(key, {})[path] = step
        else:
            allowed[key] = {"from": change.old, "to": change.new}
    return f"`{format_on_one_line({'allow_resync': {**allowed, 'ticket': '…'}})[1:-1]}`"


def _value_of(key: str) -> Any:
    """Return a value of this comparison key that a file may have: the plainest, so 443 rather than "443"."""
    if "null" in key:  # No file has one.
        return key
    try:
        value = json.loads(key, parse_int=_integer, parse_constant=str)
    except ValueError:
        return key
    return value if comparison_key(value) == key else key


def _integer(digits: str) -> int | str:
    return int(digits) if abs(int(digits)) <= LARGEST_INTEGER else digits
