"""The simulated routes: account, metadata, groups and destinations.

`ROUTES` of other modules are added here.
"""

from __future__ import annotations

from aiohttp import web

from simulator.fivetran import (
    access_routes,
    connection_routes,
    destinations,
    groups,
    metadata,
    package_routes,
    rendering,
    schema_routes,
    setup_tests,
    trust_routes,
)
from simulator.fivetran.errors import not_found
from simulator.fivetran.paging import listing
from simulator.fivetran.transport import STATE, add_route, body, credential, optional_body, success


async def account_info(request: web.Request) -> web.Response:
    """`GET /v1/account/info`."""
    options, who = request.app[STATE].options, credential(request)
    owner = {"user_id" if who.kind == "user" else "system_key_id": who.owner}
    data = {"account_id": options.account_id, "account_name": options.account_name, **owner}
    return success("Account information retrieved successfully", data)


async def list_connector_types(request: web.Request) -> web.Response:
    """`GET /v1/metadata/connector-types`."""
    services = sorted(request.app[STATE].catalogue.connections.values(), key=lambda service: service.id)
    return listing(request, "Connectors list retrieved successfully", services, metadata.summary)


async def connector_type(request: web.Request) -> web.Response:
    """`GET /v1/metadata/connector-types/{service}`."""
    service_id = request.match_info["service"]
    service = request.app[STATE].catalogue.connections.get(service_id)
    if service is None:
        raise not_found("NotFound", f"Connector type '{service_id}' not found")
    return success("Connector configuration retrieved successfully", metadata.details(service))


async def list_groups(request: web.Request) -> web.Response:
    """`GET /v1/groups`."""
    items = list(request.app[STATE].groups.values())
    return listing(request, "Groups list retrieved successfully", items, rendering.group)


async def create_group(request: web.Request) -> web.Response:
    """`POST /v1/groups`."""
    group = groups.create(request.app[STATE], body(request), credential(request))
    return success("Group has been created", rendering.group(group), status=201)


async def get_group(request: web.Request) -> web.Response:
    """`GET /v1/groups/{group_id}`."""
    group = groups.find(request.app[STATE], request.match_info["group_id"])
    return success("Group details retrieved successfully", rendering.group(group))


async def change_group(request: web.Request) -> web.Response:
    """`PATCH /v1/groups/{group_id}`."""
    group = groups.rename(request.app[STATE], request.match_info["group_id"], body(request))
    return success("Group has been updated", rendering.group(group))


async def delete_group(request: web.Request) -> web.Response:
    """`DELETE /v1/groups/{group_id}`."""
    group_id = request.match_info["group_id"]
    groups.delete(request.app[STATE], group_id)
    return success(f"Group with id '{group_id}' has been deleted")


async def list_group_connections(request: web.Request) -> web.Response:
    """`GET /v1/groups/{group_id}/connections`."""
    state = request.app[STATE]
    group = groups.find(state, request.match_info["group_id"])
    name = request.query.get("schema")
    found = state.connections_in(group.id) if name is None else state.connections_named(group.id, name)
    return listing(
        request,
        "Group connections retrieved successfully",
        list(found),
        lambda item: rendering.connection_item(state, item),
    )


async def group_service_account(request: web.Request) -> web.Response:
    """`GET /v1/groups/{group_id}/service-account`."""
    state = request.app[STATE]
    group = groups.find(state, request.match_info["group_id"])
    data = {"service_account": groups.service_account(state, group.id)}
    return success("Group service account retrieved successfully", data)


async def group_public_key(request: web.Request) -> web.Response:
    """`GET /v1/groups/{group_id}/public-key`."""
    group = groups.find(request.app[STATE], request.match_info["group_id"])
    return success("Group SSH public key retrieved successfully", {"public_key": groups.public_key(group.id)})


async def list_destinations(request: web.Request) -> web.Response:
    """`GET /v1/destinations`."""
    state = request.app[STATE]
    return listing(
        request,
        "Destinations list retrieved successfully",
        list(state.destinations.values()),
        lambda item: rendering.destination_item(state, item),
    )


async def create_destination(request: web.Request) -> web.Response:
    """`POST /v1/destinations`."""
    state = request.app[STATE]
    destination, wants_tests = destinations.create(state, body(request))
    if wants_tests:
        await setup_tests.run_on_destination(state, destination)
    return success("Destination has been created", rendering.destination(state, destination), status=201)


async def get_destination(request: web.Request) -> web.Response:
    """`GET /v1/destinations/{destination_id}`."""
    state = request.app[STATE]
    destination = destinations.find(state, request.match_info["destination_id"])
    return success("Destination details retrieved successfully", rendering.destination(state, destination))


async def change_destination(request: web.Request) -> web.Response:
    """`PATCH /v1/destinations/{destination_id}`."""
    state = request.app[STATE]
    destination, wants_tests = destinations.change(state, request.match_info["destination_id"], body(request))
    if wants_tests:
        await setup_tests.run_on_destination(state, destination)
    return success("Destination has been updated", rendering.destination(state, destination))


async def delete_destination(request: web.Request) -> web.Response:
    """`DELETE /v1/destinations/{destination_id}`."""
    destination_id = request.match_info["destination_id"]
    destinations.delete(request.app[STATE], destination_id)
    return success(f"Destination with id '{destination_id}' has been deleted")


async def test_destination(request: web.Request) -> web.Response:
    """`POST /v1/destinations/{destination_id}/test`."""
    state = request.app[STATE]
    destination = destinations.prepare_test(state, request.match_info["destination_id"], optional_body(request))
    await setup_tests.run_on_destination(state, destination)
    return success("Setup tests have been completed", rendering.destination(state, destination))


def old_path(path: str) -> str | None:
    """Return the name of a connection route until 2025; None for other routes.

    An option makes it answer 404.
    """
    for now in ("/v1/connections", "/v1/groups/{group_id}/connections"):
        if path == now or path.startswith(f"{now}/"):
            return path.replace("/connections", "/connectors", 1)
    return None


def add(app: web.Application) -> None:
    """Add every simulated route to the application."""
    routes = (
        ("GET", "/v1/account/info", account_info),
        ("GET", "/v1/metadata/connector-types", list_connector_types),
        ("GET", "/v1/metadata/connector-types/{service}", connector_type),
        ("GET", "/v1/groups", list_groups),
        ("POST", "/v1/groups", create_group),
        ("GET", "/v1/groups/{group_id}", get_group),
        ("PATCH", "/v1/groups/{group_id}", change_group),
        ("DELETE", "/v1/groups/{group_id}", delete_group),
        ("GET", "/v1/groups/{group_id}/connections", list_group_connections),
        ("GET", "/v1/groups/{group_id}/service-account", group_service_account),
        ("GET", "/v1/groups/{group_id}/public-key", group_public_key),
        ("GET", "/v1/destinations", list_destinations),
        ("POST", "/v1/destinations", create_destination),
        ("GET", "/v1/destinations/{destination_id}", get_destination),
        ("PATCH", "/v1/destinations/{destination_id}", change_destination),
        ("DELETE", "/v1/destinations/{destination_id}", delete_destination),
        ("POST", "/v1/destinations/{destination_id}/test", test_destination),
        *access_routes.ROUTES,
        *connection_routes.ROUTES,
        *schema_routes.ROUTES,
        *package_routes.ROUTES,
        *trust_routes.ROUTES,
    )
    for method, path, handler in routes:
        add_route(app, method, path, handler)
        if (old := old_path(path)) is not None:
            add_route(app, method, old, handler)
