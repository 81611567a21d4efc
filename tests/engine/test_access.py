"""Who has access, until when, and that a change of it is one update in place, through the real engine."""

from __future__ import annotations

import json
import re
from typing import Any

from admin import Admin
from workspace import ACCESS, ENVIRONMENT, Workspace, stripe

ROBOT = {"role": "OWNER", "userByEmail": "robot@dev-project.iam.gserviceaccount.com"}
ENGINEERS = {"role": "READER", "groupByEmail": "engineers@example.com"}
PEOPLE = {"need": ["ticket", "until"], "longest": "60d", "warn": "7d", "standing": ["group:Engineers@example.com"]}


def timed(day: str, moment: str) -> dict[str, Any]:
    expression = f'request.time < timestamp("{moment}T00:00:00Z")'
    condition = {"title": f"until {day}", "expression": expression, "description": "DATA-1"}
    return {"role": "READER", "userByEmail": "a@example.com", "condition": condition}


def salaries(until: str, *, sensitive: bool) -> dict[str, Any]:
    viewer = "roles/bigquery.dataViewer"
    access = [
        {"role": viewer, "members": ["user:A@example.com"], "ticket": "DATA-1", "until": until},
        {
            "role": viewer,
            "members": ["principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p"],
        },
    ]
    return {
        "description": "Salaries.",
        "owners": ["o@example.com"],
        "dataset": {"sensitive": sensitive, "access": access},
    }


def lists(admin: Admin) -> dict[str, list[dict[str, Any]]]:
    """The access lists, without the one workload; the writer is `fivetran`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in ("stripe", "salaries", "dbt"):
        entries = admin.dataset("dev-project", name)["access"]
        fivetran = [entry for entry in entries if entry["role"] == "WRITER"]
        assert all("@fivetran-" in entry["userByEmail"] for entry in fivetran)
        rest = [entry for entry in entries if entry not in fivetran and "iamMember" not in entry]
        found[name] = sorted([*rest, *({"fivetran": "writes"} for _ in fivetran)], key=str)
    return found


def listed(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted([ROBOT, *entries], key=str)


def changes(workspace: Workspace, **env: str) -> dict[str, str]:
    """What a preview would do with each resource that does not stay the same."""
    steps = json.loads(workspace.preview("--json", **env).ok().out)["steps"]
    return {each["urn"].split("::", 2)[2]: each["op"] for each in steps if each["op"] != "same"}


def test_change_of_sensitive_or_until_is_one_update_and_expired_access_is_revoked(workspace: Workspace, admin: Admin):
    early = {"RECONCILER_TODAY": "2026-12-01"}
    workspace.write("environment", {**ENVIRONMENT, "policy": {"people": PEOPLE}})
    written = {"description": "Models.", "owners": ["o@example.com"], "dataset": {"written_by": "fivetran"}}
    workspace.write("dbt", written)
    workspace.write("stripe", stripe())
    workspace.write("salaries", salaries("2027-01-10", sensitive=True))
    workspace.up(**early).ok()
    fivetran = {"fivetran": "writes"}
    assert lists(admin) == {
        "stripe": listed(ENGINEERS, fivetran),
        "salaries": listed(timed("2027-01-10", "2027-01-11")),
        "dbt": listed(ENGINEERS, fivetran),
    }

    unit = stripe()
    workspace.write("stripe", {**unit, "dataset": {**unit["dataset"], "sensitive": True}})
    workspace.write("salaries", salaries("2027-01-20", sensitive=False))
    assert changes(workspace, **early) == {
        "pulumi-python:dynamic/reconciler:Preflight::dev": "update",  # records which are sensitive, for reviews
        f"{ACCESS}::stripe": "update",
        f"{ACCESS}::salaries": "update",
    }
    admin.gcp("DELETE", "/calls")
    workspace.up(**early).ok()
    methods = ("Create", "Update", "Delete", "PATCH")
    writes = [call for call in admin.gcp("GET", "/calls") if call["method"] in methods]
    assert [(call["method"], call["count"]) for call in writes if not call["preview"]] == [("PATCH", 2)]
    flipped = {
        "stripe": listed(fivetran),
        "salaries": listed(ENGINEERS, timed("2027-01-20", "2027-01-21")),
        "dbt": listed(ENGINEERS, fivetran),
    }
    assert lists(admin) == flipped

    output = workspace.preview("--expect-no-changes", "--refresh", RECONCILER_TODAY="2027-01-20").ok().out
    entry = "roles/bigquery.dataViewer for user:A@example.com"
    assert f"access ends on 2027-01-20, today is the last day: {entry}; write a later date in `until`" in output

    over = {"RECONCILER_TODAY": "2027-01-21"}
    ended = workspace.up("--refresh", **over).ok().out
    assert re.search(r"\n +~ 1 updated\n", ended), ended
    assert f"access ended on 2027-01-20: {entry}; remove the grant" in ended
    assert lists(admin) == {**flipped, "salaries": listed(ENGINEERS)}
    assert "revokes roles/bigquery.dataViewer on dataset salaries from user:a@example.com until 2027-01-20" in ended
    workspace.preview("--expect-no-changes", "--refresh", **over).ok()


def test_member_that_google_denies_fails_the_end_of_the_run_and_no_resource(workspace: Workspace, admin: Admin):
    unit = stripe()
    viewer = {"role": "roles/bigquery.dataViewer", "members": ["user:a@example.com"]}
    unit["dataset"]["access"] = [viewer]
    workspace.write("stripe", unit)
    workspace.up().ok()
    admin.gcp("POST", "/deleted-members", {"members": ["user:a@example.com"]})
    unit["connector"]["config"]["api_key"]["version"] = 2
    unit["dataset"]["access"] = [{**viewer, "members": ["user:a@example.com", "user:b@example.com"]}]
    file = workspace.write("stripe", unit)
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if "a@example.com" in text)

    previewed = workspace.preview("--refresh").ok().out
    assert re.search(rf"stripe.yaml:{line}:\d+: the account of user:a@example.com is deleted in Google", previewed)
    assert re.search(
        rf"stripe.yaml:{line + 1}:\d+: grants roles/bigquery.dataViewer on dataset stripe to user:b", previewed
    )
    for run in (workspace.up("--refresh", STRIPE_KEY="rotated"), workspace.up(STRIPE_KEY="rotated")):
        assert run.code != 0
        denied = r"Google denies roles/bigquery.dataViewer for user:a@example.com on dataset stripe: there is no such"
        assert re.search(rf"1 unit failed:\n\s+\S*stripe.yaml:{line}:\d+: {denied}", run.out)
        assert "Traceback" not in run.out
    readers = {entry.get("userByEmail") for entry in admin.dataset("dev-project", "stripe")["access"]}
    assert "b@example.com" in readers
    assert "a@example.com" not in readers
    assert admin.connections(secrets=True)["stripe"]["effective"]["config"]["api_key"] == "rotated"

    unit["dataset"]["access"] = [{**viewer, "members": ["user:b@example.com"]}]
    workspace.write("stripe", unit)
    workspace.up("--refresh", STRIPE_KEY="rotated").ok()
