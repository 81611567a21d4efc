"""`reconciler review` on previews of the real engine: what a reviewer reads of a change."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from admin import Admin
from workspace import ENVIRONMENT, Workspace, database, stripe


def review(workspace: Workspace, *arguments: str, today: str = "2026-12-01", **env: str) -> dict[str, Any]:
    """Return the JSON of a review, whose preview the command runs itself."""
    done = run(workspace, "--format", "json", *arguments, today=today, **env)
    return json.loads(done.stdout)


def run(workspace: Workspace, *arguments: str, today: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["reconciler", "review", "--environment", "dev", *arguments],  # noqa: S607 (of the tools)
        cwd=Path(__file__).resolve().parent.parent.parent,
        env={**workspace.env, "RECONCILER_TODAY": today, **env},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def texts(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return class and text of each consequence but the forecast of requests."""
    return [(each["class"], each["text"]) for each in found["consequences"] if each["kind"] != "quota"]


def requests(found: dict[str, Any]) -> int:
    """Return the number of requests that the review expects; 0 where it expects none."""
    texts = [each["text"] for each in found["consequences"] if each["kind"] == "quota"]
    return sum(int(text.split()[2]) for text in texts)


def test_review_shows_each_consequence_of_a_change(workspace: Workspace, admin: Admin):
    airflow = {"by": "airflow", "task_id": "fivetran_gone"}
    workspace.write("gone", stripe("gone", schedule=airflow))
    workspace.write("stripe", {**stripe(), "expires": "2027-03-01"})
    first = review(workspace)
    sent = "version 1 of the environment variable STRIPE_KEY as `config.api_key`"
    created = f"creates the connection stripe (stripe), which starts once its setup tests pass, and sends it {sent}"
    assert ("note", created) in texts(first)
    assert (
        "stop",
        "gives access to the new dataset stripe: roles/bigquery.dataEditor to Fivetran's service account; "
        "roles/bigquery.dataOwner to "
        "serviceAccount:robot@dev-project.iam.gserviceaccount.com; roles/bigquery.dataViewer to "
        "group:engineers@example.com",
    ) in texts(first)
    assert review(workspace)["consequences"] == first["consequences"]
    admin.forget_requests()
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    assert requests(first) == pytest.approx(len(admin.requests()), rel=0.2)
    assert review(workspace)["consequences"] == []
    admin.gcp("PUT", "/datasets/dev-project/gone/tables/charge", {"rows": 10})
    admin.gcp("PUT", "/datasets/dev-project/gone/tables/customer", {"rows": 10})

    changed = {**stripe(paused="INC-1"), "expires": "2027-02-01"}
    changed["connector"]["config"]["api_key"]["version"] = 2
    grant = {"role": "roles/bigquery.dataViewer", "members": ["user:a@example.com"]}
    changed["dataset"]["access"] = [{**grant, "until": "2027-01-15", "ticket": "T-1"}]
    file = workspace.write("stripe", changed)
    workspace.remove("gone")
    found = review(workspace, RECONCILER_REMOVALS="allow")
    assert texts(found) == [
        ("stop", "deletes the connection gone"),
        (
            "stop",
            "fails to delete the dataset gone with its 2 tables: no earlier run allowed that",
        ),
        ("stop", "removes the Airflow variable fivetran_gone_connector_id: a DAG that reads it fails"),
        (
            "stop",
            "grants roles/bigquery.dataViewer on dataset stripe to user:a@example.com until 2027-01-15 (T-1) "
            "(people named in the list: 0 → 1)",
        ),
        (
            "stop",
            "moves the removal of the connection stripe and the dataset stripe with its data "
            "from 2027-03-09 to 2027-02-09; the connection is paused after its last day, 2027-02-01",
        ),
        ("note", "pauses the connection stripe (INC-1)"),
        (
            "note",
            "sends version 2 of the environment variable STRIPE_KEY as `config.api_key` of the connection stripe, "
            "instead of version 1, and tests the connection",
        ),
    ]
    by_kind = {each["kind"]: each for each in found["consequences"]}
    lines = file.read_text().splitlines()
    assert "user:a@example.com" in lines[by_kind["access_granted"]["line"] - 1]
    assert "expires" in lines[by_kind["removal_moved"]["line"] - 1]
    assert found["scheduled"] == []
    page = run(workspace, "--format", "github", today="2026-12-01", RECONCILER_REMOVALS="allow").stdout
    assert "urn:" not in page
    assert "pulumi-python" not in page
    admin.forget_requests()
    failed = workspace.up(RECONCILER_TODAY="2026-12-01", RECONCILER_REMOVALS="allow")
    assert "still in use" in failed.out
    assert requests(found) == pytest.approx(len(admin.requests()), abs=2)


def test_review_knows_what_a_date_has_scheduled_and_exits_with_1_for_a_rejection(workspace: Workspace, admin: Admin):
    workspace.write("stripe", {**stripe(), "expires": "2026-12-10"})
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    found = review(workspace, today="2027-01-31")
    stops = [each for each in found["consequences"] if each["class"] == "stop"]
    assert [each["kind"] for each in stops] == ["connection_deleted", "dataset_deleted"]
    assert found["scheduled"] == sorted(each["fingerprint"] for each in stops)

    workspace.remove("stripe")
    done = run(workspace, today="2026-12-01")
    assert done.returncode == 1
    assert "The run is rejected: it changes nothing" in done.stdout
    assert "this run would delete the connection stripe" in done.stdout
    assert "urn:" not in done.stdout


@pytest.mark.parametrize("arguments", [(), ("--changed",)])
@pytest.mark.parametrize("key", ["not asked for", ""])
def test_review_reports_what_the_preview_could_not_ask_fivetran(
    workspace: Workspace, admin: Admin, arguments: tuple[str, ...], key: str
):
    workspace.write("stripe", stripe())
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    workspace.write("other", stripe("other"))
    assert "unchecked" not in {each["kind"] for each in review(workspace, *arguments)["consequences"]}
    admin.fault(kind="status", status=503, path="^/v1/", count=None)
    found = review(workspace, *arguments, FIVETRAN_APIKEY=key)
    [unchecked] = [each for each in found["consequences"] if each["kind"] == "unchecked"]
    assert unchecked["class"] == "note"
    assert "whether a connection exists for each new unit" in unchecked["text"]


def test_review_prints_why_a_run_is_rejected_beside_the_json(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    workspace.remove("stripe")
    done = run(workspace, "--format", "json", today="2026-12-01")
    assert done.returncode == 1
    assert json.loads(done.stdout)["rejected"]
    assert "this run would delete the connection stripe" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--changed",)])
@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("", "login during non-interactive CLI sessions. Set PULUMI_BACKEND_URL, which is empty"),
        ("file:///none/x", "none"),
    ],
)
def test_review_shows_why_pulumi_failed_when_a_secret_is_unknown(
    workspace: Workspace, arguments: tuple[str, ...], backend: str, reason: str
):
    workspace.write("stripe", stripe())
    done = run(workspace, *arguments, today="2026-12-01", STRIPE_KEY="", PULUMI_BACKEND_URL=backend)
    assert done.returncode == 3
    assert reason in done.stderr
    assert "is not shown" not in done.stderr
    assert "environment.yaml" not in done.stderr


def test_quick_review_reports_what_the_full_one_does_and_keeps_its_guards(workspace: Workspace, admin: Admin):
    for name in ("changed", "removed", "renamed", "same", "other"):
        workspace.write(name, stripe(name))
    assert review(workspace, "--changed")["quick"]["reasons"] == ["unrecorded"]
    workspace.up().ok()
    workspace.write("changed", stripe("changed", paused="INC-1"))
    workspace.write("moved", {**stripe("renamed"), "formerly": "renamed"})
    workspace.write("new", stripe("new"))
    for name in ("removed", "renamed"):
        workspace.remove(name)
    state = workspace.state()
    admin.forget_requests()
    quick = review(workspace, "--changed", RECONCILER_REMOVALS="allow")
    assert quick["quick"] == {
        "looked_at": ["changed", "moved", "new", "removed", "renamed"],
        "not_looked_at": ["other", "same"],
        "reasons": [],
    }
    assert workspace.state() == state
    full = review(workspace, RECONCILER_REMOVALS="allow")
    assert {"deletes the connection removed", "pauses the connection changed (INC-1)"} < {
        text for _, text in texts(quick)
    }
    assert texts(quick) == texts(full)

    # The guards of all files hold in both.
    guarded = review(workspace, "--changed")
    assert guarded["quick"]["not_looked_at"] == ["other", "same"]
    assert "removed.yaml is missing: this run would delete the connection removed" in guarded["rejected"][0]
    workspace.write("clash", stripe("same"))
    clashes = review(workspace, "--changed")["rejected"]
    assert any("clash.yaml" in each and "same" in each for each in clashes)


def test_review_shows_a_loosened_rule_until_a_run_has_recorded_it(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.up().ok()
    workspace.write("environment", {**ENVIRONMENT, "policy": {"public_access": "allowed", "expiry": {"longest": "9d"}}})
    found = review(workspace)
    assert texts(found) == [
        ("stop", "lets files give access to the public: allUsers and allAuthenticatedUsers"),
        ("note", "lets `expires` be up to 9 days ahead, instead of any time"),
    ]
    assert [each["file"].rsplit("/", 1)[1] for each in found["consequences"]] == ["environment.yaml"] * 2
    workspace.up().ok()
    assert review(workspace)["consequences"] == []


def test_review_finds_the_same_with_parallel_differences_and_without(workspace: Workspace, admin: Admin):
    names = [f"unit_{number}" for number in range(6)]
    for name in names:
        workspace.write(name, stripe(name))
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    workspace.write("unit_1", {**stripe("unit_1"), "dataset": {"friendly_name": "Other", "sensitive": True}})
    workspace.write("unit_2", stripe("unit_2", schedule={"by": "fivetran", "every": "1h"}))
    workspace.write("unit_3", stripe("unit_3", config={"api_key": {"env": "STRIPE_KEY", "version": 2}}))
    workspace.write("unit_6", stripe("unit_6"))

    parallel = review(workspace)

    assert parallel == review(workspace, PULUMI_PARALLEL_DIFF="false")
    assert {"unit_1", "unit_2", "unit_3", "unit_6"} <= {each["unit"] for each in parallel["consequences"]}


def test_review_shows_a_dataset_that_another_unit_declares_and_what_a_rename_hides(workspace: Workspace, admin: Admin):
    alone = {"description": "x", "owners": ["owner@example.com"]}
    workspace.write("finance", {**alone, "dataset": {"id": "sheets", "description": "x"}})
    workspace.write("plain", {**alone, "dataset": {"id": "plain", "sensitive": True, "default_access": False}})
    workspace.up().ok()
    workspace.remove("finance")
    workspace.write("budget", {**alone, "dataset": {"id": "sheets", "description": "x"}})
    moved = "declares the dataset sheets in the unit budget, no longer in finance: the dataset and its data stay"
    assert texts(review(workspace)) == [("note", moved)]
    workspace.remove("plain")
    workspace.write("renamed", {**alone, "formerly": "plain", "dataset": {"id": "plain", "default_access": False}})
    found = review(workspace)
    assert [each["kind"] for each in found["consequences"]] == ["sensitive_removed", "dataset_moved", "unit_renamed"]
    workspace.up().ok()
    workspace.assert_settled()


def test_review_stops_a_mode_that_can_delete_rows(workspace: Workspace, admin: Admin):
    def with_mode(mode: str) -> dict[str, Any]:
        return database(public={"tables": {"users": {"mode": mode}}})

    workspace.write("app", with_mode("history"))
    workspace.up().ok()
    file = workspace.write("app", with_mode("soft_delete"))
    found = review(workspace)
    assert texts(found) == [
        (
            "stop",
            "changes the mode of the table `public.users` of the connection app from history to soft_delete: it has "
            "one row a key, and rows that are deleted in the source stay, marked. Earlier versions that are in "
            "BigQuery can be deleted",
        )
    ]
    [changed] = [each for each in found["consequences"] if each["kind"] == "table_mode_changed"]
    assert "mode: soft_delete" in file.read_text().splitlines()[changed["line"] - 1]
    workspace.up().ok()
    assert review(workspace)["consequences"] == []


def test_review_shows_what_reset_does_with_choices_that_a_file_drops(workspace: Workspace, admin: Admin):
    users: dict[str, Any] = {"mode": "history", "columns": {"email": "hashed", "phone": "excluded"}}
    workspace.write("app", database(public={"tables": {"users": users, "orders": "included"}}, audit="excluded"))
    workspace.up().ok()
    changed = database(public={"tables": {"users": {"columns": {"phone": "excluded"}}}})
    changed["connector"]["sync"]["others"] = "reset"
    workspace.write("app", changed)
    reset = "because of `others: reset` and `new: allow_columns`"
    assert texts(review(workspace)) == [
        (
            "stop",
            "changes `sync.others` of the connection app from keep to reset: schemas and tables that the file does not "
            "name no longer arrive. Columns that it does not name arrive, readable, where their table does, whatever "
            "is chosen in Fivetran",
        ),
        (
            "stop",
            "no longer declares the column `email` of `public.users` of the connection app, which was hashed: it is "
            f"included from now on, {reset}: its values arrive readable from the next sync on",
        ),
        (
            "note",
            "no longer declares the mode of the table `public.users` of the connection app, which was history: the "
            "table keeps its mode and its rows until a user changes the mode in Fivetran",
        ),
        (
            "note",
            "no longer declares the schema `audit` of the connection app, which was excluded: it stays excluded from "
            f"now on, {reset}",
        ),
        (
            "note",
            "no longer declares the table `public.orders` of the connection app, which was included: it is excluded "
            f"from now on, {reset}: no new rows arrive, and those in BigQuery stay",
        ),
    ]
    workspace.up().ok()
    schemas = admin.connections()["app"]["schema_config"]["schemas"]
    users, orders = schemas["public"]["tables"]["users"], schemas["public"]["tables"]["orders"]
    assert (users["sync_mode"], users["columns"]["email"]["hashed"]) == ("HISTORY", False)
    assert (users["columns"]["phone"]["enabled"], orders["enabled"], schemas["audit"]["enabled"]) == (False,) * 3


def test_review_stops_an_adopted_connection_that_the_run_changes(workspace: Workspace, admin: Admin):
    group = admin.make_group_with_destination("Group_Dev")
    config: dict[str, Any] = {"schema": "stripe", "api_key": "the key in use"}
    made = admin.make(group_id=group, service="stripe", config=config, paused=True)["id"]
    adopts = f"adopts the connection stripe (stripe) that is {made} in Fivetran, and changes"
    workspace.write("stripe", stripe(adopt={"connection": made}))
    assert ("note", f"{adopts} nothing in it") in texts(review(workspace))
    file = workspace.write("stripe", stripe(adopt={"connection": made, "apply_changes": True}))
    found = review(workspace)
    text = f"{adopts} it to match the file. This can change which source is read, and which tables arrive"
    assert ("stop", text) in texts(found)
    [changed] = [each for each in found["consequences"] if each["kind"] == "adopted_connection_changed"]
    assert "adopt" in file.read_text().splitlines()[changed["line"] - 1]


def test_review_shows_why_an_expiry_in_the_past_deletes_at_once(workspace: Workspace, admin: Admin):
    workspace.write("stripe", {**stripe(), "expires": "2027-02-01"})
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    admin.gcp("PUT", "/datasets/dev-project/stripe/tables/charge", {"rows": 10})
    file = workspace.write("stripe", {**stripe(), "expires": "2026-11-20"})
    found = review(workspace, RECONCILER_REMOVALS="allow")
    over = "its file says that its last day was 2026-11-20, and the grace period after that day is over"
    assert texts(found) == [
        ("stop", f"deletes the connection stripe: {over}"),
        ("stop", f"deletes the dataset stripe with its only table: {over}"),
    ]
    lines = file.read_text().splitlines()
    assert all("expires" in lines[each["line"] - 1] for each in found["consequences"] if each["class"] == "stop")
    workspace.up(RECONCILER_TODAY="2026-12-01", RECONCILER_REMOVALS="allow").ok()
    assert admin.connections() == {}


def test_review_stops_tables_that_begin_to_expire(workspace: Workspace, admin: Admin):
    alone = {"description": "x", "owners": ["owner@example.com"], "dataset": {"description": "x"}}
    workspace.write("scratch", alone)
    workspace.up().ok()
    workspace.write("scratch", {**alone, "dataset": {"description": "x", "default_table_expiration_ms": 2_592_000_000}})
    text = "sets `default_table_expiration_ms` of the dataset scratch: BigQuery deletes each new table after 30 days"
    assert texts(review(workspace)) == [("stop", text)]
    workspace.up().ok()
    assert admin.dataset("dev-project", "scratch")["defaultTableExpirationMs"] == 2_592_000_000


def test_review_of_a_re_sync_shows_its_variable_and_the_dataset_that_retires(workspace: Workspace, admin: Admin):
    airflow = {"by": "airflow", "task_id": "fivetran_stripe"}
    workspace.write("stripe", stripe(schedule=airflow))
    workspace.up().ok()
    change = {"schema": {"from": "stripe", "to": "stripe_v2"}, "ticket": "T-1", "retire": {"ticket": "T-2"}}
    workspace.write("stripe", stripe("stripe_v2", schedule=airflow, allow_resync=change))
    found = [each for each in texts(review(workspace)) if "variable" in each[1] or "retires" in each[1]]
    assert found == [
        (
            "stop",
            "retires the dataset stripe (T-2): once `allow_resync` is removed, a run no longer manages it, and its "
            "data stays in BigQuery",
        ),
        (
            "note",
            "changes the Airflow variable fivetran_stripe_connector_id to the id of the new connection: its DAG fails "
            "until the variable is pushed",
        ),
    ]
    old = workspace.outputs()["airflow_variables"]
    workspace.up().ok()
    assert workspace.outputs()["airflow_variables"].keys() == old.keys()
    assert workspace.outputs()["airflow_variables"] != old
    workspace.write("stripe", stripe("stripe_v2", schedule=airflow))
    text = "keeps the dataset stripe with its data in BigQuery, and no longer manages it"
    assert ("note", text) in texts(review(workspace, RECONCILER_REMOVALS="allow"))


def test_review_of_an_adopted_dataset_names_all_access_that_the_run_revokes(workspace: Workspace, admin: Admin):
    job = "old-job@dev-project.iam.gserviceaccount.com"
    access = [{"role": "READER", "userByEmail": each} for each in (job, "eve@example.com")]
    admin.gcp("PUT", "/datasets/dev-project/old", {"location": "US", "access": access})
    adopt = {"apply_changes": True, "revokes": [f"serviceAccount:{job}"]}
    alone = {"description": "x", "owners": ["owner@example.com"], "dataset": {"adopt": adopt}}
    workspace.write("old", alone)
    [shared] = [text for severity, text in texts(review(workspace)) if severity == "stop" and "dataset old" in text]
    assert shared.endswith(f". Revokes the access of all others to it, also of serviceAccount:{job}")
    workspace.up().ok()
    live = {each.get("userByEmail") for each in admin.dataset("dev-project", "old")["access"]}
    assert live == {None, "robot@dev-project.iam.gserviceaccount.com"}


def test_review_names_a_dataset_without_a_file_in_which_rows_arrive(workspace: Workspace, admin: Admin):
    workspace.write("app", database(public="included", audit="excluded"))
    workspace.up().ok()
    workspace.write("app", database(public="included", audit="included"))
    assert texts(review(workspace)) == [
        (
            "stop",
            "changes the schema `audit` of the connection app from excluded to included: its rows arrive from the next "
            "sync on. No file declares the dataset app_audit, so it has BigQuery's default access",
        )
    ]
    workspace.up().ok()
    assert admin.connections()["app"]["schema_config"]["schemas"]["audit"]["enabled"]


def test_review_of_a_grant_with_a_past_day_shows_that_it_is_revoked(workspace: Workspace, admin: Admin):
    def with_until(day: str) -> dict[str, Any]:
        grant = {"role": "roles/bigquery.dataViewer", "members": ["user:a@example.com"], "until": day, "ticket": "T-1"}
        return {**stripe(), "dataset": {"access": [grant]}}

    workspace.write("stripe", with_until("2026-12-20"))
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    file = workspace.write("stripe", with_until("2026-11-20"))
    found = review(workspace)
    assert texts(found) == [
        (
            "note",
            "revokes roles/bigquery.dataViewer on dataset stripe from user:a@example.com: the file says that its last "
            "day was 2026-11-20. Members of group:engineers@example.com have access (people named in the list: 1 → 0)",
        )
    ]
    assert "user:a@example.com" in file.read_text().splitlines()[found["consequences"][0]["line"] - 1]
    workspace.up(RECONCILER_TODAY="2026-12-01").ok()
    assert "a@example.com" not in str(admin.dataset("dev-project", "stripe")["access"])
