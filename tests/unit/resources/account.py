"""What the provider's tests share: the account from outside, a clock, and inputs as the engine hands them over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.engine.admin import Admin

from reconciler.fivetran.api import Clock
from reconciler.model import (
    Adopt,
    AirflowSchedule,
    Awaiting,
    Connector,
    DestinationSchema,
    FivetranSchedule,
    Sync,
    Unit,
)
from reconciler.resources.activation import resource
from reconciler.resources.connection import api_fields
from reconciler.resources.operation import Failed
from reconciler.resources.run.setup_tests import THREAD_NAME

FILE = "connectors/dev/stripe.yaml"

#: What the key's variable holds; it may be seen nowhere but in Fivetran.
CANARY = "sk_live_canary_4711"
KEY = {"env": "STRIPE_KEY", "version": 1}

BY_AIRFLOW = AirflowSchedule("fivetran_stripe")

#: What a setup test that fails says.
BAD_TEST = {"title": "Validate Login", "status": "FAILED", "message": "Invalid API key"}

#: What a request may meet that the next attempt, or a look, gets over.
TROUBLE: list[dict[str, Any]] = [
    {"kind": "drop_request"},
    {"kind": "drop_reply"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "when": "after", "count": 3},
    {"kind": "html", "when": "after"},
    {"kind": "too_many_requests", "retry_after": 2},
]
with_each_fault = pytest.mark.parametrize(
    "fault", TROUBLE, ids=lambda fault: f"{fault['kind']} {fault.get('when', '')}"
)


class Fivetran(Admin):
    """The account, from outside, with one group `Group_Dev` and its destination."""

    group: str = ""

    def set_up(self) -> None:
        self.reset()
        self.group = self.make_group("Group_Dev")
        config = {"project_id": "dev-project", "data_set_location": "US"}
        self.make_destination(self.group, config=config)

    def make_group(self, name: str) -> str:
        """A person creates a group; return its id."""
        return str(self._call("POST", "/groups", {"name": name})["id"])

    def make_destination(self, id_: str, **fields: Any) -> None:
        """A person creates a group's destination."""
        self._call("POST", "/destinations", {"id": id_, **fields})

    def remove_destination(self, id_: str) -> None:
        """A person deletes a destination."""
        self._call("DELETE", f"/destinations/{id_}")

    def by_hand(self, key: str = CANARY, schema: str = "stripe", **fields: Any) -> str:
        """A person creates a Stripe connection that works; return its id."""
        config = {"schema": schema, "api_key": key, **fields.pop("config", {})}
        made = self.make(**{"group_id": self.group, "service": "stripe", "config": config, **fields})
        return str(made["id"])

    def set_source(self, target: str, definition: dict[str, Any]) -> None:
        """What a connection, or each of a service, reads from."""
        self._call("PUT", f"/sources/{target}", definition)

    def change_source(self, target: str, changes: dict[str, Any]) -> None:
        """Something comes to a source, or leaves it."""
        self._call("PATCH", f"/sources/{target}", changes)

    def named(self, name: str) -> list[dict[str, Any]]:
        """The connections of a name, oldest first, secrets shown."""
        return [each for each in self.snapshot(secrets=True)["connections"] if each["name"] == name]

    def the(self, name: str) -> dict[str, Any]:
        """The one connection of a name."""
        (found,) = self.named(name)
        return found


@dataclass
class FastClock:
    """The machine's time, except that no test waits: a sleep is recorded and has passed."""

    slept: list[float] = field(default_factory=list)
    _ahead: float = 0.0
    _wrong: float = 0.0
    """By how much the machine's time is wrong."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._ahead += seconds

    def clock(self) -> Clock:
        return Clock(
            lambda: time.monotonic() + self._ahead, self.sleep, lambda: time.time() + self._ahead + self._wrong
        )


def unit(
    schema: str = "stripe",
    *,
    service: str = "stripe",
    schedule: AirflowSchedule | FivetranSchedule | None = None,
    paused: str | None = None,
    ended: bool = False,
    awaiting: Awaiting | None = None,
    needs_consent: bool = False,
    adopt: Adopt | None = None,
    sync: Sync | None = None,
    auth: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    **config: Any,
) -> Unit:
    """A unit as its file declares it. Other keywords are config, beside the key; what is None is left out."""
    values: dict[str, Any] = {"api_key": KEY, **config}
    connector = Connector(
        service,
        DestinationSchema(schema=schema),
        config={key: value for key, value in values.items() if value is not None},
        auth=auth or {},
        settings=settings or {},
        schedule=schedule or FivetranSchedule(),
        paused=paused,
        ended=ended,
        awaiting=awaiting,
        needs_consent=needs_consent,
        adopt=adopt,
        sync=sync,
    )
    return Unit(schema, f"connectors/dev/{schema}.yaml", "d", ("owner@example.com",), connector)


def connection_inputs(declared: Unit, group: str) -> dict[str, Any]:
    """The inputs of a unit's connection as the engine hands them over."""
    assert declared.connector is not None
    pending = {"pending": True} if declared.connector.is_pending else {}
    return _handed_over({**api_fields.inputs(declared, declared.connector), **pending, "group_id": group})


def activation_inputs(declared: Unit, group: str, connection_id: str, revision: int) -> dict[str, Any]:
    """The inputs of a unit's activation as the engine hands them over."""
    assert declared.connector is not None
    others = {"group_id": group, "connection_id": connection_id, "revision": revision}
    return _handed_over({**resource.declared(declared, declared.connector), **others})


def inputs(group: str, schema: str = "stripe", **fields: Any) -> dict[str, Any]:
    """The inputs of a connection. Keywords are those of `unit`."""
    return connection_inputs(unit(schema, **fields), group)


def state(group: str, schema: str = "stripe", *, revision: int = 1, **fields: Any) -> dict[str, Any]:
    """What state holds of a connection."""
    return {**inputs(group, schema, **fields), "revision": float(revision)}


def _handed_over(props: dict[str, Any]) -> dict[str, Any]:
    return dict(as_engine({**props, "__provider": "gASVJQAAAAAAAAC"}))


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


def settle() -> None:
    """Return when no setup tests are under way in this process."""
    for thread in threading.enumerate():
        if thread.name.startswith(THREAD_NAME):
            thread.join(timeout=60)
            assert not thread.is_alive(), "setup tests that never end"


class InBackground:
    """Something that another thread does meanwhile."""

    def __init__(self, does: Callable[[], Any]) -> None:
        self._results: list[Any] = []
        self._thread = threading.Thread(target=lambda: self._results.append(does()))
        self._thread.start()

    def result(self) -> Any:
        """What came of it; waits."""
        self._thread.join(timeout=60)
        assert self._results, "it came to no end"
        return self._results[0]
