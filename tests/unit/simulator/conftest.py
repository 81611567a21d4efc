"""Fixtures of the simulator's tests."""

from collections.abc import Iterator

import pytest

from .fivetran_account import Account, Loop


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
