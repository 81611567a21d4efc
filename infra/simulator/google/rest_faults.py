"""Latency and faults of Google's HTTP APIs, like those of the provider protocol in `provider`.

A fault's gRPC code becomes the HTTP status in Google's API guide (AIP-193).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from simulator.google.errors import ApiError
from simulator.google.faults import Call, Faults, Rule

#: BigQuery's reasons and HTTP statuses by gRPC code; other codes are an internal error.
FAULTS: Mapping[str, tuple[int, str]] = {
    "INVALID_ARGUMENT": (400, "invalid"),
    "UNAUTHENTICATED": (401, "authError"),
    "PERMISSION_DENIED": (403, "accessDenied"),
    "NOT_FOUND": (404, "notFound"),
    "FAILED_PRECONDITION": (412, "conditionNotMet"),
    "RESOURCE_EXHAUSTED": (429, "rateLimitExceeded"),
    "UNAVAILABLE": (503, "backendError"),
}


@dataclass
class RestFaults:
    """The active faults, and the latency of every call."""

    faults: Faults
    latency_ms: int = 0

    async def answer(
        self, request: web.Request, kind: str, target: str, effect: Callable[[], web.StreamResponse]
    ) -> web.StreamResponse:
        """Run a call. `effect` never waits, so calls do not interleave. Raises `ApiError` for a fault.

        A lost answer is a connection that is closed without an answer.
        """
        rule = self.faults.hit(Call(request.method, kind, target))
        await asyncio.sleep(self.latency_ms / 1000)
        if rule is not None:
            await rule.wait()
            if not rule.after:
                _fail(rule)
        response = effect()
        if rule is not None and rule.then is not None:
            rule.then()
        if rule is not None and rule.after:
            _fail(rule)
            if request.transport is not None:
                request.transport.close()
        return response


def _fail(rule: Rule) -> None:
    if rule.error is not None:
        status, reason = FAULTS.get(rule.code, (500, "internalError"))
        raise ApiError(status, rule.error, reason)
