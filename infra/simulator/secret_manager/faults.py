"""Faults on request: which requests fail, and how.

A fault is JSON: `{"path": ":access$", "nth": 1, "count": 1, "kind": …}`. `path` is a regular expression, searched
(absent: any); of the matching requests, `count` (null: all) fail from the `nth` on. The kinds:

- `status`: answer with `code`, one of Google's names (`UNAVAILABLE`, `PERMISSION_DENIED`, …), and `message`.
- `html`: answer `status` (502) with an HTML page, as a proxy does.
- `delay`: wait `seconds`, then continue.
- `drop`: close the connection without an answer.
- `lose`: do what the request says, then close the connection without an answer.
- `garble`: answer with one byte of the payload changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.secret_manager.errors import CODES

#: The settings of each kind; True for a required one.
_KINDS: Mapping[str, Mapping[str, bool]] = {
    "status": {"code": True, "message": False},
    "html": {"status": False},
    "delay": {"seconds": True},
    "drop": {},
    "lose": {},
    "garble": {},
}


@dataclass
class Fault:
    """A fault, with its numbers of matching and failed requests."""

    kind: str
    path: re.Pattern[str]
    nth: int
    count: int | None
    settings: Mapping[str, Any]
    found: int = 0
    met: int = 0

    def meets(self, path: str) -> bool:
        """Count a matching request, and return whether the fault applies to it."""
        if not self.path.search(path):
            return False
        self.found += 1
        strikes = self.found >= self.nth and (self.count is None or self.found < self.nth + self.count)
        self.met += strikes
        return strikes

    def as_json(self) -> dict[str, Any]:
        """Return the fault's settings, and its counts."""
        counts = {"found": self.found, "met": self.met}
        return (
            {"kind": self.kind, "path": self.path.pattern, "nth": self.nth, "count": self.count}
            | counts
            | dict(self.settings)
        )


class Faults:
    """The active faults, in the order they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, definition: Mapping[str, Any]) -> Fault:
        """Add a fault. Raises `ValueError` for an invalid one."""
        fault = _parse(definition)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def met(self, path: str) -> list[Fault]:
        """Return the faults that apply to a request."""
        return [fault for fault in self._faults if fault.meets(path)]


def _parse(definition: Mapping[str, Any]) -> Fault:
    kind = str(definition.get("kind"))
    if kind not in _KINDS:
        raise ValueError(f"kind is one of {', '.join(_KINDS)}")
    settings = {name: value for name, value in definition.items() if name not in ("kind", "path", "nth", "count")}
    if unknown := settings.keys() - _KINDS[kind].keys():
        raise ValueError(f"a fault of kind {kind!r} has no {', '.join(sorted(unknown))}")
    if missing := [name for name, needed in _KINDS[kind].items() if needed and name not in settings]:
        raise ValueError(f"a fault of kind {kind!r} needs {', '.join(missing)}")
    if kind == "status" and settings["code"] not in CODES:
        raise ValueError(f"code is one of {', '.join(CODES)}")
    nth, count = definition.get("nth", 1), definition.get("count", 1)
    if type(nth) is not int or nth < 1 or not (count is None or (type(count) is int and count >= 1)):
        raise ValueError("nth and count are whole numbers from 1 on; count may be null")
    try:
        path = re.compile(definition.get("path", ""))
    except (re.error, TypeError) as error:
        raise ValueError(f"path is not a regular expression: {error}") from error
    return Fault(kind, path, nth, count, settings)
