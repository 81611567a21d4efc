"""Fixtures of the simulator's tests."""

from collections.abc import Iterator

import pytest

from simulator.process import Simulators

from .fivetran_account import Account, Loop
from .fivetran_shop import create_shop
from .google_engine import Engine


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.stop()


@pytest.fixture
def account(loop: Loop) -> Iterator[Account]:
    """A fresh local Fivetran on a port of its own."""
    with loop.account() as account:
        yield account


@pytest.fixture
def shop(account: Account) -> str:
    """A paused, connected database; see `fivetran_shop`."""
    return create_shop(account)


@pytest.fixture
def engine(simulators: Simulators) -> Iterator[Engine]:
    """An engine connected to an empty local Google Cloud."""
    engine = Engine(simulators.gcp_port, simulators.admin_url)
    engine.admin("POST", "/reset")
    yield engine
    engine.close()
