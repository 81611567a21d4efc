"""The web application of the API, under `/v1`, and the one of its admin side, to be mounted elsewhere."""

from __future__ import annotations

from aiohttp import web

from simulator.secret_manager import routes
from simulator.secret_manager.admin import build_admin
from simulator.secret_manager.faults import Faults
from simulator.secret_manager.state import Store
from simulator.secret_manager.transport import FAULTS, LOG, MIDDLEWARES, VAULT, RequestLog
from simulator.secret_manager.vault import Vault


def build_apps(store: Store | None = None) -> tuple[web.Application, web.Application]:
    """The API and its admin side, on one store; an empty one when none is given. Served by one event loop."""
    app = web.Application(middlewares=MIDDLEWARES)
    app[VAULT] = Vault(store if store is not None else Store())
    app[FAULTS] = Faults()
    app[LOG] = RequestLog()
    routes.add(app)
    return app, build_admin(app[VAULT], app[FAULTS], app[LOG])
