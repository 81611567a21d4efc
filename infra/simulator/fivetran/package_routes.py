"""The simulated routes of Connector SDK packages."""

from __future__ import annotations

import asyncio

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol

from simulator.fivetran import packages
from simulator.fivetran.errors import invalid
from simulator.fivetran.paging import listing
from simulator.fivetran.transport import STATE, credential, success


async def list_packages(request: web.Request) -> web.Response:
    """`GET /v1/connector-sdk/packages`."""
    state = request.app[STATE]
    message = "Connector SDK packages retrieved successfully"
    return listing(request, message, list(state.packages.values()), lambda item: packages.shown(state, item))


async def create_package(request: web.Request) -> web.Response:
    """`POST /v1/connector-sdk/packages`."""
    state = request.app[STATE]
    package = packages.create(state, await _file(request), credential(request).owner)
    return success("Package created successfully", packages.shown(state, package), status=201)


async def get_package(request: web.Request) -> web.Response:
    """`GET /v1/connector-sdk/packages/{package_id}`."""
    state = request.app[STATE]
    package = packages.find(state, request.match_info["package_id"])
    return success("Connector SDK package details retrieved successfully", packages.shown(state, package))


async def change_package(request: web.Request) -> web.Response:
    """`PATCH /v1/connector-sdk/packages/{package_id}`."""
    state, package_id = request.app[STATE], request.match_info["package_id"]
    package = packages.change(state, package_id, await _file(request), credential(request).owner)
    return success("Package updated successfully", packages.shown(state, package))


async def delete_package(request: web.Request) -> web.Response:
    """`DELETE /v1/connector-sdk/packages/{package_id}`."""
    packages.delete(request.app[STATE], request.match_info["package_id"])
    return success("Package deleted successfully")


async def download_package(request: web.Request) -> web.Response:
    """`GET /v1/connector-sdk/packages/{package_id}/download`."""
    package = packages.find(request.app[STATE], request.match_info["package_id"])
    return web.Response(body=package.content, content_type="application/octet-stream")


async def _file(request: web.Request) -> bytes | None:
    """Return the part `file` of the form; None without one."""
    if request.content_type != "multipart/form-data":
        return None
    loop = asyncio.get_running_loop()
    stream = StreamReader(
        BaseProtocol(loop), 2**20, loop=loop
    )  # The body is read already, so multipart() cannot be used.
    stream.feed_data(await request.read())
    stream.feed_eof()
    try:
        async for part in MultipartReader(request.headers, stream):
            if isinstance(part, BodyPartReader) and part.name == "file":
                return bytes(await part.read())
    except ValueError:
        raise invalid("Request body is not valid multipart/form-data") from None
    return None


_PACKAGES = "/v1/connector-sdk/packages"

ROUTES = (
    ("GET", _PACKAGES, list_packages),
    ("POST", _PACKAGES, create_package),
    ("GET", f"{_PACKAGES}/{{package_id}}", get_package),
    ("PATCH", f"{_PACKAGES}/{{package_id}}", change_package),
    ("DELETE", f"{_PACKAGES}/{{package_id}}", delete_package),
    ("GET", f"{_PACKAGES}/{{package_id}}/download", download_package),
)
