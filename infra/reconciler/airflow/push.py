"""Decide what happens to each variable, and do it. Only variables that are ours are changed.

A write may take effect although its answer is lost. So each write is preceded by a read, and after an ambiguous answer
the variable is read and judged again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from reconciler.airflow.marker import Marker
from reconciler.model.errors import RemoteError

#: Tries of one variable, while its writes have ambiguous answers.
_TRIES = 4


class AmbiguousWrite(RemoteError):
    """A write whose effect is unknown, or that another process has overtaken: read the variable again.

    Attributes:
        wait_s: Seconds after which the service wants to be asked again; None if it does not say.
    """

    wait_s: float | None = None


@dataclass(frozen=True)
class Live:
    """A variable as the store has it."""

    key: str
    value: str | None
    """None where the store does not show it."""
    marker: Marker | None
    description: str = ""
    etag: str = ""


class Store(Protocol):
    """Where Airflow reads its variables from."""

    def snapshot(self, keys: Collection[str]) -> Mapping[str, Live]:
        """Return all variables by key. Those that are neither marked nor among the keys may be left out."""
        ...

    def read(self, key: str) -> Live | None:
        """Return one variable as it is now."""
        ...

    def create(self, key: str, value: str, marker: Marker) -> None:
        """Create a variable. Raises AmbiguousWrite if the answer is lost, or if the variable exists already."""
        ...

    def update(self, live: Live, value: str, marker: Marker) -> None:
        """Write value and marker. Raises AmbiguousWrite, also if the variable is gone."""
        ...

    def delete(self, live: Live) -> None:
        """Delete a variable. Raises AmbiguousWrite if the answer is lost, or if the variable is gone."""
        ...


@dataclass(frozen=True)
class Wanted:
    """A variable that the files declare. `connection` is None while Fivetran has no such connection."""

    key: str
    environment: str
    connection: str | None


class Action(Enum):
    """What happens to a variable."""

    CREATE = "created"
    UPDATE = "updated"
    ADOPT = "adopted"
    DELETE = "deleted"
    NONE = "unchanged"
    KEEP_UNMARKED = "unmarked"
    """Not ours, and its value is right."""
    REJECT_VALUE = "conflict"
    """Not ours, and its value differs."""
    REJECT_HIDDEN = "hidden"
    """Not ours, and the store does not show its value."""
    REJECT_OWNER = "foreign"
    """Another environment owns it."""
    KEEP_OBSOLETE = "obsolete"
    """Ours, not wanted any more, and nothing may be deleted."""
    KEEP_UNMARKED_OBSOLETE = "unmarked-obsolete"
    """Not ours, but its connection must not sync."""
    MISSING = "missing"
    """Fivetran has no such connection yet."""

    @property
    def is_write(self) -> bool:
        """Whether this changes the variable."""
        return self in (Action.CREATE, Action.UPDATE, Action.ADOPT, Action.DELETE)

    @property
    def needs_attention(self) -> bool:
        """Whether the variables differ from the files afterwards."""
        return not self.is_write and self not in (Action.NONE, Action.KEEP_UNMARKED)


@dataclass(frozen=True)
class PushStep:
    """One variable, and what happens to it."""

    key: str
    environment: str
    action: Action
    value: str | None = None
    """The connection id that the files declare."""
    live: Live | None = None


@dataclass(frozen=True)
class Push:
    """What to push, and what is allowed.

    Attributes:
        environments: The environments whose variables are ours.
        wanted: The declared variables by key.
        obsolete: The environments of variables whose unit is declared but must not sync, by key.
    """

    environments: frozenset[str]
    wanted: Mapping[str, Wanted]
    obsolete: Mapping[str, str]
    adopt: bool = False
    prune: bool = False

    def owns(self, live: Live) -> bool:
        """Return whether a variable belongs to one of the environments."""
        return live.marker is not None and live.marker.environment in self.environments

    def decide(self, key: str, live: Live | None) -> PushStep | None:
        """Return what happens to a variable; None if it is of no concern."""
        wanted = self.wanted.get(key)
        if wanted is None:
            return self._decide_unwanted(key, live)
        if wanted.connection is None:
            return PushStep(key, wanted.environment, Action.MISSING, None, live)
        marker = Marker(wanted.environment, wanted.connection)
        return PushStep(key, wanted.environment, self._compare(live, marker), wanted.connection, live)

    def _compare(self, live: Live | None, wanted: Marker) -> Action:
        if live is None:
            return Action.CREATE
        if self.owns(live):
            # A hidden value is as good as its marker: both are always written together.
            is_right = live.marker == wanted and live.value in (None, wanted.connection)
            return Action.NONE if is_right else Action.UPDATE
        if live.marker is not None:
            return Action.REJECT_OWNER
        if live.value is None:
            return Action.REJECT_HIDDEN
        if live.value != wanted.connection:
            return Action.REJECT_VALUE
        return Action.ADOPT if self.adopt else Action.KEEP_UNMARKED

    def _decide_unwanted(self, key: str, live: Live | None) -> PushStep | None:
        if live is not None and live.marker is not None and self.owns(live):
            action = Action.DELETE if self.prune else Action.KEEP_OBSOLETE
            return PushStep(key, live.marker.environment, action, None, live)
        if live is not None and live.marker is None and key in self.obsolete:
            return PushStep(key, self.obsolete[key], Action.KEEP_UNMARKED_OBSOLETE, None, live)
        return None


def plan(push: Push, store: Store) -> list[PushStep]:
    """Return what happens to each variable, in order of their keys. Changes nothing."""
    declared = push.wanted.keys() | push.obsolete.keys()
    live = store.snapshot(declared)
    keys = declared | {key for key, each in live.items() if push.owns(each)}
    steps = (push.decide(key, live.get(key)) for key in sorted(keys))
    return [step for step in steps if step is not None]


def apply(push: Push, store: Store, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[PushStep]:
    """Change what differs, and yield each variable when it is done.

    Raises:
        RemoteError: A write failed. What was yielded before is done.
    """
    for step in plan(push, store):
        if not step.action.is_write:
            yield step
        elif (done := _converge(push, store, step.key, sleep)) is not None:
            yield done


def _converge(push: Push, store: Store, key: str, sleep: Callable[[float], None]) -> PushStep | None:
    """Read, judge and write one variable until it is as wanted.

    Returns None if it is of no concern any more.
    """
    tried: PushStep | None = None
    for attempt in range(1, _TRIES + 1):
        live = store.read(key)
        step = push.decide(key, live)
        if step is None:
            return tried if live is None else None
        if not step.action.is_write:
            return tried if tried and step.action is Action.NONE else step
        try:
            _write(store, step)
        except AmbiguousWrite as error:
            if attempt == _TRIES:
                raise
            tried = step
            sleep(2.0**attempt / 2 if error.wait_s is None else error.wait_s)
        else:
            return step
    raise AssertionError("the last try returns or raises")


def _write(store: Store, step: PushStep) -> None:
    if step.action is Action.DELETE:
        assert step.live is not None  # noqa: S101 (decide: what is deleted was read)
        store.delete(step.live)
        return
    assert step.value is not None  # noqa: S101 (decide: what is written has an id)
    marker = Marker(step.environment, step.value)
    if step.live is None:
        store.create(step.key, step.value, marker)
    else:
        store.update(step.live, step.value, marker)
