"""The web application of the API, under `/v1`, and that of the admin API, to mount elsewhere."""

from __future__ import annotations

from aiohttp import web

from simulator.secret_manager import routes
from simulator.secret_manager.admin import build_admin
from simulator.secret_manager.faults import Faults
from simulator.secret_manager.state import Store
from simulator.secret_manager.transport import FAULTS, LOG, MIDDLEWARES, VAULT, RequestLog
from simulator.secret_manager.vault import Vault


def build_apps(store: Store | None = None) -> tuple[web.Application, web.Application]:
    """Create both applications on this store, or on an empty one. One event loop must serve them."""
    app = web.Application(middlewares=MIDDLEWARES)
    app[VAULT] = Vault(store if store is not None else Store())
    app[FAULTS] = Faults()
    app[LOG] = RequestLog()
    routes.add(app)
    return app, build_admin(app[VAULT], app[FAULTS], app[LOG])
