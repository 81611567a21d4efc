"""Fivetran's own command line and its Connector SDK on the local Fivetran."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from clients.conftest import Client
from clients.environments import HERE


@pytest.fixture
def fivetran(client: Client) -> Client:
    """Return the command line with its key."""
    client.variables = {"FIVETRAN_API_KEY": client.services.api_key}
    return client


def test_connector_sdk_deploys_a_connector_and_deploys_it_again(fivetran: Client):
    project = fivetran.folder / "project"
    project.mkdir()
    shutil.copy(HERE / "fivetran" / "connector.py", project)
    (project / "configuration.json").write_text(json.dumps({"api_key": "any"}))

    def deploy() -> Any:
        where = ("--destination", fivetran.services.group, "--connection", "sdk", "--python-version", "3.12")
        fivetran.run("fivetran", "deploy", *where, "--configuration", "configuration.json", "--yes", cwd=project)
        return fivetran.services.admin.connections()["sdk"]

    try:
        first = deploy()
        assert (first["service"], first["setup_state"], first["paused"]) == ("connector_sdk", "connected", True)
        second = deploy()
        assert second["id"] == first["id"]
        assert second["config"]["package_id"] != first["config"]["package_id"]
    finally:
        fivetran.services.admin.delete("sdk")
    assert {status for _, _, status in fivetran.asked()} <= {200, 201}


def test_command_line_lists_reads_changes_and_syncs(fivetran: Client):
    services = fivetran.services
    services.admin.edit("stripe", paused=False)
    before = services.connection()

    def beta(*arguments: str) -> Any:
        printed = fivetran.run("fivetran", "beta", *arguments, "--output", "json")
        return json.loads(printed[printed.index("{") : printed.rindex("}") + 1])["data"]

    group = beta("group", "list")["items"][0]
    assert group["name"] == services.group
    listed = beta("connection", "list", "--group-id", group["id"])["items"]
    assert before["id"] in {each["id"] for each in listed}
    one = ("--connection-id", before["id"])
    assert beta("connection", "get", *one)["service"] == "stripe"
    changed = beta("connection", "update", *one, "--config", json.dumps({"sync_frequency": "720"}))
    assert changed["sync_frequency"] == 720
    services.admin.edit("stripe", sync_frequency=before["sync_frequency"])
    fivetran.run("fivetran", "beta", "connection", "sync", *one)
    assert services.connection()["syncs"] == before["syncs"] + 1
    assert {status for _, _, status in fivetran.asked()} == {200}
