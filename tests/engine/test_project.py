"""Roles on the project: Fivetran's service account gets what it needs before anything needs it, others as declared."""

from __future__ import annotations

from typing import Any

from admin import Admin
from workspace import ENVIRONMENT, Workspace, stripe

JOBS, METADATA = "roles/bigquery.jobUser", "roles/bigquery.metadataViewer"
THIS_YEAR = {"title": "for now", "expression": 'request.time < timestamp("2200-01-01T00:00:00Z")'}
#: Given by hand, before and beside.
THEIRS = {"role": JOBS, "member": "group:others@example.com"}


def policy(admin: Admin) -> list[dict[str, Any]]:
    """Who has which role on the project, without what others gave by hand."""
    granted = admin.gcp("GET", "/state")["projects"]["dev-project"]["policy"]
    return [grant for grant in granted if grant != THEIRS]


def test_project_roles_are_added_and_revoked_alone_and_fivetran_has_its_own(workspace: Workspace, admin: Admin):
    admin.gcp("POST", "/grants/dev-project", THEIRS)
    audit = {"role": METADATA, "members": ["group:audit@example.com"], "condition": THIS_YEAR}
    jobs = {"role": JOBS, "members": ["workgroup:data/engineers", "user:Ann@Example.com"]}
    environment = {**ENVIRONMENT, "workgroups": "{workgroup}--{subgroup}@example.com"}
    workspace.write("environment", {**environment, "project_access": [jobs, audit]})
    workspace.write("stripe", stripe())
    workspace.up().ok()
    (destination,) = admin.snapshot()["destinations"]
    assert destination["setup_status"] == "connected"
    assert admin.counts()["POST /v1/destinations/{destination_id}/test"] == 1  # not before the role was there
    account = f"serviceAccount:g-{destination['id'].replace('_', '-')}@fivetran-production.iam.gserviceaccount.com"
    fivetrans = {"role": "roles/bigquery.user", "member": account}
    engineers = {"role": JOBS, "member": "group:data--engineers@example.com"}
    audited = {"role": METADATA, "member": "group:audit@example.com", "condition": THIS_YEAR}
    assert policy(admin) == [engineers, {"role": JOBS, "member": "user:ann@example.com"}, audited, fivetrans]

    # Another condition, by its description alone, and one member less; written in another order and spelling.
    described = {**THIS_YEAR, "description": "The audit of this year."}
    fewer = {"role": JOBS, "members": ["group:Data--Engineers@example.com"]}
    workspace.write("environment", {**environment, "project_access": [{**audit, "condition": described}, fewer]})
    changed = workspace.up().ok().out
    assert policy(admin) == [engineers, {**audited, "condition": described}, fivetrans]
    assert ("- 1 deleted" in changed, "+-1 replaced" in changed) == (True, True), changed
    assert THEIRS in admin.gcp("GET", "/state")["projects"]["dev-project"]["policy"]
    workspace.assert_settled()

    # By hand Fivetran's role goes and the destination breaks: a run with a look puts both right.
    admin.gcp("DELETE", "/grants/dev-project", fivetrans)
    admin.set_destination(destination["id"], setup_status="broken")
    assert "+ 2 created" in workspace.up("--refresh").ok().out
    assert fivetrans in policy(admin)
    assert admin.snapshot()["destinations"][0]["setup_status"] == "connected"


def test_another_condition_is_granted_before_the_old_one_is_revoked(workspace: Workspace, admin: Admin):
    member = {"role": METADATA, "member": "group:audit@example.com"}
    audit = {"role": METADATA, "members": [member["member"]], "condition": THIS_YEAR}
    described = {**THIS_YEAR, "description": "The audit of this year."}
    workspace.write("environment", {**ENVIRONMENT, "project_access": [audit]})
    assert "global setting for GCP Project" not in workspace.up().ok().out  # each resource names its project
    old, new = {**member, "condition": THIS_YEAR}, {**member, "condition": described}

    # Google rejects the new one: the member keeps the old one.
    workspace.write("environment", {**ENVIRONMENT, "project_access": [{**audit, "condition": described}]})
    admin.gcp("POST", "/faults", {"method": "Create", "type": "gcp:projects/*", "error": "no"})
    assert workspace.up().code != 0
    assert old in policy(admin)

    # Google grants it, and rejects to revoke the old one: the member has both.
    admin.gcp("POST", "/faults", {"method": "Delete", "type": "gcp:projects/*", "error": "no"})
    assert workspace.up().code != 0
    held = policy(admin)
    assert old in held
    assert new in held

    workspace.up().ok()
    held = policy(admin)
    assert new in held
    assert old not in held
