"""How units go where they are retired first, how many go at once, and how a new connection replaces another."""

from __future__ import annotations

from typing import Any

from admin import Admin
from workspace import CONNECTION, DATASET, ENVIRONMENT, Workspace, stripe

PROD: dict[str, Any] = {"expiry": "forbidden", "removal": "retire"}
MAY = {"RECONCILER_REMOVALS": "allow"}
RESYNC = {"schema": {"from": "stripe", "to": "stripe_v2"}, "ticket": "DENG-1"}
AIRFLOW = {"by": "airflow", "task_id": "fivetran_stripe"}


def datasets(admin: Admin) -> set[str]:
    return set(admin.gcp("GET", "/state")["projects"].get("dev-project", {"datasets": {}})["datasets"])


def granted(admin: Admin) -> list[dict[str, Any]]:
    """Who has which role on the project."""
    return list(admin.gcp("GET", "/state")["projects"]["dev-project"]["policy"])


def test_production_unit_is_removed_in_two_steps_and_its_data_stays(workspace: Workspace, admin: Admin):
    workspace.write("environment", {**ENVIRONMENT, "policy": PROD})
    workspace.write("stripe", stripe())
    workspace.write("back", stripe("back", schedule=AIRFLOW))
    workspace.up().ok()
    admin.gcp("PUT", "/datasets/dev-project/stripe/tables/customer", {"rows": 10})
    destroyed = workspace.pulumi("destroy", "--yes", "--skip-preview", **MAY)
    assert destroyed.code != 0
    assert "because it is protected" in destroyed.out
    assert set(admin.connections()) == {"stripe", "back"}
    assert datasets(admin) == {"stripe", "back"}
    assert [grant["role"] for grant in granted(admin)] == ["roles/bigquery.user"], "Fivetran may go on"

    workspace.remove("stripe")
    rejected = workspace.up(**MAY)
    assert rejected.code != 0
    assert "stripe.yaml is missing: this run would delete the connection stripe (" in rejected.out
    assert "Restore the file with `retire: {ticket: …}`" in rejected.out

    retire = {"retire": {"ticket": "DENG-1"}}
    workspace.write("stripe", {**stripe(), **retire})
    workspace.write("back", {**stripe("back", schedule=AIRFLOW), **retire})
    workspace.up().ok()
    assert {name: live["paused"] for name, live in admin.connections().items()} == {"stripe": True, "back": True}
    assert workspace.outputs()["airflow_variables"] == {}

    workspace.remove("stripe")
    workspace.write("back", stripe("back", schedule=AIRFLOW))
    rejected = workspace.preview()
    assert rejected.code != 0
    assert "stripe.yaml is missing: this run would delete the connection stripe (" in rejected.out
    assert "Run with RECONCILER_REMOVALS=allow to delete it, or" in rejected.out
    workspace.up(**MAY).ok()
    assert {name: live["paused"] for name, live in admin.connections().items()} == {"back": False}
    assert admin.dataset("dev-project", "stripe")["tables"] == {"customer": 10}
    assert set(workspace.resources(DATASET)) == {"back"}
    assert list(workspace.outputs()["airflow_variables"]) == ["fivetran_stripe_connector_id"]

    workspace.remove("back")
    assert "Restore the file with `retire: {ticket: …}`" in workspace.preview(**MAY).out
    assert workspace.resources(CONNECTION)["back"]["protect"]
    assert workspace.resources(DATASET)["back"]["protect"]


def test_more_removals_than_the_guard_allows_stop_the_run_before_the_first(workspace: Workspace, admin: Admin):
    guard = {"share": "0%", "at_least": 1}
    workspace.write("environment", {**ENVIRONMENT, "policy": {"delete_guard": guard}})
    for name in ("a", "b", "c"):
        workspace.write(name, {"description": "x", "owners": ["o@example.com"], "dataset": {}})
    workspace.write("c", {**stripe("c"), "retire": {"ticket": "DENG-1", "data": "delete"}})
    workspace.up().ok()
    for name in ("a", "b", "c"):
        workspace.remove(name)
    rejected = workspace.up(**MAY)
    assert rejected.code != 0
    assert "this run would remove 2 of 3 datasets (`delete_guard` allows 1)" in rejected.out
    assert datasets(admin) == {"a", "b", "c"}
    assert set(admin.connections()) == {"c"}
    workspace.up(RECONCILER_REMOVALS="allow:2").ok()
    assert datasets(admin) == set()
    assert admin.connections() == {}


def test_connection_is_replaced_when_its_file_names_the_change(workspace: Workspace, admin: Admin):
    workspace.write("environment", {**ENVIRONMENT, "policy": PROD})
    workspace.write("stripe", stripe(schedule=AIRFLOW))
    workspace.write("billing", stripe("billing"))
    workspace.up().ok()
    old = {name: live["id"] for name, live in admin.connections().items()}
    workspace.write("stripe", stripe("stripe_v2", schedule=AIRFLOW))
    rejected = workspace.preview(**MAY)
    assert rejected.code != 0
    assert "the destination changed from stripe to stripe_v2, which Fivetran cannot do" in rejected.out
    assert "gives the Airflow variable fivetran_stripe_connector_id a new id" in rejected.out
    assert f"the connection stripe ({old['stripe']})" in rejected.out

    workspace.write("stripe", stripe("stripe_v2", schedule=AIRFLOW, allow_resync=RESYNC))
    admin.forget_requests()
    workspace.up().ok()
    assert [write.split()[0] for write in admin.writes() if not write.startswith("PATCH")][:2] == ["DELETE", "POST"]
    live = admin.connections()
    new = live["stripe_v2"]
    assert set(live) == {"stripe_v2", "billing"}
    assert workspace.outputs()["airflow_variables"] == {"fivetran_stripe_connector_id": new["id"]}
    assert datasets(admin) == {"stripe", "stripe_v2", "billing"}

    # The permission is spent: another change of the same kind is none of its business.
    workspace.write("stripe", stripe("stripe_v3", schedule=AIRFLOW))
    assert "the destination changed from stripe_v2 to stripe_v3" in workspace.preview(**MAY).out

    # The old dataset goes as everything in production goes: retired first, then not declared.
    workspace.write("stripe", stripe("stripe_v2", schedule=AIRFLOW))
    output = workspace.preview(**MAY).out
    assert "no longer declares the dataset stripe: this run would delete it\n" in output
    assert "Restore the file with `retire: {ticket: …}`" in output
    retired = {**RESYNC, "retire": {"ticket": "DENG-2"}}
    workspace.write("stripe", stripe("stripe_v2", schedule=AIRFLOW, allow_resync=retired))
    # And another service for the same destination is a new connection of the same name.
    change = {"service": {"from": "stripe", "to": "stripe_test"}, "ticket": "DENG-1"}
    workspace.write("billing", stripe("billing", service="stripe_test", allow_resync=change))
    workspace.up().ok()
    made = admin.connections()["billing"]
    assert made["service"] == "stripe_test"
    assert made["id"] != old["billing"]

    workspace.write("stripe", stripe("stripe_v2", schedule=AIRFLOW))
    workspace.up(**MAY).ok()
    assert set(workspace.resources(DATASET)) == {"stripe_v2", "billing"}
    assert datasets(admin) == {"stripe", "stripe_v2", "billing"}
    assert {name: live["id"] for name, live in admin.connections().items()} == {
        "stripe_v2": new["id"],
        "billing": made["id"],
    }
    workspace.assert_settled()


def test_environment_moves_to_another_group_where_each_file_allows_it(workspace: Workspace, admin: Admin):
    workspace.write("environment", {**ENVIRONMENT, "policy": PROD})
    workspace.write("stripe", stripe())
    workspace.up().ok()
    (before,) = granted(admin)
    old = admin.connections()["stripe"]
    fivetran = {**ENVIRONMENT["fivetran"], "group": "Group_Test"}
    workspace.write("environment", {**ENVIRONMENT, "fivetran": fivetran, "policy": PROD})
    rejected = workspace.preview()
    assert "the group changed from Group_Dev to Group_Test, which Fivetran cannot do" in rejected.out
    assert f"the connection stripe ({old['id']})" in rejected.out
    change = {"group": {"from": "Group_Dev", "to": "Group_Test"}, "ticket": "DENG-1"}
    workspace.write("stripe", stripe(allow_resync=change))
    moved = workspace.up().ok()
    assert "group Group_Dev (" in moved.out
    (new,) = admin.connections().values()
    assert new["id"] != old["id"]
    assert new["group_id"] != old["group_id"]
    assert admin.dataset("dev-project", "stripe")
    (after,) = granted(admin)
    assert after["member"] != before["member"]

    # The same group under another name is the same group.
    renamed = {**fivetran, "group": "Group_Last", "formerly": "Group_Test"}
    workspace.write("environment", {**ENVIRONMENT, "fivetran": renamed})
    workspace.write("stripe", stripe())
    workspace.up().ok()
    assert {group["id"]: group["name"] for group in admin.snapshot()["groups"]}[new["group_id"]] == "Group_Last"
    assert admin.connections()["stripe"]["id"] == new["id"]
