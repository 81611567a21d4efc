"""A connector of one's own: its code goes with its unit, through the real CLI."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from admin import Admin
from workspace import CONNECTION, Workspace

from reconciler.fivetran.api import FivetranClient

PACKAGE = "pulumi-python:dynamic/fivetran:Package"


def code(text: str) -> bytes:
    """A ZIP file with a connector in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("connector.py"), text)
    return buffer.getvalue()


def unit(name: str, **connector: Any) -> dict[str, Any]:
    """A unit whose connector is code of ours."""
    connector_section = {"service": "connector_sdk", "destination": {"schema": name}, **connector}
    return {"description": "Orders.", "owners": ["owner@example.com"], "connector": connector_section, "dataset": {}}


def test_code_is_uploaded_replaced_and_deleted_with_its_unit(workspace: Workspace, admin: Admin):
    folder = workspace.specs / workspace.stack
    with FivetranClient.from_environment(workspace.env) as client:
        theirs = client.create_package(code("1")).id
        workspace.write("orders", unit("orders", config={"package_id": theirs}))
        (folder / "code.zip").write_bytes(code("1"))
        workspace.write("returns", unit("returns", package="code.zip"))
        workspace.up().ok()
        mine = workspace.resources(PACKAGE)["returns"]["id"]
        used = {name: each["config"]["package_id"] for name, each in admin.connections().items()}
        assert used == {"orders": theirs, "returns": mine}
        assert str(folder / "code.zip") not in str(workspace.state()), "where it is on this machine"

        # A run adopts the code of a connection with it; a change is uploaded in its place.
        (folder / "orders.zip").write_bytes(code("1"))
        workspace.write("orders", unit("orders", package="orders.zip"))
        (folder / "code.zip").write_bytes(code("2"))
        admin.forget_requests()
        workspace.pulumi("up", "--yes").ok()
        assert admin.writes() == ["PATCH /v1/connector-sdk/packages/{package_id}"]
        assert {name: each["id"] for name, each in workspace.resources(PACKAGE).items()} == used
        workspace.assert_settled()

        workspace.remove("returns")
        workspace.up(RECONCILER_REMOVALS="allow").ok()
        assert [each.id for each in client.list_packages()] == [theirs]
        assert set(workspace.resources(CONNECTION)) == {"orders"}
