"""One environment with units of many services, through the real engine.

A fifth of the catalogue, so that the test stays short; `tests/unit/resources/test_every_service.py` has all of it.
"""

from __future__ import annotations

import itertools

from admin import Admin
from tests.every_service import VARIABLE, awaiting, full
from workspace import Workspace, hashing

from benching.reasons import REASONS

#: What a drift check asks once, however many units there are.
ONCE = {
    "GET /v1/groups/{group_id}": 1,
    "GET /v1/destinations/{destination_id}": 2,  # as it is, and whether it works
    "GET /v1/groups/{group_id}/service-account": 1,
    "GET /v1/connections": 1,
}
#: The state is written once, at the end, and not after each of hundreds of steps, which took half of the time.
WITHOUT_CHECKPOINTS = {
    "PULUMI_EXPERIMENTAL": "1",
    "PULUMI_SKIP_CHECKPOINTS": "true",
    "RECONCILER_STATE_IS_DISPOSABLE": "true",
}


def test_fresh_up_shows_no_drift_and_looking_costs_a_read_a_unit_and_sync(workspace: Workspace, admin: Admin):
    every = list(full())
    units = [each for number, each in enumerate(every) if number % 5 == 0 or each.name == "stripe"]
    units += itertools.islice(awaiting(), 3)
    admin.options(package_use="unchecked")  # the packages of the Connector SDK are made up
    workspace.env[VARIABLE] = "canary_every_4711"
    for unit in units:
        file = unit.as_unit()
        if unit.name == "stripe":
            file["connector"]["sync"] = hashing("stripe")
        workspace.write(unit.name, file)
    workspace.up(**WITHOUT_CHECKPOINTS).ok()
    outcomes = {name: outputs["outcome"] for name, outputs in workspace.outputs()["units"].items()}
    assert outcomes == {unit.name: "awaiting" if unit.awaits else "connected" for unit in units}
    admin.forget_requests()
    workspace.preview("--expect-no-changes").ok()
    assert admin.requests() == []

    workspace.preview("--refresh", "--expect-no-changes").ok()
    of_each = {
        "GET /v1/connections/{connection_id}": len(units),
        "GET /v1/connections/{connection_id}/schemas": 1,  # of the one with `sync`
    }
    assert admin.counts() == {**ONCE, **of_each}
    assert set(admin.counts()) == set(REASONS["drift check"]), "the benchmark gives a reason for each"
