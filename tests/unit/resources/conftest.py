"""The providers in this process, as the engine's plugin process has them, against a local Fivetran."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from reconciler.fivetran.api import FivetranClient, Timeouts
from reconciler.resources.run.run import run
from reconciler.resources.run.setup_tests import DEADLINE_VARIABLE
from reconciler.secrets import values_to_mask
from simulator.process import Simulators

from .account import CANARY, FastClock, Fivetran, settle
from .stack import Stack


@pytest.fixture
def fivetran(simulators: Simulators, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fivetran]:
    """An account with a group, its address and key in the environment, and a value for the key that units name."""
    for name, value in {**simulators.environment, "STRIPE_KEY": CANARY}.items():
        monkeypatch.setenv(name, value)
    for name in ("RECONCILER_REMOVALS", "RECONCILER_TODAY", DEADLINE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    with closing(Fivetran(simulators.admin_url)) as account:
        account.set_up()
        # What real clients send beyond the API's document, ours does not.
        account.options(old_paths=False, enabled_in_schema_change="required")
        yield account
        account.reset()


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    """A process that has resolved no reference yet."""
    values_to_mask.forget_values()
    values_to_mask.remember_declared([])
    yield
    values_to_mask.forget_values()


@pytest.fixture
def stack(fivetran: Fivetran, new_run) -> Stack:
    """A unit of which state holds nothing yet."""
    return Stack(fivetran.group)


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def new_run(clock: FastClock, fivetran: Fivetran) -> Iterator[Callable[..., None]]:
    """Begin a run: a new plugin process, which knows nothing. The first has begun already."""
    clients: list[FivetranClient] = []

    def begin(timeouts: Timeouts | None = None) -> None:
        def connect() -> FivetranClient:
            clients.append(FivetranClient.from_environment(timeouts=timeouts, clock=clock.clock()))
            return clients[-1]

        run.start(connect, clock.sleep)

    begin()
    yield begin
    fivetran.forget_faults()  # lets go of what they hold
    settle()
    run.start()
    for client in clients:
        client.close()
