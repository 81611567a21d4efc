"""The web application: the API under `/v1`, the admin API under `/_admin`."""

from __future__ import annotations

from functools import cache

from aiohttp import web

from simulator.fivetran import admin, routes, unsimulated
from simulator.fivetran.faults import Faults
from simulator.fivetran.request_log import RequestLog
from simulator.fivetran.state import FivetranState
from simulator.fivetran.transport import FAULTS, LOG, MIDDLEWARES, STATE, hang_up_on_shutdown


def build_app(state: FivetranState | None = None) -> web.Application:
    """Create the application of a local Fivetran with this state, or with a new account.

    One event loop must serve it. Options, credentials and clocks are in the state. The docstring of `admin` describes
    the admin API.
    """
    app = web.Application(middlewares=MIDDLEWARES)
    app[STATE] = state if state is not None else FivetranState()
    app[FAULTS] = Faults()
    app[LOG] = RequestLog()
    for resource in _resources():
        app.router.register_resource(resource)
    app.on_shutdown.append(hang_up_on_shutdown)
    return app


@cache
def _resources() -> tuple[web.AbstractResource, ...]:
    """Create the routes, which know no application.

    Each test has one of its own, and 400 routes take 30 ms.
    """
    app = web.Application()
    for module in (routes, unsimulated, admin):
        module.add(app)
    return tuple(app.router.resources())
