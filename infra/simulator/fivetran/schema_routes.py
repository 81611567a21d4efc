"""The simulated routes of schema configs."""

from __future__ import annotations

from aiohttp import web

from simulator.fivetran import schemas
from simulator.fivetran.transport import STATE, body, optional_body, success


async def get_schemas(request: web.Request) -> web.Response:
    """`GET /v1/connections/{connection_id}/schemas`."""
    data = schemas.shown(request.app[STATE], request.match_info["connection_id"])
    return success("Schema configuration retrieved successfully", data)


async def create_schemas(request: web.Request) -> web.Response:
    """`POST /v1/connections/{connection_id}/schemas`."""
    data = schemas.send_ahead(request.app[STATE], request.match_info["connection_id"], body(request))
    return success("Schema configuration pre-created successfully", data)


async def change_schemas(request: web.Request) -> web.Response:
    """`PATCH /v1/connections/{connection_id}/schemas`."""
    data = await schemas.change(request.app[STATE], request.match_info["connection_id"], body(request))
    return success("Schema configuration has been modified", data)


async def change_schema(request: web.Request) -> web.Response:
    """`PATCH /v1/connections/{connection_id}/schemas/{schema_name}`."""
    return await _change(request, "Database schema configuration has been modified", "schemas")


async def change_table(request: web.Request) -> web.Response:
    """`PATCH …/schemas/{schema_name}/tables/{table_name}`."""
    return await _change(request, "Table configuration has been modified", "schemas", "tables")


async def change_column(request: web.Request) -> web.Response:
    """`PATCH …/schemas/{schema_name}/tables/{table_name}/columns/{column_name}`."""
    return await _change(request, "Column configuration has been modified", "schemas", "tables", "columns")


async def reload_schemas(request: web.Request) -> web.Response:
    """`POST /v1/connections/{connection_id}/schemas/reload`."""
    data = await schemas.reload(request.app[STATE], request.match_info["connection_id"], optional_body(request))
    return success("Schema configuration has been reloaded", data)


async def get_columns(request: web.Request) -> web.Response:
    """`GET …/schemas/{schema}/tables/{table}/columns`."""
    match = request.match_info
    data = schemas.source_columns(request.app[STATE], match["connection_id"], match["schema"], match["table"])
    return success("Column configuration retrieved successfully", data)


async def resync_tables(request: web.Request) -> web.Response:
    """`POST /v1/connections/{connection_id}/schemas/tables/resync`."""
    schemas.resync_tables(request.app[STATE], request.match_info["connection_id"], body(request))
    return success("Re-sync has been triggered successfully")


async def resync_connection(request: web.Request) -> web.Response:
    """`POST /v1/connections/{connection_id}/resync`."""
    connection_id = request.match_info["connection_id"]
    schemas.resync(request.app[STATE], connection_id, optional_body(request))
    return success(f"Sync has been successfully triggered for connection with id '{connection_id}'")


async def _change(request: web.Request, message: str, *levels: str) -> web.Response:
    names = (request.match_info[f"{level[:-1]}_name"] for level in levels)
    path = tuple(zip(levels, names, strict=True))
    data = await schemas.change(request.app[STATE], request.match_info["connection_id"], body(request), path)
    return success(message, data)


_SCHEMAS = "/v1/connections/{connection_id}/schemas"
_TABLE = f"{_SCHEMAS}/{{schema_name}}/tables/{{table_name}}"

ROUTES = (
    ("GET", _SCHEMAS, get_schemas),
    ("POST", _SCHEMAS, create_schemas),
    ("PATCH", _SCHEMAS, change_schemas),
    ("POST", f"{_SCHEMAS}/reload", reload_schemas),
    ("POST", f"{_SCHEMAS}/tables/resync", resync_tables),
    ("PATCH", f"{_SCHEMAS}/{{schema_name}}", change_schema),
    ("PATCH", _TABLE, change_table),
    ("PATCH", f"{_TABLE}/columns/{{column_name}}", change_column),
    ("GET", f"{_SCHEMAS}/{{schema}}/tables/{{table}}/columns", get_columns),
    ("POST", "/v1/connections/{connection_id}/resync", resync_connection),
)
