"""The admin API, under `/_admin` on the same port, without authentication.

For tests and demonstrations.

Bodies and answers are JSON; an impossible request answers 400 `{"error": …}`. Faults do not apply to admin requests.
These are not logged, and count against no quota.

- `GET  /_admin/snapshot[?secrets=true]`: all groups, destinations and connections, with `config` as it arrived, and
  `effective` as syncs use it. Secret values are masked without `secrets=true`.
- `POST /_admin/reset`: delete every object, script, fault, logged request and used quota. Options, credentials and
  registered services stay. `POST /_admin/reset-all` does so in all local services but Cloud Storage and GitHub, and
  sets the options with which they began.
- `GET  /_admin/requests[?since=N]`: the requests after number N: method, route, path, query, status (0: no answer),
  names of the body's keys. `GET /_admin/requests/counts`: the number of requests per route. `DELETE` deletes them.
- `GET, POST, DELETE /_admin/faults`: list, add (see `faults`), remove all. `DELETE /_admin/faults/{id}` removes one.
  `POST /_admin/faults/{id}/release`, with `{"drop": true}` to close: let held requests go.
- `GET, PATCH /_admin/options`: see `options.Options`; a change applies from the next request on.
- `GET, POST, DELETE /_admin/setup-tests`: list, add, remove all scripts for setup tests: `{"target": id or name,
  "runs": N or null, "results": […], "accepts": {"api_key": "…"}, "seconds": S}`, see `state.TestScript`.
- `POST /_admin/groups`, `POST /_admin/destinations`, `POST /_admin/connections`: create by hand, see `by_hand`.
- `PATCH, DELETE /_admin/destinations/{id}`, `PATCH, DELETE /_admin/connections/{id or name}`: change by hand any
  field, `config`, `auth`, `paused`, `sync_frequency`, `setup_state`, `succeeded_at`, `consented` (authorised) …
- `POST /_admin/connections/{id or name}/finish-sync`: end a running sync with success; `…/authorise`: a person
  authorises in the setup page, which runs the setup tests; with `{"token"}`, on the page of a connect card.
- `GET, PUT, PATCH, DELETE /_admin/sources/{target}`: the source, see `source`: of a connection (its id, or the name
  that it has or will have), or of all connections of a service. PATCH merges, and null removes. The next sync or reload
  finds additions.
- `PATCH /_admin/connections/{id or name}/schemas`: a person selects in the Schema tab, in the form of the API's
  request; `POST …/schemas/load`: a person opens the tab, which captures the source.
- `GET  /_admin/hosts`, `PUT, DELETE /_admin/hosts/{host}`: the certificates and key that a host presents, see `trust`.
- `PUT  /_admin/services/{service}`: register a connection service, defined as in the tables of `catalogue`.
- `POST /_admin/credentials`: `{"key", "secret", "kind", "read_only", "permissions"}` adds or replaces a key.
  `PATCH /_admin/credentials/{key}`: `{"expired": true}`, `{"read_only": true}`, `{"permissions": {"USER": "READ"}}`,
  `{"expires_at": "2027-01-01T00:00:00Z"}`; `DELETE` removes it.
- `GET  /_admin/access`: the users, the teams, and by group who has which role in it. `POST /_admin/users`:
  `{"email", "role", "verified"}` …: a user who accepted the invitation, unless `verified` is false;
  `PATCH, DELETE /_admin/users/{id or address}`. `POST /_admin/teams`: `{"name", "role", "users": [addresses]}`;
  `PATCH, DELETE /_admin/teams/{id or name}`. `PATCH /_admin/groups/{id or name}/access`:
  `{"user:ADDRESS": "View Destination", "team:NAME": null}` sets roles by hand, and null removes a member.
  `PUT /_admin/roles/{name}`: `{"scope": "DESTINATION"}` registers a custom role.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.fivetran import admin_access, admin_connections, by_hand
from simulator.fivetran.admin_request import Action, read_body
from simulator.fivetran.by_hand import ByHandError
from simulator.fivetran.catalogue import CatalogueError
from simulator.fivetran.faults import FaultError
from simulator.fivetran.options import OptionError
from simulator.fivetran.source import SourceError
from simulator.fivetran.state import Credential
from simulator.fivetran.transport import ADMIN, FAULTS, LOG, STATE


async def _snapshot(request: web.Request) -> Any:
    return by_hand.snapshot(request.app[STATE], secrets=request.query.get("secrets") == "true")


def reset(app: web.Application) -> None:
    """Delete every object, script, fault, logged request and used quota."""
    app[FAULTS].clear(drop=True)
    app[LOG].clear()
    app[STATE].clear()


async def _reset(request: web.Request) -> Any:
    reset(request.app)
    return {}


async def _requests(request: web.Request) -> Any:
    since = request.query.get("since", "0")
    if not since.isdigit():
        raise ByHandError("since is a whole number")
    return [entry.as_json() for entry in request.app[LOG].since(int(since))]


async def _request_counts(request: web.Request) -> Any:
    return request.app[LOG].counts()


async def _forget_requests(request: web.Request) -> Any:
    request.app[LOG].clear()
    return {}


async def _faults(request: web.Request) -> Any:
    return [fault.as_json() for fault in request.app[FAULTS]]


async def _add_fault(request: web.Request) -> Any:
    return request.app[FAULTS].add(await read_body(request)).as_json()


async def _remove_faults(request: web.Request) -> Any:
    request.app[FAULTS].clear()
    return {}


async def _remove_fault(request: web.Request) -> Any:
    request.app[FAULTS].remove(request.match_info["id"])
    return {}


async def _release_fault(request: web.Request) -> Any:
    fault = request.app[FAULTS].get(request.match_info["id"])
    fault.release(drop=(await read_body(request)).get("drop") is True)
    return fault.as_json()


async def _options(request: web.Request) -> Any:
    return request.app[STATE].options.as_json()


async def _change_options(request: web.Request) -> Any:
    options = request.app[STATE].options
    options.change(await read_body(request))
    return options.as_json()


async def _scripts(request: web.Request) -> Any:
    return [
        {"target": script.target, "runs": script.runs, "results": script.results, "seconds": script.seconds}
        | {"accepts": sorted(script.accepts)}
        for script in request.app[STATE].scripts
    ]


async def _add_script(request: web.Request) -> Any:
    by_hand.script_tests(request.app[STATE], await read_body(request))
    return {}


async def _remove_scripts(request: web.Request) -> Any:
    request.app[STATE].scripts.clear()
    return {}


async def _create_group(request: web.Request) -> Any:
    return {"id": by_hand.create_group(request.app[STATE], await read_body(request)).id}


async def _create_destination(request: web.Request) -> Any:
    return {"id": by_hand.create_destination(request.app[STATE], await read_body(request)).id}


async def _change_destination(request: web.Request) -> Any:
    state, destination_id = request.app[STATE], request.match_info["id"]
    if destination_id not in state.destinations:
        raise ByHandError(f"no destination {destination_id!r}")
    by_hand.change_destination(state.destinations[destination_id], await read_body(request))
    return {}


async def _delete_destination(request: web.Request) -> Any:
    request.app[STATE].destinations.pop(request.match_info["id"], None)
    return {}


async def _register_service(request: web.Request) -> Any:
    request.app[STATE].catalogue.register(request.match_info["service"], await read_body(request))
    return {}


async def _add_credential(request: web.Request) -> Any:
    try:
        credential = Credential(**await read_body(request))
    except TypeError:
        raise ByHandError("a credential has key, secret, kind, read_only and permissions") from None
    request.app[STATE].credentials[credential.key] = credential
    return {}


async def _change_credential(request: web.Request) -> Any:
    credential = request.app[STATE].credentials.get(request.match_info["key"])
    values = await read_body(request)
    if credential is None or not {"expired", "read_only", "permissions", "expires_at"} >= values.keys():
        raise ByHandError("of a known key expired, read_only, permissions and expires_at can be set")
    credential.expired = values.get("expired", credential.expired) is True
    credential.read_only = values.get("read_only", credential.read_only) is True
    credential.permissions = values.get("permissions", credential.permissions)
    credential.expires_at = values.get("expires_at", credential.expires_at)
    return {}


async def _remove_credential(request: web.Request) -> Any:
    request.app[STATE].credentials.pop(request.match_info["key"], None)
    return {}


def _answering(action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        try:
            return web.json_response(await action(request))
        except (ByHandError, CatalogueError, FaultError, OptionError, SourceError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return handler


def add(app: web.Application) -> None:
    """Add the admin routes to the application."""
    routes: tuple[tuple[str, str, Action], ...] = (
        ("GET", "/snapshot", _snapshot),
        ("POST", "/reset", _reset),
        ("GET", "/requests", _requests),
        ("GET", "/requests/counts", _request_counts),
        ("DELETE", "/requests", _forget_requests),
        ("GET", "/faults", _faults),
        ("POST", "/faults", _add_fault),
        ("DELETE", "/faults", _remove_faults),
        ("DELETE", "/faults/{id}", _remove_fault),
        ("POST", "/faults/{id}/release", _release_fault),
        ("GET", "/options", _options),
        ("PATCH", "/options", _change_options),
        ("GET", "/setup-tests", _scripts),
        ("POST", "/setup-tests", _add_script),
        ("DELETE", "/setup-tests", _remove_scripts),
        ("POST", "/groups", _create_group),
        ("POST", "/destinations", _create_destination),
        ("PATCH", "/destinations/{id}", _change_destination),
        ("DELETE", "/destinations/{id}", _delete_destination),
        *admin_access.ROUTES,
        *admin_connections.ROUTES,
        ("PUT", "/services/{service}", _register_service),
        ("POST", "/credentials", _add_credential),
        ("PATCH", "/credentials/{key}", _change_credential),
        ("DELETE", "/credentials/{key}", _remove_credential),
    )
    for method, path, action in routes:
        app.router.add_route(method, ADMIN + path, _answering(action))
