"""Airflow 2.10 and airflow-provider-fivetran-async on the local Fivetran."""

from __future__ import annotations

import json

import pytest

from clients.conftest import Client
from clients.environments import HERE


@pytest.fixture
def airflow(client: Client) -> Client:
    """Airflow with a database of its own and the connection that the operator reads."""
    key, secret = client.services.simulators.fivetran_key, client.services.simulators.fivetran_secret
    client.variables = {
        "AIRFLOW_HOME": str(client.folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "airflow" / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_FIVETRAN_DEFAULT": json.dumps({"conn_type": "fivetran", "login": key, "password": secret}),
    }
    client.run("airflow", "db", "migrate")
    return client


def test_airflow_syncs_the_connection_that_its_variable_names(airflow: Client):
    services = airflow.services
    variables = airflow.folder / "variables.json"
    variables.write_text(json.dumps(services.workspace.outputs()["airflow_variables"]))
    airflow.run("airflow", "variables", "import", str(variables))
    services.admin.edit("stripe", paused=True)
    before = services.connection()
    services.admin.forget_requests()

    airflow.run("airflow", "dags", "test", "fivetran_stripe")

    after, path = services.connection(), f"/v1/connectors/{before['id']}"
    assert (after["syncs"], after["paused"], after["schedule_type"]) == (before["syncs"] + 1, False, "manual")
    assert not after["syncing"], "the task waited for the end"
    asked = airflow.asked()
    assert {status for _, _, status in asked} == {200}
    assert [(method, each) for method, each, _ in asked if method != "GET"] == [
        ("PATCH", path),
        ("POST", f"{path}/force"),
    ]
    services.workspace.preview("--refresh", "--expect-no-changes").ok()


def test_airflows_hook_finds_the_connection_by_its_names(airflow: Client):
    live = airflow.services.connection()
    answer = airflow.script("airflow/hook.py", name="stripe", group=airflow.services.group, id=live["id"])
    assert answer == {"connection": True, "connector_id": live["id"], "schemas": ["stripe"]}
    assert {each for _, each, _ in airflow.asked()} >= {"/v1/users", "/v1/groups/"}
