"""Datasets and their one access list, through the real engine."""

from __future__ import annotations

from typing import Any

from admin import Admin
from workspace import Workspace, stripe

VIEW = {"view": {"projectId": "shared", "datasetId": "telemetry", "tableId": "payments"}}
ROBOT = {"role": "OWNER", "userByEmail": "robot@dev-project.iam.gserviceaccount.com"}
ENGINEERS = {"role": "READER", "groupByEmail": "engineers@example.com"}


def access(admin: Admin, dataset: str) -> list[dict[str, Any]]:
    """The live access list, without Fivetran's writer; which has to be there exactly once or not at all."""
    entries = admin.dataset("dev-project", dataset)["access"]
    assert len([entry for entry in entries if entry.get("role") == "WRITER"]) <= 1
    return [entry for entry in entries if entry.get("role") != "WRITER"]


def writer(admin: Admin, dataset: str) -> str:
    """Who writes the dataset; empty when nobody does."""
    entries = admin.dataset("dev-project", dataset)["access"]
    return next((entry["userByEmail"] for entry in entries if entry.get("role") == "WRITER"), "")


def test_the_access_list_is_the_files_and_flipping_sensitive_is_one_update(workspace: Workspace, admin: Admin):
    unit = stripe()
    alone = {"description": "History.", "owners": ["o@example.com"], "dataset": {"location": "EU"}}
    workspace.write("stripe", unit)
    workspace.write("backups", alone)
    workspace.up().ok()
    group = admin.snapshot()["groups"][0]["id"]
    assert writer(admin, "stripe").startswith(f"g-{group.replace('_', '-')}@")
    assert writer(admin, "backups") == ""
    assert access(admin, "stripe") == access(admin, "backups")
    assert sorted(access(admin, "stripe"), key=str) == sorted([ROBOT, ENGINEERS], key=str)
    assert admin.dataset("dev-project", "backups")["location"] == "EU"

    # Somebody authorises a view: it stays, through updates too.
    admin.gcp("POST", "/datasets/dev-project/stripe/access", VIEW)
    workspace.up("--refresh").ok()
    assert VIEW in access(admin, "stripe")
    workspace.write("stripe", {**unit, "dataset": {**unit["dataset"], "sensitive": True}})
    workspace.up("--refresh").ok()
    assert ENGINEERS not in access(admin, "stripe")
    assert VIEW in access(admin, "stripe")
    workspace.assert_settled()


def test_a_dataset_that_cannot_be_read_stops_the_run_before_a_change(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    denied = "googleapi: Error 403: Access Denied: Dataset dev-project:stripe: Permission bigquery.datasets.get denied"
    admin.gcp("POST", "/faults", {"method": "Invoke", "error": denied, "times": 0})
    for failed in (workspace.preview(), workspace.up()):
        assert failed.code != 0
        assert "environment.yaml: reading datasets failed, so nothing is touched:" in failed.out
        assert "Permission bigquery.datasets.get denied" in failed.out
        assert "Traceback" not in failed.out
    assert admin.requests() == []


def test_a_dataset_that_exists_is_taken_over_with_its_views(workspace: Workspace, admin: Admin):
    admin.gcp("PUT", "/datasets/dev-project/stripe", {"location": "US", "access": [VIEW]})
    workspace.write("stripe", stripe())
    workspace.up().ok()
    assert VIEW in access(admin, "stripe")
    assert ROBOT in access(admin, "stripe")
    workspace.assert_settled()


def test_a_dataset_with_data_is_not_deleted(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.up().ok()
    admin.gcp("PUT", "/datasets/dev-project/stripe/tables/customer", {"rows": 10})
    workspace.remove("stripe")
    failed = workspace.up(RECONCILER_REMOVALS="allow")
    assert failed.code != 0
    assert "is still in use" in failed.out
    assert admin.dataset("dev-project", "stripe")["tables"] == {"customer": 10}
