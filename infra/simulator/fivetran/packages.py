"""Operations on packages of the Connector SDK, without HTTP. A package is the code of one connection."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from typing import Any

from simulator.fivetran.errors import ApiError, invalid, not_found
from simulator.fivetran.scalars import timestamp
from simulator.fivetran.state import Connection, FivetranState, Json, Package


def find(state: FivetranState, package_id: str) -> Package:
    """Return the package with this id; 404."""
    try:
        return state.packages[package_id]
    except KeyError:
        message = f"Connector SDK package with id '{package_id}' not found"
        raise not_found("NotFound_ConnectorSdkPackage", message) from None


def create(state: FivetranState, content: bytes | None, owner: str) -> Package:
    """Create a package from the uploaded file; 400 if it is missing or no ZIP file."""
    now = state.now()
    package = Package(state.new_id(), _checked(content), owner, owner, now, now)
    state.packages[package.id] = package
    return package


def change(state: FivetranState, package_id: str, content: bytes | None, owner: str) -> Package:
    """Replace a package's file."""
    package = find(state, package_id)
    package.content = _checked(content)
    package.last_updated_by, package.updated_at = owner, state.now()
    return package


def delete(state: FivetranState, package_id: str) -> None:
    """Delete a package; 403 while a connection uses it."""
    find(state, package_id)
    if user(state, package_id) is not None:
        message = f"Connector SDK package with id '{package_id}' is associated with a connection and cannot be deleted"
        raise ApiError(403, "Forbidden", message)
    del state.packages[package_id]


def user(state: FivetranState, package_id: str) -> Connection | None:
    """Return the connection that uses a package."""
    return next((item for item in state.connections.values() if item.config.get("package_id") == package_id), None)


def check_use(state: FivetranState, config: Mapping[str, Any], own: Connection | None = None) -> None:
    """Answer 400 for a config with a package that does not exist, or that another connection uses."""
    package_id = config.get("package_id")
    if package_id is None or state.options.package_use == "unchecked":
        return
    if package_id not in state.packages:
        raise invalid(f"Connector SDK package with id '{package_id}' not found")
    if user(state, package_id) not in (None, own):
        raise invalid(f"Connector SDK package with id '{package_id}' is associated with another connection")


def shown(state: FivetranState, package: Package) -> Json:
    """Return a package for an answer."""
    connection = user(state, package.id)
    return {
        "id": package.id,
        "connection_id": None if connection is None else connection.id,
        "created_by": package.created_by,
        "last_updated_by": package.last_updated_by,
        "created_at": timestamp(package.created_at),
        "updated_at": timestamp(package.updated_at),
        "file_sha256_hash": hashlib.sha256(package.content).hexdigest(),
    }


def _checked(content: bytes | None) -> bytes:
    if content is None:
        raise invalid("Field 'file' is required")
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise invalid("The package file is not a ZIP file")
    return content
