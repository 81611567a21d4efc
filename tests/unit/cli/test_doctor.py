"""`reconciler doctor`: a line for each thing that an environment needs, and for each role by which somebody reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .shop import ENVIRONMENT, Shop

READ = "roles/bigquery.dataViewer"
ROBOT = "serviceAccount:robot@example.com"
LOOK = "         roles/iam.securityReviewer there shows it, or ask somebody who has that"


@pytest.fixture
def account(shop: Shop) -> str:
    """Fivetran's service account, of an environment that has all it needs and a sensitive dataset."""
    config = {"project_id": "dev-project", "data_set_location": "US"}
    shop.admin("POST", "/destinations", {"id": shop.group_id, "region": "GCP_US_EAST4", "config": config})
    account = f"g-{shop.group_id.replace('_', '-')}@fivetran-production.iam.gserviceaccount.com"
    grant(shop, "projects/dev-project", ("roles/bigquery.user", f"serviceAccount:{account}"))
    owns = {"role": "roles/bigquery.dataOwner", "members": [ROBOT]}
    shop.write("environment", {**ENVIRONMENT, "automation": [owns], "workgroups": "{workgroup}-{subgroup}@example.com"})
    dataset(shop, "pay", sensitive=True)
    dataset(shop, "open", sensitive=False)
    return account


def dataset(shop: Shop, name: str, *more: dict[str, str], sensitive: bool) -> None:
    """A dataset that a file declares, and that is there with the robot in its list, and `more`."""
    declare(shop, name, sensitive=sensitive)
    shop.dataset(name, location="US", access=[{"role": "OWNER", "userByEmail": "robot@example.com"}, *more])


def declare(shop: Shop, name: str, *, sensitive: bool) -> None:
    """The file of a dataset."""
    unit = {"description": "x", "owners": ["o@example.com"], "dataset": {"location": "US", "sensitive": sensitive}}
    shop.write(name, unit)


def grant(shop: Shop, name: str, *given: tuple[str, str], **fields: Any) -> None:
    """All roles on a project, folder or organisation."""
    bindings = [{"role": role, "members": [member]} for role, member in given]
    shop.admin("PUT", f"/gcp/hierarchy/{name}", {"bindings": bindings, **fields})


def test_an_environment_that_has_all_it_needs_is_ok_throughout(shop: Shop, account: str):
    ran = shop.run("doctor")
    assert ran.out.splitlines() == [
        f"ok       Fivetran: the API key works and sees the group Dev ({shop.group_id})",
        "ok       destination: it is connected, in US and GCP_US_EAST4 as the file says",
        "ok       BigQuery: Google's credentials work and see 2 datasets in dev-project",
        f"ok       Fivetran's role: {account} has roles/bigquery.user on the project dev-project",
        "ok       inherited access: nobody but whom files name reads pay by a role on the project dev-project",
    ]
    assert (ran.code, ran.err) == (0, "dev: 5 ok\n")
    assert shop.run("doctor", "--format", "github").out == ""
    declare(shop, "pay", sensitive=False)
    ran = shop.run("doctor")
    assert ran.out.splitlines()[-1] == "ok       inherited access: no file declares a sensitive dataset in this project"
    assert ran.code == 0


def test_who_reads_sensitive_data_by_a_role_above_it_is_named_with_where_and_what(shop: Shop, account: str):
    dataset(shop, "bonus", {"role": "READER", "specialGroup": "projectReaders"}, sensitive=True)
    custom, hidden = "projects/dev-project/roles/reader", "organizations/1/roles/hidden"
    harmless = "projects/dev-project/roles/harmless"
    shop.admin("PUT", "/gcp/roles", {"name": custom, "permissions": ["bigquery.tables.getData"]})
    shop.admin("PUT", "/gcp/roles", {"name": harmless, "permissions": ["bigquery.tables.get"]})
    shop.admin("PUT", "/gcp/roles", {"name": hidden, "denied": True})
    grant(shop, "organizations/1", (READ, "group:audit@example.com"), (hidden, "user:a@example.com"))
    grant(shop, "folders/2", ("roles/dataproc.worker", "serviceAccount:w@example.com"), parent="organizations/1")
    mine = [
        ("roles/bigquery.user", f"serviceAccount:{account}"),
        (custom, "user:b@example.com"),
        (harmless, "user:c@example.com"),
        ("roles/compute.serviceAgent", "serviceAccount:agent@example.com"),
        ("roles/bigquery.jobUser", "domain:example.com"),
        (READ, ROBOT),  # whom the environment lets into every dataset
        (READ, "deleted:user:gone@example.com?uid=1"),
        ("roles/viewer", "group:everybody@example.com"),
        ("roles/editor", "group:some@example.com"),
    ]
    grant(shop, "projects/dev-project", *mine, parent="folders/2", display_name="Data")
    ran = shop.run("doctor")
    assert (ran.code, ran.err) == (1, "dev: 4 ok, 5 warning\n")
    lines = ran.out.splitlines()
    at = lines.index(
        f"warning  inherited access: group:audit@example.com reads bonus and pay by {READ} on the organisation 1"
    )
    assert lines[at + 1] == ("         take the role away on the organisation 1, and grant on datasets what is needed")
    found = [line["reading"] for line in json.loads(shop.run("doctor", "--format", "json").out) if line["reading"]]
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
    assert shop.run("doctor", "--format", "github").out.count("::warning file=connectors/dev/environment.yaml") == 5


def test_what_could_not_be_looked_at_is_said_and_may_open_what_it_hides(shop: Shop, account: str):
    grant(shop, "projects/dev-project", ("roles/viewer", "user:a@example.com"), parent="organizations/1")
    shop.admin("PUT", "/gcp/hierarchy/organizations/1", {"denied": ["get", "getIamPolicy"]})
    denied = {"method": "GET", "id": "*/datasets/pay", "code": "PERMISSION_DENIED", "times": 0}
    shop.admin("POST", "/gcp/faults", {**denied, "error": "Access Denied"})
    ran = shop.run("doctor")
    lines = ran.out.splitlines()
    assert "warning  BigQuery: could not look at who is let in by pay itself: " in ran.out
    assert (
        "could not look at who has roles on the organisation 1: Google answered 403: "
        "Permission 'resourcemanager.organizations.get'" in ran.out
    )
    assert lines.count(LOOK) == 1
    assert "user:a@example.com may read pay by roles/viewer on the project dev-project" in ran.out
    assert f"failed   Fivetran's role: {account} lacks roles/bigquery.user on dev-project" in lines
    assert ran.code == 1
    shop.admin("PUT", "/gcp/hierarchy/projects/dev-project", {"denied": ["getIamPolicy"]})
    assert (
        f"warning  Fivetran's role: could not look at whether {account} has roles/bigquery.user"
        in shop.run("doctor").out
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"region": "GCP_EUROPE_WEST3"}, "region is GCP_US_EAST4 in the file and GCP_EUROPE_WEST3 in Fivetran"),
        ({"config": {"data_set_location": "EU"}}, "location is US in the file and EU in Fivetran"),
        ({"config": {"project_id": "other"}}, "gcp_project is dev-project in the file and other in Fivetran"),
        ({"setup_status": "broken"}, "its set-up is broken"),
    ],
)
@pytest.mark.usefixtures("account")
def test_a_destination_that_is_not_as_the_file_says_fails(shop: Shop, change: dict[str, Any], said: str):
    shop.admin("PATCH", f"/destinations/{shop.group_id}", change)
    ran = shop.run("doctor")
    assert f"failed   destination: {said}" in ran.out.splitlines()
    assert ran.code == 1


@pytest.mark.usefixtures("account")
def test_the_versions_of_secrets_that_files_name_are_looked_up(shop: Shop):
    key = {"secret": "stripe-key", "version": 2}
    shop.unit("stripe", config={"api_key": key})
    missing = shop.run("doctor").out
    assert "failed   secrets: connectors/dev/stripe.yaml: config.api_key: project dev-project has no secret" in missing
    versions = [{"project": "dev-project", "secret": "stripe-key", "version": 2, "value": "canary"}]
    shop.admin("PUT", "/secret-manager/versions", {"versions": versions})
    ran = shop.run("doctor")
    assert "ok       secrets: there and enabled: 1 version in dev-project" in ran.out.splitlines()
    assert ran.code == 0


@pytest.mark.usefixtures("account")
def test_what_fails_keeps_no_other_check_from_being_made(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FIVETRAN_APISECRET", "wrong")
    ran = shop.run("doctor")
    assert ran.out.startswith("failed   Fivetran: ")
    assert "ok       inherited access: " in ran.out
    assert ran.code == 3
    monkeypatch.delenv("FIVETRAN_APISECRET")
    assert shop.run("doctor").code == 1


def test_one_reason_why_lists_cannot_be_looked_at_is_one_line(shop: Shop, account: str):
    dataset(shop, "bonus", sensitive=True)
    for name in ("pay", "bonus"):
        error = f"Access Denied: Dataset dev-project:{name}"
        denied = {"method": "GET", "id": f"*/{name}", "code": "PERMISSION_DENIED", "error": error, "times": 0}
        shop.admin("POST", "/gcp/faults", denied)
    lines = [line for line in shop.run("doctor").out.splitlines() if "Access Denied" in line]
    assert len(lines) == 1
    assert "could not look at who is let in by bonus, pay itself: " in lines[0]
