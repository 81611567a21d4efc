"""The real engine adopts what `reconciler import` writes without a change of anything."""

from __future__ import annotations

import subprocess
from typing import Any

import httpx
from admin import Admin
from workspace import ENVIRONMENT, ROOT, Workspace

DONE = {"succeeded_at": "2026-11-24T10:00:00Z"}


def made_by_hand(workspace: Workspace, admin: Admin) -> dict[str, Any]:
    """A group with a destination, four connections and their datasets; returns everything in the account."""
    group = admin.make_group_with_destination("Group_Dev")
    account = httpx.get(
        f"{workspace.environment['FIVETRAN_API_URL']}/groups/{group}/service-account",
        auth=(workspace.environment["FIVETRAN_APIKEY"], workspace.environment["FIVETRAN_APISECRET"]),
    ).json()["data"]["service_account"]
    access = [
        {"role": "OWNER", "userByEmail": "robot@dev-project.iam.gserviceaccount.com"},
        {"role": "WRITER", "userByEmail": account},
    ]
    everybody = [*access, {"role": "READER", "groupByEmail": "engineers@example.com"}]
    view = {"view": {"projectId": "p", "datasetId": "views", "tableId": "v"}}
    ends = {
        "title": "until 2199-12-31",
        "expression": 'request.time < timestamp("2200-01-01T00:00:00Z")',
        "description": "DATA-1",
    }
    hours = {"title": "office hours", "expression": 'request.time.getHours("UTC") < 18'}
    odd = [
        {"role": "READER", "userByEmail": "a@example.com"},
        {"role": "READER", "userByEmail": "b@example.com", "condition": ends},
        {"role": "READER", "userByEmail": "b@example.com", "condition": hours},
        {"role": "WRITER", "specialGroup": "projectWriters"},
        {"role": "OWNER", "specialGroup": "projectOwners"},
        {"role": "READER", "specialGroup": "projectReaders"},
        {"role": "READER", "domain": "example.com"},
        {"role": "organizations/1/roles/auditor", "groupByEmail": "auditors@example.com"},
        {"role": "READER", "iamMember": "principalSet://iam.googleapis.com/locations/global/workforcePools/p/group/g"},
    ]
    for name, entries in {
        "stripe": [*everybody, *odd, view],
        "dbt_stripe": everybody,
        "sheets": access,
        "app_public": everybody,
        # All members with a role on the project read it, but not the environment's default readers.
        "dbt_open": [*access, {"role": "READER", "specialGroup": "projectReaders"}],
    }.items():
        admin.gcp("PUT", f"/datasets/dev-project/{name}", {"access": entries, "labels": {"app_code": name}})
    connections: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("stripe", {"schema": "stripe", "api_key": "canary"}, {"schedule_type": "manual"}),
        ("google_sheets", {"schema": "sheets", "table": "a", "sheet_id": "1", "named_range": "a"}, {"paused": True}),
        ("google_sheets", {"schema": "sheets", "table": "b", "sheet_id": "1", "named_range": "b"}, {}),
        (
            "postgres",
            {"schema_prefix": "app", "host": "h", "database": "d", "user": "u", "password": "canary"},
            {"sync_frequency": 1440, "daily_sync_time": "04:00"},
        ),
    ]
    for service, settings, more in connections:
        body = {"group_id": group, "service": service, "config": settings, "auth": {"refresh_token": "canary"}}
        admin.make(**body, **DONE, **more)
    return admin.snapshot(secrets=True)


def datasets_of(admin: Admin) -> dict[str, Any]:
    """The datasets with all that a write would change, etags included."""
    return dict(admin.gcp("GET", "/state")["projects"]["dev-project"]["datasets"])


def test_group_made_by_hand_is_imported_and_then_nothing_is_to_do_or_is_done(workspace: Workspace, admin: Admin):
    before = made_by_hand(workspace, admin)
    datasets = datasets_of(admin)
    workspace.write("environment", {**ENVIRONMENT, "labels": {"default": {}}})
    command = ["reconciler", "import", "--all", "--datasets", "dbt_*"]
    done = subprocess.run(command, cwd=ROOT / "infra", env=workspace.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(".yaml") == 7

    admin.forget_requests()
    previewed = workspace.preview().ok().out
    assert " grants " not in previewed
    assert " revokes " not in previewed
    workspace.up().ok()
    workspace.assert_settled()
    assert admin.writes() == []
    after = admin.snapshot(secrets=True)
    assert after == before
    assert datasets_of(admin) == datasets
    units = workspace.outputs()["units"]
    assert {name: unit.get("outcome") for name, unit in units.items()} == {
        "app": "connected",
        "dbt_open": None,
        "dbt_stripe": None,
        "sheets": None,
        "sheets_a": "connected",
        "sheets_b": "connected",
        "stripe": "connected",
    }
    assert "canary" not in done.stdout + done.stderr + str(workspace.state())
