"""What Pulumi's engine does with the two resources of a unit, and what its state then holds of them.

An operation that raises leaves state as it was; a killed run is a state that lacks what the run has done.
"""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.output import Unknown

from reconciler.fivetran.api import FivetranError
from reconciler.model import Unit
from reconciler.plan.creations import Creations
from reconciler.plan.inventory import Declared
from reconciler.resources.activation.resource import ActivationProvider
from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.operation import Provider
from reconciler.resources.run.run import run

from .account import activation_inputs, as_engine, connection_inputs


class Resource:
    """One resource, in state or not yet."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.id = ""
        self.state: dict[str, Any] = {}

    def pending(self, news: dict[str, Any]) -> bool:
        """Whether a preview shows a change."""
        if not self.id:
            return True
        result: DiffResult = self._provider.diff(self.id, copy.deepcopy(self.state), copy.deepcopy(news))
        return bool(result.changes)

    def up(self, news: dict[str, Any]) -> bool:
        """Create it, or update it where it differs; whether there was anything to do."""
        if not self.pending(news):
            return False
        if not self.id:
            made: CreateResult = self._provider.create(copy.deepcopy(news))
            self.id, outs = str(made.id), made.outs
        else:
            updated: UpdateResult = self._provider.update(self.id, copy.deepcopy(self.state), copy.deepcopy(news))
            outs = updated.outs
        self.state = dict(as_engine(dict(outs or {})))
        return True

    def refresh(self) -> None:
        """Refresh state from what is live."""
        if self.id:
            found: ReadResult = self._provider.read(self.id, copy.deepcopy(self.state))
            self.id, self.state = str(found.id or ""), dict(as_engine(dict(found.outs or {})))

    def forget(self) -> None:
        """State never got to know it, since the run was killed."""
        self.id, self.state = "", {}


class Stack:
    """One unit in an environment's stack."""

    def __init__(self, group: str) -> None:
        self._group = group
        self.connection = Resource(ConnectionProvider())
        self.activation = Resource(ActivationProvider())
        self.intents: dict[str, Any] = {}
        """What Preflight recorded of the connections that runs were about to create."""
        self._known: dict[str, Declared] = {}

    def up(self, unit: Unit) -> str:
        """An apply; returns the outcome that state holds."""
        self.record(unit)
        self.connection.up(self.connection_inputs(unit))
        self.activation.up(self.activation_inputs(unit))
        return str(self.activation.state["outcome"])

    def record(self, unit: Unit) -> None:
        """What Preflight does of an apply before anything else, without its rejections."""
        assert unit.connector is not None
        name = unit.connector.destination.connection_name
        declared = {unit.name: Declared(unit.file, unit.connector.service, name)}
        creations = Creations.of(self.intents, self._known, declared, ("Group_Dev", "Group_Dev"))
        run.declare(intents=creations.recalled)
        found = False
        with suppress(FivetranError):
            found = bool(creations.looked_for) and run.account.find(self._group, name) is not None
            self.intents = creations.intents([name] if found else [], applies=True)
        self._known = declared

    def refresh(self) -> None:
        """A refresh of both."""
        self.connection.refresh()
        self.activation.refresh()

    def pending(self, unit: Unit) -> list[str]:
        """Which of the two a preview shows."""
        connection = self.connection.pending(self.connection_inputs(unit))
        activation = self.activation_inputs(unit)
        if connection:  # what only an apply can tell
            activation["revision"] = Unknown()
        shown = {"connection": connection, "activation": self.activation.pending(activation)}
        return [name for name, pending in shown.items() if pending]

    def as_of(self, moment: Stack) -> None:
        """State is as it was at a moment (a copy): whatever was done since, a killed run did."""
        self.intents, self._known = copy.deepcopy(moment.intents), dict(moment._known)
        for mine, then in ((self.connection, moment.connection), (self.activation, moment.activation)):
            mine.id, mine.state = then.id, copy.deepcopy(then.state)

    def copy(self) -> Stack:
        """State at this moment."""
        other = Stack(self._group)
        other.as_of(self)
        return other

    def connection_inputs(self, unit: Unit) -> dict[str, Any]:
        """What a run hands to the connection."""
        return connection_inputs(unit, self._group)

    def activation_inputs(self, unit: Unit) -> dict[str, Any]:
        """What a run hands to the activation."""
        revision = int(self.connection.state.get("revision", 0))
        return activation_inputs(unit, self._group, self.connection.id, revision)
