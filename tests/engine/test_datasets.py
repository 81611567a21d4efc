"""Datasets and their one access list, through the real engine."""

from __future__ import annotations

import re
from typing import Any

from admin import Admin
from workspace import ENVIRONMENT, Workspace, database, stripe

VIEW = {"view": {"projectId": "shared", "datasetId": "telemetry", "tableId": "payments"}}
ROBOT = {"role": "OWNER", "userByEmail": "robot@dev-project.iam.gserviceaccount.com"}
ENGINEERS = {"role": "READER", "groupByEmail": "engineers@example.com"}
ANNE = {"role": "READER", "userByEmail": "anne@example.com"}
JOB = {"role": "READER", "userByEmail": "job@other.iam.gserviceaccount.com"}
ALONE: dict[str, Any] = {"description": "History.", "owners": ["o@example.com"], "dataset": {}}


def access(admin: Admin, dataset: str) -> list[dict[str, Any]]:
    """The live access list, without Fivetran's writer; which has to be there exactly once or not at all."""
    entries = admin.dataset("dev-project", dataset)["access"]
    assert len([entry for entry in entries if entry.get("role") == "WRITER"]) <= 1
    return [entry for entry in entries if entry.get("role") != "WRITER"]


def writer(admin: Admin, dataset: str) -> str:
    """The members that write the dataset."""
    entries = admin.dataset("dev-project", dataset)["access"]
    return next((entry["userByEmail"] for entry in entries if entry.get("role") == "WRITER"), "")


def make(admin: Admin, dataset: str, *access: dict[str, Any], **settings: Any) -> None:
    """A person creates a dataset."""
    admin.gcp("PUT", f"/datasets/dev-project/{dataset}", {"access": list(access), **settings})


def meanwhile(admin: Admin, dataset: str, after_next: str, **change: Any) -> None:
    """What another process does to an access list right after the next call that reads, or writes, the dataset."""
    admin.gcp("POST", f"/datasets/dev-project/{dataset}/after-next/{after_next}", change)


def revoked(entry: str, dataset: str) -> str:
    """The line that reports a revoked entry."""
    role, _, member = entry.partition(" for ")
    return f"revokes {role} on dataset {dataset} from {member}"


def with_access(*members: str, **dataset: Any) -> dict[str, Any]:
    """A unit of a dataset alone that these may read."""
    grant = {"role": "roles/bigquery.dataViewer", "members": list(members)}
    return {**ALONE, "dataset": {**dataset, **({"access": [grant]} if members else {})}}


def test_access_list_is_the_files_and_flipping_sensitive_is_one_update(workspace: Workspace, admin: Admin):
    unit = stripe()
    workspace.write("stripe", unit)
    workspace.write("backups", {**ALONE, "dataset": {"location": "EU"}})
    workspace.up().ok()
    group = admin.snapshot()["groups"][0]["id"]
    assert writer(admin, "stripe").startswith(f"g-{group.replace('_', '-')}@")
    assert writer(admin, "backups") == ""
    assert access(admin, "stripe") == access(admin, "backups")
    assert sorted(access(admin, "stripe"), key=str) == sorted([ROBOT, ENGINEERS], key=str)
    assert admin.dataset("dev-project", "backups")["location"] == "EU"

    # A person authorises a view: it stays, through updates too. A person grants himself access: that does not.
    admin.gcp("POST", "/datasets/dev-project/stripe/access", VIEW)
    admin.gcp("POST", "/datasets/dev-project/stripe/access", JOB)
    workspace.write("stripe", {**unit, "dataset": {**unit["dataset"], "sensitive": True}})
    engineers = revoked("roles/bigquery.dataViewer for group:engineers@example.com", "stripe")
    job = revoked("roles/bigquery.dataViewer for serviceAccount:job@other.iam.gserviceaccount.com", "stripe")
    for run in (workspace.preview("--refresh"), workspace.up("--refresh")):
        assert engineers in run.ok().out
        assert job in run.out
        reported = {
            line.partition(": ")[2] for line in run.out.splitlines() if ": revokes " in line or ": grants " in line
        }
        assert reported == {engineers, job}
    assert ENGINEERS not in access(admin, "stripe")
    assert VIEW in access(admin, "stripe")
    workspace.assert_settled()


def test_datasets_that_cannot_be_listed_stop_the_run_before_a_change(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    denied = "googleapi: Error 403: Access Denied: Dataset dev-project:stripe: Permission bigquery.datasets.get denied"
    admin.gcp("POST", "/faults", {"method": "Invoke", "error": denied, "times": 0})
    failed = workspace.up()
    assert failed.code != 0
    listing = r"environment\.yaml:\d+:\d+: the datasets of dev-project cannot be listed, so this run changes nothing: "
    assert re.search(listing, failed.out)
    assert "Permission bigquery.datasets.get denied" in failed.out
    assert "Traceback" not in failed.out
    assert admin.requests() == []


def test_existing_dataset_is_adopted_only_as_it_is_or_as_its_file_allows(workspace: Workspace, admin: Admin):
    labels = {"team-name": "a", "theirs": "kept"}
    settings = {"defaultPartitionExpirationMs": 7_200_000, "friendlyName": "Same", "labels": labels}
    make(admin, "same", ROBOT, ENGINEERS, ANNE, VIEW, **settings)
    make(admin, "changed", ENGINEERS, ANNE, JOB, VIEW, {"role": "OWNER", "specialGroup": "projectOwners"})
    same = with_access("user:anne@example.com", friendly_name="Same", description="", labels={"team-name": "a"})
    workspace.write("same", same)
    workspace.write("changed", with_access("group:readers@example.com"))
    before = [admin.dataset("dev-project", name) for name in ("same", "changed")]
    failed = workspace.up()
    assert failed.code != 0
    assert "changed.yaml:4:1: the dataset changed exists and differs from the file:" in failed.out
    for entry in ("user:anne@example.com", "serviceAccount:job@other.iam.gserviceaccount.com"):
        assert f"access: roles/bigquery.dataViewer for {entry}: BigQuery has it, the file does not" in failed.out
    assert "roles/bigquery.dataViewer for group:readers@example.com: the file has it" in failed.out
    assert re.search(r"same.yaml:\d+:1: adopts the dataset same as it is", failed.out)
    assert "robot@" not in failed.out
    assert [admin.dataset("dev-project", name) for name in ("same", "changed")] == before

    revokes = ["serviceAccount:job@other.iam.gserviceaccount.com", "serviceAccount:gone@other.iam.gserviceaccount.com"]
    adopt = {"apply_changes": True, "revokes": revokes}
    workspace.write("changed", with_access("group:readers@example.com", adopt=adopt, written_by="fivetran"))
    lost = [f"serviceAccount:{JOB['userByEmail']}", "user:anne@example.com"]
    admin.gcp("DELETE", "/calls")
    incomplete = (
        "changed.yaml:4:1: this preview is incomplete: the run also grants roles/bigquery.dataEditor on dataset"
    )
    for run in (workspace.preview(), workspace.up()):
        done = run.ok().out
        assert (incomplete in done) == ("Previewing" in done)
        assert all(revoked(f"roles/bigquery.dataViewer for {member}", "changed") in done for member in lost)
    assert "changed.yaml:4:1: adopts the dataset changed and changes it:" in done
    assert "roles/bigquery.dataOwner for serviceAccount:robot@dev-project.iam.gserviceaccount.com: the file has" in done
    assert f"`adopt.revokes` names {revokes[1]}, which loses no access to the dataset changed" in done
    assert revoked("roles/bigquery.dataOwner for projectOwners", "changed") in done
    assert writer(admin, "changed")
    readers = {"role": "READER", "groupByEmail": "readers@example.com"}
    assert sorted(access(admin, "changed"), key=str) == sorted([ROBOT, ENGINEERS, readers, VIEW], key=str)
    # As it is means that nothing is written: neither the dataset nor its list.
    assert admin.dataset("dev-project", "same") == before[0]
    calls = [call for call in admin.gcp("GET", "/calls") if not call["preview"]]
    writes = {call["method"]: call["count"] for call in calls if call["method"] in ("Update", "PATCH")}
    assert writes == {"Update": 1, "PATCH": 1}, "those of the other one"
    # What no file can declare stays through a write, even if another process changed it since.
    admin.gcp("PATCH", "/datasets/dev-project/changed", {"defaultPartitionExpirationMs": 3_600_000})
    same["dataset"] |= {"description": "New.", "labels": {"team-name": "b"}}
    workspace.write("same", same)
    workspace.write("changed", with_access("group:readers@example.com", written_by="fivetran", description="New."))
    workspace.up("--refresh").ok()
    written = admin.dataset("dev-project", "same")
    assert (written["labels"], written["access"]) == ({"team-name": "b", "theirs": "kept"}, before[0]["access"])
    assert written["defaultPartitionExpirationMs"] == 7_200_000
    written = admin.dataset("dev-project", "changed")
    assert (written["description"], written["defaultPartitionExpirationMs"]) == ("New.", 3_600_000)
    settled = workspace.preview("--expect-no-changes", "--refresh").ok().out
    assert "adopt" not in settled


def test_view_that_is_added_between_read_and_write_is_kept(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.up().ok()
    late = {"view": {"projectId": "shared", "datasetId": "late", "tableId": "v"}}
    meanwhile(admin, "stripe", "read", add=late)
    meanwhile(admin, "stripe", "read", add=JOB)  # after the second one
    unit = stripe()
    unit["dataset"] |= {
        "sensitive": True,
        "access": [{"role": "roles/bigquery.dataViewer", "members": ["user:anne@example.com"]}],
    }
    workspace.write("stripe", unit)
    done = workspace.up().ok().out
    assert "grants roles/bigquery.dataViewer on dataset stripe to user:anne@example.com" in done
    assert revoked("roles/bigquery.dataViewer for group:engineers@example.com", "stripe") in done
    assert sorted(access(admin, "stripe"), key=str) == sorted([ROBOT, ANNE, late], key=str)
    assert writer(admin, "stripe")


def reads(admin: Admin) -> int:
    """How often datasets were read since this was asked last, the engine's own reads apart."""
    calls = admin.gcp("GET", "/calls")
    admin.gcp("DELETE", "/calls")
    return sum(each["count"] for each in calls if each["type"].endswith("getDataset") or each["method"] == "GET")


def test_creation_that_was_cut_off_heals_and_only_what_is_written_is_read(workspace: Workspace, admin: Admin):
    workspace.write("history", ALONE)
    admin.gcp("POST", "/faults", {"method": "Create", "type": "gcp:bigquery/dataset:Dataset", "after": True})
    assert workspace.up().code != 0
    assert admin.dataset("dev-project", "history")
    reads(admin)
    healed = workspace.up().ok().out
    assert "takes over" not in healed
    assert "adopts" not in healed
    assert sorted(access(admin, "history"), key=str) == sorted([ROBOT, ENGINEERS], key=str)
    assert reads(admin) == 1
    workspace.preview("--expect-no-changes").ok()
    assert reads(admin) == 0
    workspace.write("history", {**ALONE, "dataset": {"labels": {"team": "a"}, "sensitive": True}})
    workspace.up().ok()
    assert reads(admin) == 2  # for what the write of the dataset takes away, and what that of the list does

    # It cannot be moved; and a refresh and a destroy work without the program.
    workspace.write("history", {**ALONE, "dataset": {"location": "EU", "labels": {"team": "a"}, "sensitive": True}})
    moved = workspace.preview()
    assert moved.code != 0
    assert "is in US, the file says EU, and BigQuery cannot move it" in moved.out
    workspace.pulumi("refresh", "--yes").ok()
    workspace.pulumi("destroy", "--yes", "--skip-preview", RECONCILER_REMOVALS="allow").ok()
    assert admin.gcp("GET", "/state")["projects"]["dev-project"]["datasets"] == {}


def test_undeclared_datasets_fail_a_run_when_forbidden_and_data_needs_a_retirement(workspace: Workspace, admin: Admin):
    make(admin, "app_audit")
    make(admin, "fivetran_metadata")
    make(admin, "scratch_1")
    workspace.write("environment", {**ENVIRONMENT, "ignore": {"schemas": ["scratch_*"]}})
    workspace.write("stripe", stripe())
    message = "environment.yaml: dev-project has undeclared datasets: app_audit"
    assert f"{message}. By default all viewers and editors of the project can read them" in workspace.preview().ok().out
    forbidding = {**ENVIRONMENT, "ignore": {"schemas": ["scratch_*"]}, "policy": {"undeclared_datasets": "forbidden"}}
    workspace.write("environment", forbidding)
    workspace.write("app", database(public="included"))
    failed = workspace.up()
    assert failed.code != 0
    assert message in failed.out
    # A database that would write a dataset which no file declares is not started.
    assert re.search(
        r"app\.yaml:\d+:\d+: schemas are synced into datasets that no file declares:\n\s+audit → app_audit", failed.out
    )
    assert workspace.outcomes() == {"stripe": "connected", "app": "refused"}
    assert admin.connections()["app"]["paused"]
    workspace.write("environment", {**forbidding, "ignore": {"schemas": ["scratch_*", "app_*"]}})
    workspace.write("app", database(public="included", audit="excluded"))
    workspace.up().ok()
    live = admin.connections()["app"]
    assert (live["paused"], live["schema_config"]["schemas"]["audit"]["enabled"]) == (False, False)
    workspace.assert_settled()

    # A dataset with data is not deleted, unless an earlier run announced it.
    admin.gcp("PUT", "/datasets/dev-project/stripe/tables/customer", {"rows": 10})
    workspace.remove("stripe")
    failed = workspace.up(RECONCILER_REMOVALS="allow")
    assert failed.code != 0
    assert "is still in use" in failed.out
    assert admin.dataset("dev-project", "stripe")["tables"] == {"customer": 10}
    back = {**stripe()["dataset"], "adopt": {"apply_changes": True}}
    workspace.write("stripe", {**stripe(), "dataset": back, "retire": {"ticket": "DENG-1", "data": "delete"}})
    workspace.up().ok()
    workspace.remove("stripe")
    workspace.up(RECONCILER_REMOVALS="allow").ok()
    assert "stripe" not in admin.gcp("GET", "/state")["projects"]["dev-project"]["datasets"]


#: Settings of a dataset that no file can name.
UNNAMED: dict[str, Any] = {
    "defaultCollation": "und:ci",
    "defaultEncryptionConfiguration": {"kmsKeyName": "projects/p/locations/us/keyRings/r/cryptoKeys/k"},
    "defaultPartitionExpirationMs": 7_200_000,
    "externalCatalogDatasetOptions": {"defaultStorageLocationUri": "gs://x", "parameters": {"a": "b"}},
    "isCaseInsensitive": True,
    "maxTimeTravelHours": "96",
    "resourceTags": {"1/a": "b"},
    "storageBillingModel": "PHYSICAL",
}


def test_undeclared_settings_stay_and_a_write_first_names_what_it_removes(workspace: Workspace, admin: Admin):
    rounding = {"defaultRoundingMode": "ROUND_HALF_EVEN"}
    for dataset in ("kept", "adopted"):
        make(admin, dataset, ROBOT, ENGINEERS, description="History.", **UNNAMED, **rounding)
    workspace.write("kept", with_access())
    before = admin.dataset("dev-project", "kept")
    workspace.up().ok()
    assert admin.dataset("dev-project", "kept") == before  # adopted as it is: nothing is written

    # A write of something else, and one at an adoption.
    workspace.write("kept", {**with_access(), "description": "Old."})
    workspace.write("adopted", {**with_access(labels={"app": "pay"})})
    for run in (workspace.preview(), workspace.up()):
        for dataset in ("kept", "adopted"):
            line = rf"{dataset}\.yaml:\d+:1: writing the dataset {dataset} removes its defaultRoundingMode"
            assert re.search(line, run.ok().out), run.out
    for dataset in ("kept", "adopted"):
        live = admin.dataset("dev-project", dataset)
        assert {name: live[name] for name in UNNAMED} == UNNAMED
        assert live["defaultRoundingMode"] == ""

    # What is set by hand is not drift, and the next write keeps it.
    by_hand = {**UNNAMED, "defaultCollation": "", "maxTimeTravelHours": "48", "resourceTags": {"1/a": "c"}}
    admin.gcp("PATCH", "/datasets/dev-project/kept", by_hand)
    workspace.assert_settled()
    workspace.write("kept", {**with_access(), "description": "Older."})
    assert "takes away" not in workspace.up("--refresh").ok().out
    live = admin.dataset("dev-project", "kept")
    assert {name: live[name] for name in UNNAMED} == by_hand
    assert live["description"] == "Older."
