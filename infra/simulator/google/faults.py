"""Faults on request: the nth matching call fails, waits, waits for a release, or loses its answer.

Also counts the calls.
"""

from __future__ import annotations

import asyncio
import fnmatch
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import grpc

from simulator.google.state import Json


@dataclass(frozen=True)
class Call:
    """A call of the engine: method, type or function, the resource's id, whether it is a preview."""

    method: str
    type: str
    id: str
    preview: bool = False


@dataclass
class Rule:
    """Which calls have a fault, and which fault.

    `method`, `type` and `id` are shell patterns, `method` several with `|` between them. Of the matching calls the
    first `nth - 1` pass; the next `times` have the fault (0: all of them). Such a call waits `delay_ms`, and with
    `hold` until it is released; then it fails with `error` (gRPC code `code`), before its effect or, with `after`,
    after it. With `after` and without `error`, the answer is lost: the call ends in UNAVAILABLE. Previews match only
    with `preview`. `then` is a change by another process, after the effect of the call and before its answer.
    """

    number: int
    method: str = "*"
    type: str = "*"
    id: str = "*"
    preview: bool = False
    nth: int = 1
    times: int = 1
    delay_ms: int = 0
    hold: bool = False
    after: bool = False
    error: str | None = None
    code: str = "UNKNOWN"
    seen: int = 0
    hits: int = 0
    waiting: int = 0
    then: Callable[[], object] | None = field(default=None, repr=False)
    released: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def matches(self, call: Call) -> bool:
        """Count a matching call, and return whether it has the fault."""
        methods = self.method.split("|")
        if self.preview != call.preview or not any(fnmatch.fnmatchcase(call.method, method) for method in methods):
            return False
        patterns = ((self.type, call.type), (self.id, call.id))
        if not all(fnmatch.fnmatchcase(value, pattern) for pattern, value in patterns):
            return False
        self.seen += 1
        hit = self.seen >= self.nth and (self.times == 0 or self.hits < self.times)
        self.hits += hit
        return hit

    async def wait(self) -> None:
        """Wait for the delay, and while held."""
        await asyncio.sleep(self.delay_ms / 1000)
        if self.hold:
            self.waiting += 1
            try:
                await self.released.wait()
            finally:
                self.waiting -= 1

    def report(self) -> dict[str, Json]:
        """Return the rule with its counts."""
        return {key: value for key, value in vars(self).items() if key not in {"released", "then"}}


class Faults:
    """The active rules, in the order they were added, and the counts of calls."""

    def __init__(self) -> None:
        self._rules: dict[int, Rule] = {}
        self._next = 1
        self.calls: Counter[Call] = Counter()

    def add(self, settings: Mapping[str, Json], then: Callable[[], object] | None = None) -> Rule:
        """Add a rule. Raises `ValueError` for an unknown setting or code."""
        allowed = {"method", "type", "id", "preview", "nth", "times", "delay_ms", "hold", "after", "error", "code"}
        if unknown := sorted(set(settings) - allowed):
            raise ValueError(f"a fault has no {', '.join(unknown)}; it has {', '.join(sorted(allowed))}")
        rule = Rule(self._next, **settings, then=then)
        if rule.code not in grpc.StatusCode.__members__:
            raise ValueError(f"there is no gRPC code {rule.code}")
        self._rules[rule.number] = rule
        self._next += 1
        return rule

    def get(self, number: int) -> Rule | None:
        """Return a rule by its number."""
        return self._rules.get(number)

    def __iter__(self) -> Iterator[Rule]:
        return iter(tuple(self._rules.values()))

    def clear(self) -> None:
        """Remove all rules, and release the calls that they hold."""
        for rule in self._rules.values():
            rule.released.set()
        self._rules.clear()

    def hit(self, call: Call) -> Rule | None:
        """Count a call, and return the first rule with a fault for it."""
        self.calls[Call(call.method, call.type, "", call.preview)] += 1
        return next((rule for rule in self._rules.values() if rule.matches(call)), None)
