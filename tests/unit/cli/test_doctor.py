"""`reconciler doctor`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .workspace import ENVIRONMENT, Workspace

READ = "roles/bigquery.dataViewer"
ROBOT = "serviceAccount:robot@example.com"
STEP = "         run this with roles/iam.securityReviewer there"


@pytest.fixture
def account(workspace: Workspace) -> str:
    """Set up a complete environment with a sensitive dataset; return Fivetran's service account."""
    config = {"project_id": "dev-project", "data_set_location": "US"}
    workspace.admin("POST", "/destinations", {"id": workspace.group_id, "region": "GCP_US_EAST4", "config": config})
    account = f"g-{workspace.group_id.replace('_', '-')}@fivetran-production.iam.gserviceaccount.com"
    grant(workspace, "projects/dev-project", ("roles/bigquery.user", f"serviceAccount:{account}"))
    owns = {"role": "roles/bigquery.dataOwner", "members": [ROBOT]}
    workspace.write(
        "environment", {**ENVIRONMENT, "automation": [owns], "workgroups": "{workgroup}-{subgroup}@example.com"}
    )
    dataset(workspace, "pay", sensitive=True)
    dataset(workspace, "open", sensitive=False)
    return account


def dataset(workspace: Workspace, name: str, *more: dict[str, str], sensitive: bool) -> None:
    """Declare a dataset and create it, with the robot and `more` in its access list."""
    declare(workspace, name, sensitive=sensitive)
    workspace.dataset(name, location="US", access=[{"role": "OWNER", "userByEmail": "robot@example.com"}, *more])


def declare(workspace: Workspace, name: str, *, sensitive: bool) -> None:
    """Write the file of a dataset."""
    unit = {"description": "x", "owners": ["o@example.com"], "dataset": {"location": "US", "sensitive": sensitive}}
    workspace.write(name, unit)


def grant(workspace: Workspace, name: str, *given: tuple[str, str], **fields: Any) -> None:
    """Set the roles on a project, folder or organisation."""
    bindings = [{"role": role, "members": [member]} for role, member in given]
    workspace.admin("PUT", f"/gcp/hierarchy/{name}", {"bindings": bindings, **fields})


def test_doctor_reports_every_check_as_ok_in_a_complete_environment(workspace: Workspace, account: str):
    ran = workspace.run("doctor")
    assert ran.out.splitlines() == [
        f"ok       Fivetran: the API key works and sees the group Dev ({workspace.group_id})",
        "ok       destination: it is connected, in US and GCP_US_EAST4 as declared",
        "ok       BigQuery: Google's credentials work and see 2 datasets in dev-project",
        f"ok       Fivetran's role: {account} has roles/bigquery.user on the project dev-project",
        "ok       inherited access: no undeclared member reads pay through a role on the project dev-project",
    ]
    assert (ran.code, ran.err) == (0, "dev: 5 ok\n")
    assert workspace.run("doctor", "--format", "github").out == ""
    declare(workspace, "pay", sensitive=False)
    ran = workspace.run("doctor")
    assert ran.out.splitlines()[-1] == "ok       inherited access: no file declares a sensitive dataset in this project"
    assert ran.code == 0


def test_doctor_names_members_who_read_sensitive_data_through_an_inherited_role(workspace: Workspace, account: str):
    dataset(workspace, "bonus", {"role": "READER", "specialGroup": "projectReaders"}, sensitive=True)
    custom, hidden = "projects/dev-project/roles/reader", "organizations/1/roles/hidden"
    harmless = "projects/dev-project/roles/harmless"
    workspace.admin("PUT", "/gcp/roles", {"name": custom, "permissions": ["bigquery.tables.getData"]})
    workspace.admin("PUT", "/gcp/roles", {"name": harmless, "permissions": ["bigquery.tables.get"]})
    workspace.admin("PUT", "/gcp/roles", {"name": hidden, "denied": True})
    grant(workspace, "organizations/1", (READ, "group:audit@example.com"), (hidden, "user:a@example.com"))
    grant(workspace, "folders/2", ("roles/dataproc.worker", "serviceAccount:w@example.com"), parent="organizations/1")
    mine = [
        ("roles/bigquery.user", f"serviceAccount:{account}"),
        (custom, "user:b@example.com"),
        (harmless, "user:c@example.com"),
        ("roles/compute.serviceAgent", "serviceAccount:agent@example.com"),
        ("roles/bigquery.jobUser", "domain:example.com"),
        (READ, ROBOT),  # `automation` grants it access to every dataset
        (READ, "deleted:user:gone@example.com?uid=1"),
        ("roles/viewer", "group:everybody@example.com"),
        ("roles/editor", "group:some@example.com"),
    ]
    grant(workspace, "projects/dev-project", *mine, parent="folders/2", display_name="Data")
    ran = workspace.run("doctor")
    assert (ran.code, ran.err) == (1, "dev: 4 ok, 5 warning\n")
    lines = ran.out.splitlines()
    at = lines.index(
        f"warning  inherited access: group:audit@example.com reads bonus and pay through {READ} on the organisation 1"
    )
    assert lines[at + 1] == (
        "         revoke the role on the organisation 1, and grant access to single datasets instead"
    )
    found = [line["reading"] for line in json.loads(workspace.run("doctor", "--format", "json").out) if line["reading"]]
    both, here = ["bonus", "pay"], "project dev-project (Data)"
    assert sorted(tuple(map(str, reading.values())) for reading in found) == sorted(
        tuple(map(str, ([member], role, where, None, certain, datasets)))
        for member, role, where, certain, datasets in [
            ("user:b@example.com", custom, here, True, both),
            ("group:everybody@example.com", "roles/viewer", here, True, ["bonus"]),
            ("serviceAccount:w@example.com", "roles/dataproc.worker", "folder 2", True, both),
            ("user:a@example.com", hidden, "organisation 1", False, both),
            ("group:audit@example.com", READ, "organisation 1", True, both),
        ]
    )
    assert (
        workspace.run("doctor", "--format", "github").out.count("::warning file=connectors/dev/environment.yaml") == 5
    )


def test_doctor_warns_about_policies_and_access_lists_it_cannot_read(workspace: Workspace, account: str):
    grant(workspace, "projects/dev-project", ("roles/viewer", "user:a@example.com"), parent="organizations/1")
    workspace.admin("PUT", "/gcp/hierarchy/organizations/1", {"denied": ["get", "getIamPolicy"]})
    denied = {"method": "GET", "id": "*/datasets/pay", "code": "PERMISSION_DENIED", "times": 0}
    workspace.admin("POST", "/gcp/faults", {**denied, "error": "Access Denied"})
    ran = workspace.run("doctor")
    lines = ran.out.splitlines()
    assert "warning  BigQuery: cannot read the access list of pay: " in ran.out
    assert (
        "cannot read the IAM policy of the organisation 1: Google answered 403: "
        "Permission 'resourcemanager.organizations.get'" in ran.out
    )
    assert lines.count(STEP) == 1
    assert "user:a@example.com may read pay through roles/viewer on the project dev-project" in ran.out
    assert f"failed   Fivetran's role: {account} lacks roles/bigquery.user on dev-project" in lines
    assert ran.code == 1
    workspace.admin("PUT", "/gcp/hierarchy/projects/dev-project", {"denied": ["getIamPolicy"]})
    assert (
        f"warning  Fivetran's role: cannot check whether {account} has roles/bigquery.user"
        in workspace.run("doctor").out
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"region": "GCP_EUROPE_WEST3"}, "region is GCP_US_EAST4 in the file and GCP_EUROPE_WEST3 in Fivetran"),
        ({"config": {"data_set_location": "EU"}}, "location is US in the file and EU in Fivetran"),
        ({"config": {"project_id": "other"}}, "gcp_project is dev-project in the file and other in Fivetran"),
        ({"setup_status": "broken"}, "its setup status is broken"),
    ],
)
@pytest.mark.usefixtures("account")
def test_doctor_fails_a_destination_that_differs_from_the_file(
    workspace: Workspace, change: dict[str, Any], message: str
):
    workspace.admin("PATCH", f"/destinations/{workspace.group_id}", change)
    ran = workspace.run("doctor")
    assert f"failed   destination: {message}" in ran.out.splitlines()
    assert ran.code == 1


@pytest.mark.usefixtures("account")
def test_doctor_checks_the_secret_versions_that_files_name(workspace: Workspace):
    key = {"secret": "stripe-key", "version": 2}
    workspace.unit("stripe", config={"api_key": key})
    missing = workspace.run("doctor").out
    finding, step = missing[missing.index("failed   secrets: ") :].splitlines()[:2]
    subject = "failed   secrets: connectors/dev/stripe.yaml: config.api_key"
    assert finding == f"{subject}: project dev-project has no secret stripe-key with a version"
    assert step.strip().startswith("create one (`reconciler secret put ")
    versions = [{"project": "dev-project", "secret": "stripe-key", "version": 2, "value": "canary"}]
    workspace.admin("PUT", "/secret-manager/versions", {"versions": versions})
    ran = workspace.run("doctor")
    assert "ok       secrets: found and enabled: 1 version in dev-project" in ran.out.splitlines()
    assert ran.code == 0


@pytest.mark.usefixtures("account")
def test_doctor_runs_every_check_when_one_fails(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FIVETRAN_APISECRET", "wrong")
    ran = workspace.run("doctor")
    assert ran.out.startswith("failed   Fivetran: ")
    assert "ok       inherited access: " in ran.out
    assert ran.code == 3
    monkeypatch.delenv("FIVETRAN_APISECRET")
    assert workspace.run("doctor").code == 1


def test_doctor_reports_one_line_when_access_lists_share_one_error(workspace: Workspace, account: str):
    dataset(workspace, "bonus", sensitive=True)
    for name in ("pay", "bonus"):
        error = f"Access Denied: Dataset dev-project:{name}"
        denied = {"method": "GET", "id": f"*/{name}", "code": "PERMISSION_DENIED", "error": error, "times": 0}
        workspace.admin("POST", "/gcp/faults", denied)
    lines = [line for line in workspace.run("doctor").out.splitlines() if "Access Denied" in line]
    assert len(lines) == 1
    assert "cannot read the access list of bonus, pay: " in lines[0]
