"""The web application: the API under `/v1`, the admin side under `/_admin`."""

from __future__ import annotations

from aiohttp import web

from simulator.fivetran import admin, routes, unsimulated
from simulator.fivetran.faults import Faults
from simulator.fivetran.request_log import RequestLog
from simulator.fivetran.state import FivetranState
from simulator.fivetran.transport import FAULTS, LOG, MIDDLEWARES, STATE, hang_up_on_shutdown


def build_app(state: FivetranState | None = None) -> web.Application:
    """A local Fivetran that remembers what it is told in `state`; a fresh account when none is given.

    To be served by one event loop. Options, credentials and clocks are the state's; what the admin side offers is in
    `admin`'s docstring.
    """
    app = web.Application(middlewares=MIDDLEWARES)
    app[STATE] = state if state is not None else FivetranState()
    app[FAULTS] = Faults()
    app[LOG] = RequestLog()
    routes.add(app)
    unsimulated.add(app)
    admin.add(app)
    app.on_shutdown.append(hang_up_on_shutdown)
    return app
