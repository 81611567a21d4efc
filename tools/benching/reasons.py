"""Why each command calls Fivetran: a call without a reason ends the benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benching.measuring import Measured

#: Why each command makes each call.
REASONS: Mapping[str, Mapping[str, str]] = {
    "first up": {
        "GET /v1/account/info": "whose key it is: what that user creates is ours",
        "GET /v1/groups": "does the group exist: for new units, before its create and after it",
        "POST /v1/groups": "the group",
        "GET /v1/destinations/{destination_id}": "does the destination exist, and does it work",
        "POST /v1/destinations": "the destination",
        "POST /v1/destinations/{destination_id}/test": "its setup tests, once Fivetran's account has its role",
        "GET /v1/groups/{group_id}/service-account": "who writes the datasets",
        "GET /v1/connections": "one for the group, and one per create: has another process created the same connection",
        "POST /v1/connections": "one per unit: created paused, untested",
        "POST /v1/connections/{connection_id}/test": "one per unit: the setup tests",
        "POST /v1/connections/{connection_id}/schemas/reload": "one per `sync`: the schemas of the source",
        "GET /v1/connections/{connection_id}/schemas/{schema}/tables/{table}/columns": (
            "one per table with a hashed or excluded column: does the column exist"
        ),
        "PATCH /v1/connections/{connection_id}/schemas": "one per `sync`: the whole selection",
        "GET /v1/connections/{connection_id}/schemas": "one per `sync`: read back before the first sync",
        "PATCH /v1/connections/{connection_id}": "one per unit: its schedule, and its start",
    },
    "no-op preview": {},
    "one field": {"PATCH /v1/connections/{connection_id}": "the change only"},
    "drift check": {
        "GET /v1/groups/{group_id}": "is the group there",
        "GET /v1/destinations/{destination_id}": "two: the destination's settings, and whether it works",
        "GET /v1/groups/{group_id}/service-account": "who writes the datasets",
        "GET /v1/connections": "one per 1,000 connections: the connections of the group",
        "GET /v1/connections/{connection_id}": "one per unit, because Fivetran's lists have no config",
        "GET /v1/connections/{connection_id}/schemas": "one per `sync`: the selection",
    },
}


class UnknownCall(Exception):
    """A command made a call that has no reason."""


def explain_calls(measured: Measured, units: int) -> Iterator[str]:
    """Format the number of calls per route with their reasons.

    Raises:
        UnknownCall: A route has no reason.
    """
    reasons = REASONS.get(measured.title, {})
    for route, count in sorted(measured.calls.items()):
        if route not in reasons:
            raise UnknownCall(f"{measured.title} asks {count} times without a known reason: {route}")
        yield f"{count:>6} {route}: {reasons[route]}"
    if measured.calls:
        yield f"{sum(measured.calls.values()) / units:>6.2f} a unit"
