"""Custom connectors: the function that a file names is what Fivetran calls, and Fivetran may call it."""

from __future__ import annotations

from typing import Any

import pytest
from admin import Admin
from workspace import CONNECTION, Workspace, stripe

ACCESS = "pulumi-python:dynamic/bigquery:DatasetAccess"
PREFLIGHT = "pulumi-python:dynamic/reconciler:Preflight"
TESTS = "pulumi-python:dynamic/fivetran:DestinationTests"
INVOKER = "gcp:cloudfunctions/functionIamMember:FunctionIamMember"


def casa(name: str, **function: Any) -> dict[str, Any]:
    """A unit whose connector calls a function."""
    return {
        **stripe(name),
        "connector": {
            "service": "google_cloud_function",
            "destination": {"schema": name},
            "function": {"name": "casa", "region": "us-central1", **function},
            "config": {"secrets_list": [{"key": "token", "value": {"env": "STRIPE_KEY", "version": 1}}]},
        },
    }


def callers(admin: Admin, project: str, collection: str) -> Any:
    """Who may do what with the function."""
    return admin.gcp("GET", "/state")["projects"][project]["located"][f"{collection}/us-central1/casa"]


@pytest.fixture
def _deployed(admin: Admin) -> None:
    admin.gcp("PUT", "/functions/dev-project/us-central1/casa")
    admin.gcp("PUT", "/services/other-project/us-central1/casa")


@pytest.mark.usefixtures("_deployed")
def test_only_fivetran_may_call_a_function_and_two_units_may_share_it(workspace: Workspace, admin: Admin):
    workspace.write("casa", casa("casa"))
    workspace.write("casa_again", casa("casa_again"))
    workspace.write("second", casa("second", project="other-project", generation=2))
    workspace.up().ok()
    live = admin.connections(secrets=True)
    address = "https://us-central1-dev-project.cloudfunctions.net/casa"
    assert {live[name]["config"]["function_trigger"] for name in ("casa", "casa_again")} == {address}
    assert live["second"]["config"]["function_trigger"] == address.replace("dev-project", "other-project")
    assert {each["setup_state"] for each in live.values()} == {"connected"}

    group = admin.snapshot()["groups"][0]["id"]
    (caller,) = callers(admin, "dev-project", "functions")
    assert caller["role"] == "roles/cloudfunctions.invoker"
    assert caller["member"].startswith(f"serviceAccount:g-{group.replace('_', '-')}@")
    # What a connection needs before it may exist: where it writes, who may read that, and whom it calls.
    needs = {urn.split("::")[2].rsplit("$")[-1] for urn in workspace.resources(CONNECTION)["casa"]["dependencies"]}
    assert needs >= {ACCESS, PREFLIGHT, TESTS, INVOKER}
    assert callers(admin, "other-project", "services") == [{**caller, "role": "roles/run.invoker"}]
    workspace.assert_settled()
