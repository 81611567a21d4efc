"""Collect the results of a comparison: per level, per inner level, and impossible settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

from reconciler.fivetran.api import Lock
from reconciler.fivetran.config_diff import Difference
from reconciler.fivetran.tables.declared import included

#: Why a setting is impossible.
Kind: TypeAlias = Literal["missing", "locked", "unsupported"]

#: Locks without data to keep out: the table is Fivetran's own, or no longer in the source.
_HARMLESS = frozenset({"SYSTEM_TABLE", "DELETED"})

#: The most names to list if none is similar.
_LISTED = 8


@dataclass(frozen=True)
class ImpossibleSetting:
    """A declared setting that is impossible.

    With `exposes`, data would be synced that the file keeps out or hashes.
    """

    path: str
    problem: str
    kind: Kind
    exposes: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@dataclass
class Inner:
    """The result of an inner level. `words` is how a file would declare it; None if it would not."""

    words: Any = None
    patch: dict[str, Any] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    findings: list[ImpossibleSetting] = field(default_factory=list)


class Level:
    """Collects the results of one level: schemas, the tables of a schema, or the columns of a table."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.words: dict[str, Any] = {}
        self.patch: dict[str, Any] = {}
        self.differences: list[Difference] = []
        self.findings: list[ImpossibleSetting] = []

    def add_difference(self, name: str, declared: Any, live: Any) -> None:
        """Add a difference."""
        self.words[name] = live
        self.differences.append(Difference(f"{self.path}.{name}", declared, live))

    def add_finding(self, name: str, problem: str, kind: Kind, *, exposes: bool) -> None:
        """Add an impossible setting."""
        self.findings.append(ImpossibleSetting(f"{self.path}.{name}", problem, kind, exposes))

    def add_missing(self, kind: str, name: str, names: Iterable[str], *, exposes: bool) -> None:
        """Add a finding: the source lacks a declared name."""
        self.add_finding(
            name, f"the source has no such {kind}{_suggest(name, sorted(names))}", "missing", exposes=exposes
        )

    def add_locked(self, name: str, lock: Lock, wanted: str) -> None:
        """Add a finding: Fivetran locks the declared setting."""
        reason = f"{lock.code}: {lock.reason}" if lock.reason else lock.code
        exposes = wanted == "excluded" and lock.code not in _HARMLESS
        self.add_finding(name, f"Fivetran does not allow `{wanted}` here ({reason})", "locked", exposes=exposes)

    def add_inner(self, name: str, wanted: bool, on: bool, inner: Inner) -> None:
        """Add an inner level. If the outer setting differs, that is the only difference."""
        if on is not wanted:
            self.add_difference(name, included(wanted), included(on))
        else:
            self.differences += inner.differences
        if on and inner.words is not None:
            self.words[name] = inner.words
        patch = inner.patch if wanted else {}
        if on is not wanted or patch:
            self.patch[name] = {"enabled": wanted, **patch}
        self.findings += inner.findings

    def as_inner(self, key: str) -> Inner:
        """Return the results as the inner level of a node."""
        words = {key: self.words} if self.words else None
        patch = {key: self.patch} if self.patch else {}
        return Inner(words, patch, self.differences, self.findings)


def _suggest(name: str, names: list[str]) -> str:
    """Suggest a similar name, or list the names that exist."""
    by_lower = {known.casefold(): known for known in names}
    near = get_close_matches(name.casefold(), by_lower, n=1)
    if near:
        return f"; did you mean {by_lower[near[0]]}? Names are case-sensitive"
    listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    return f"; it has {listed}" if listed else ""
