"""What the provider's tests share: the account from outside, a clock, and inputs as the engine hands them over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.engine.admin import Admin

from reconciler.client import Clock
from reconciler.model import Adopt, Connector, DestinationSchema, Unit
from reconciler.provider import wire
from reconciler.provider.operation import Failed

FILE = "connectors/dev/stripe.yaml"

#: What the key's variable holds; it may be seen nowhere but in Fivetran.
CANARY = "sk_live_canary_4711"
KEY = {"env": "STRIPE_KEY", "version": 1}


class Fivetran(Admin):
    """The account, from outside, with one group `Group_Dev` and its destination."""

    group: str = ""

    def set_up(self) -> None:
        self.reset()
        self.group = self.make_group("Group_Dev")
        config = {"project_id": "dev-project", "data_set_location": "US"}
        self._call("POST", "/destinations", {"id": self.group, "config": config})

    def make_group(self, name: str) -> str:
        """Somebody makes a group; returns its id."""
        return str(self._call("POST", "/groups", {"name": name})["id"])

    def set_destination(self, id_: str, **fields: object) -> None:
        """Something becomes of a destination."""
        self._call("PATCH", f"/destinations/{id_}", fields)

    def remove_destination(self, id_: str) -> None:
        """Somebody deletes a destination."""
        self._call("DELETE", f"/destinations/{id_}")

    def by_hand(self, key: str = CANARY, schema: str = "stripe", **fields: Any) -> str:
        """Somebody makes a Stripe connection that works; returns its id."""
        config = {"schema": schema, "api_key": key, **fields.pop("config", {})}
        made = self.make(**{"group_id": self.group, "service": "stripe", "config": config, **fields})
        return str(made["id"])

    def named(self, name: str) -> list[dict[str, Any]]:
        """The connections of a name, oldest first, secrets shown."""
        return [each for each in self.snapshot(secrets=True)["connections"] if each["name"] == name]

    def the(self, name: str) -> dict[str, Any]:
        """The one connection of a name."""
        (found,) = self.named(name)
        return found


@dataclass
class FastClock:
    """The machine's time, except that nobody waits: a sleep is noted and has passed."""

    slept: list[float] = field(default_factory=list)
    _ahead: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._ahead += seconds

    def clock(self) -> Clock:
        return Clock(lambda: time.monotonic() + self._ahead, self.sleep, lambda: time.time() + self._ahead)


def inputs(
    group: str, schema: str = "stripe", *, service: str = "stripe", adopt: Adopt | None = None, **config: Any
) -> dict[str, Any]:
    """The inputs of a unit's connection as the engine hands them over. Keywords are further config."""
    auth, config = config.pop("auth", {}), {"api_key": KEY, **config}
    connector = Connector(service, DestinationSchema(schema=schema), config=config, auth=auth, adopt=adopt)
    unit = Unit(schema, f"connectors/dev/{schema}.yaml", "d", ("owner@example.com",), connector)
    said = {**wire.inputs(unit, connector), "group_id": group, "__provider": "gASVJQAAAAAAAAC"}
    return {key: as_engine(value) for key, value in said.items()}


def as_engine(value: Any) -> Any:
    """What the engine's wire format makes of JSON: every number a float, and no null in a mapping."""
    if isinstance(value, dict):
        return {key: as_engine(node) for key, node in value.items() if node is not None}
    if isinstance(value, list):
        return [as_engine(node) for node in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def failure(operation: Callable[..., Any], *arguments: Any) -> str:
    """The text of the error with which an operation ends."""
    with pytest.raises(Failed) as caught:
        operation(*arguments)
    return str(caught.value)
