"""What a comparison collects: of one level, of the inside of something, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

from reconciler.fivetran.config_diff import Difference
from reconciler.fivetran.tables.declared import included
from reconciler.fivetran.tables.live_schema import LiveLock

#: Why something cannot be.
Kind: TypeAlias = Literal["missing", "locked", "unsupported"]

#: Reasons of a lock that leave nothing to keep back: the table is Fivetran's own, or no longer in the source.
_HARMLESS = frozenset({"SYSTEM_TABLE", "DELETED"})

#: Names listed in place of a guess.
_LISTED = 8


@dataclass(frozen=True)
class Finding:
    """Something the file names that cannot be as it says. With `exposes`, what it keeps back would be synced."""

    path: str
    problem: str
    kind: Kind
    exposes: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@dataclass
class Inside:
    """What was found inside of something. `words` is how the file would describe it; None for not at all."""

    words: Any = None
    patch: dict[str, Any] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Level:
    """What is beside each other: the schemas, the tables of one, the columns of one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.words: dict[str, Any] = {}
        self.patch: dict[str, Any] = {}
        self.differences: list[Difference] = []
        self.findings: list[Finding] = []

    def differ(self, name: str, declared: Any, live: Any) -> None:
        """What is live is not what it should be."""
        self.words[name] = live
        self.differences.append(Difference(f"{self.path}.{name}", declared, live))

    def find(self, name: str, problem: str, kind: Kind, *, exposes: bool) -> None:
        """What the file says cannot be."""
        self.findings.append(Finding(f"{self.path}.{name}", problem, kind, exposes))

    def missing(self, kind: str, name: str, names: Iterable[str], *, exposes: bool) -> None:
        """What the file names is not in the source."""
        self.find(name, f"the source has no such {kind}{_meant(name, sorted(names))}", "missing", exposes=exposes)

    def locked(self, name: str, lock: LiveLock, wanted: str) -> None:
        """What the file says is not for anybody to choose."""
        reason = f"{lock.code}: {lock.reason}" if lock.reason else lock.code
        exposes = wanted == "excluded" and lock.code not in _HARMLESS
        self.find(name, f"Fivetran does not allow `{wanted}` here ({reason})", "locked", exposes=exposes)

    def put(self, name: str, wanted: bool, on: bool, inner: Inside) -> None:
        """Take over what is inside. Where the outside differs, that alone is said to differ."""
        if on is not wanted:
            self.differ(name, included(wanted), included(on))
        else:
            self.differences += inner.differences
        if on and inner.words is not None:
            self.words[name] = inner.words
        patch = inner.patch if wanted else {}
        if on is not wanted or patch:
            self.patch[name] = {"enabled": wanted, **patch}
        self.findings += inner.findings

    def inside(self, key: str) -> Inside:
        """All of it, as the inside of what it belongs to."""
        words = {key: self.words} if self.words else None
        patch = {key: self.patch} if self.patch else {}
        return Inside(words, patch, self.differences, self.findings)


def _meant(name: str, names: list[str]) -> str:
    """The name that was probably meant, or those there are."""
    by_small = {known.casefold(): known for known in names}
    near = get_close_matches(name.casefold(), by_small, n=1)
    if near:
        return f"; did you mean {by_small[near[0]]}? Names are case-sensitive"
    listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    return f"; it has {listed}" if listed else ""
