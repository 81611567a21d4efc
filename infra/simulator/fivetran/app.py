"""The web application: the API under `/v1`, the admin API under `/_admin`."""

from __future__ import annotations

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
    routes.add(app)
    unsimulated.add(app)
    admin.add(app)
    app.on_shutdown.append(hang_up_on_shutdown)
    return app
