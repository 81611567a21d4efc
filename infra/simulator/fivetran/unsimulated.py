"""Routes of the real API that are not simulated: each answers 501.

Without this list, an unknown path and a missing simulation would get the same answer.
"""

from __future__ import annotations

from aiohttp import web

from simulator.fivetran.errors import not_simulated
from simulator.fivetran.transport import add_route

_ROUTES = """
    /public/connector-types GET
    /v1/certificates POST
    /v1/connections/{connection_id}/schemas/drop-columns POST
    /v1/connections/{connection_id}/schemas/{schema_name}/tables/{table_name}/columns/{column_name} DELETE
    /v1/external-logging GET POST
    /v1/external-logging/account GET POST DELETE PATCH
    /v1/external-logging/{log_id} GET DELETE PATCH
    /v1/external-logging/{log_id}/test POST
    /v1/external-secrets-managers GET POST
    /v1/external-secrets-managers-entities GET
    /v1/external-secrets-managers/{esm_id} GET DELETE PATCH
    /v1/external-secrets-managers/{esm_id}/entities GET
    /v1/hvr/register-hub POST
    /v1/hybrid-deployment-agents GET POST
    /v1/hybrid-deployment-agents/{agent_id} GET DELETE
    /v1/hybrid-deployment-agents/{agent_id}/re-auth PATCH
    /v1/hybrid-deployment-agents/{agent_id}/reset-credentials POST
    /v1/private-links GET POST
    /v1/private-links/{private_link_id} GET DELETE PATCH
    /v1/proxy GET POST
    /v1/proxy/{agent_id} GET DELETE
    /v1/proxy/{agent_id}/connections GET
    /v1/proxy/{agent_id}/regenerate-secrets POST
    /v1/system-keys POST
    /v1/system-keys/{key_id} DELETE PATCH
    /v1/system-keys/{key_id}/rotate POST
    /v1/teams/{team_id}/connections GET POST
    /v1/teams/{team_id}/connections/{connection_id} GET DELETE PATCH
    /v1/transformation-projects GET POST
    /v1/transformation-projects/{project_id} GET DELETE PATCH
    /v1/transformation-projects/{project_id}/test POST
    /v1/transformations GET POST
    /v1/transformations/package-metadata GET
    /v1/transformations/package-metadata/{package_definition_id} GET
    /v1/transformations/{transformation_id} GET DELETE PATCH
    /v1/transformations/{transformation_id}/cancel POST
    /v1/transformations/{transformation_id}/run POST
    /v1/transformations/{transformation_id}/upgrade POST
    /v1/users/{user_id}/connections GET POST
    /v1/users/{user_id}/connections/{connection_id} GET DELETE PATCH
    /v1/webhooks GET
    /v1/webhooks/account POST
    /v1/webhooks/group/{group_id} POST
    /v1/webhooks/{webhook_id} GET DELETE PATCH
    /v1/webhooks/{webhook_id}/test POST
"""


async def reject(request: web.Request) -> web.Response:
    """Answer every route of the list with 501."""
    raise not_simulated(f"{request.method} {request.path}")


def add(app: web.Application) -> None:
    """Add the routes of the list to the application."""
    for line in _ROUTES.split("\n"):
        path, *methods = line.split() or [""]
        for method in methods:
            add_route(app, method, path, reject)
