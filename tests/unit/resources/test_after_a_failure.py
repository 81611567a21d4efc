"""What depends on a resource that failed in this run: its inputs lack the other's outputs.

The engine asks for its differences all the same, and leaves it alone then; an error would end the run of every unit.
"""

from __future__ import annotations

import pytest

from reconciler.resources.activation.resource import ActivationProvider
from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.destination.service_account import ServiceAccountProvider

from .account import Fivetran, activation_inputs, connection_inputs, unit
from .stack import Stack


@pytest.mark.parametrize("missing", ["revision", "connection_id"])
def test_activation_whose_connection_failed_differs(fivetran: Fivetran, stack: Stack, missing: str):
    stack.up(unit())
    news = activation_inputs(unit(), fivetran.group, stack.connection.id, revision=1)
    del news[missing]
    assert ActivationProvider().diff(stack.activation.id, stack.activation.state, news).changes


def test_connection_whose_destination_failed_is_not_one_that_moved(fivetran: Fivetran, stack: Stack):
    stack.up(unit())
    news = connection_inputs(unit(), fivetran.group)
    del news["group_id"]
    provider, olds = ConnectionProvider(), stack.connection.state
    assert provider.check(dict(olds), news).failures == []
    assert not provider.diff(stack.connection.id, dict(olds), news).replaces


def test_service_account_whose_destination_failed_differs():
    olds = {"file": "dev/environment.yaml", "group_id": "g"}
    assert ServiceAccountProvider().diff("a@example.com", olds, {"file": "dev/environment.yaml"}).changes
