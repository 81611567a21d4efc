"""Cloud Resource Manager v3 on the local Google Cloud, asked as Google's Python library asks it over REST.

Held against https://cloud.google.com/resource-manager/reference/rest/v3 (projects, folders, organizations: get and
getIamPolicy; "permission is denied if the policy or the resource do not exist"), and for conditions against
https://cloud.google.com/iam/docs/policies#versions. The words of rejections are those that users have reported.
"""

from typing import Any

import httpx
import pytest

from simulator.process import Simulators

from .google_engine import PROJECT_MEMBER, Engine

UNTIL = {"title": "until", "expression": 'request.time < timestamp("2027-01-01T00:00:00Z")'}
#: What the library adds to every request.
ALT = {"$alt": "json;enum-encoding=int"}


@pytest.fixture
def get(simulators: Simulators, engine: Engine):
    """Ask for a project, folder or organisation; answers the status and the body."""

    def ask(name: str) -> tuple[int, Any]:
        answer = httpx.get(f"{simulators.resource_manager_url}{name}", params=ALT)
        return answer.status_code, answer.json()

    return ask


@pytest.fixture
def policy(simulators: Simulators, engine: Engine):
    """Ask for a policy in version 3, or in another; answers the status and the body."""

    def ask(name: str, version: int | None = 3) -> tuple[int, Any]:
        options = {} if version is None else {"options": {"requestedPolicyVersion": version}}
        answer = httpx.post(f"{simulators.resource_manager_url}{name}:getIamPolicy", params=ALT, json=options)
        return answer.status_code, answer.json()

    return ask


def test_projects_policy_is_the_one_that_the_provider_writes(policy, engine: Engine):
    assert policy("projects/p")[1].get("bindings") is None
    for member in ("user:b@example.com", "user:a@example.com"):
        engine.create(PROJECT_MEMBER, {"project": "p", "role": "roles/viewer", "member": member})
    status, answer = policy("projects/p")
    assert status == 200
    assert answer["bindings"] == [{"role": "roles/viewer", "members": ["user:a@example.com", "user:b@example.com"]}]
    assert answer["version"] == 1
    engine.admin("DELETE", "/grants/p", {"role": "roles/viewer", "member": "user:a@example.com"})
    later = policy("projects/p")[1]
    assert later["bindings"] == [{"role": "roles/viewer", "members": ["user:b@example.com"]}]
    assert later["etag"] != answer["etag"]


def test_conditions_are_shown_to_requests_of_version_3_and_marked_for_others(policy, engine: Engine):
    role = "roles/bigquery.jobUser"
    engine.admin("POST", "/grants/p", {"role": role, "member": "user:a@example.com", "condition": UNTIL})
    answer = policy("projects/p")[1]
    assert answer["version"] == 3
    assert answer["bindings"] == [{"role": role, "members": ["user:a@example.com"], "condition": UNTIL}]
    for version in (None, 1):
        answer = policy("projects/p", version)[1]
        (binding,) = answer["bindings"]
        assert answer["version"] == 1
        assert binding["role"].startswith(f"{role}_withcond_")
        assert set(binding) == {"role", "members"}
    assert policy("projects/p", 2)[0] == 400


def test_parents_lead_from_a_project_to_its_organisation(get, policy, engine: Engine):
    bindings = [{"role": "roles/bigquery.dataViewer", "members": ["group:analysts@example.com"]}]
    engine.admin("PUT", "/hierarchy/organizations/1", {"bindings": bindings, "display_name": "example.com"})
    engine.admin("PUT", "/hierarchy/folders/2", {"parent": "organizations/1"})
    engine.admin("PUT", "/hierarchy/projects/p", {"parent": "folders/2"})
    project = get("projects/p")[1]
    assert (project["projectId"], project["parent"], project["state"]) == ("p", "folders/2", "ACTIVE")
    assert get(project["name"])[1] == project  # by its number, too
    assert get("folders/2")[1]["parent"] == "organizations/1"
    organisation = get("organizations/1")[1]
    assert organisation["displayName"] == "example.com"
    assert "parent" not in organisation
    assert policy("organizations/1")[1]["bindings"] == bindings
    assert "bindings" not in policy("folders/2")[1]


def test_unknown_project_has_no_parent_and_reading_creates_none(get, engine: Engine):
    status, project = get("projects/alone")
    assert (status, "parent" in project) == (200, False)
    assert "alone" not in engine.admin("GET", "/state")["projects"]


@pytest.mark.parametrize("name", ["projects/p", "folders/2", "organizations/1"])
def test_hidden_project_is_answered_in_googles_words(get, policy, engine: Engine, name: str):
    engine.admin("PUT", f"/hierarchy/{name}", {"denied": ["get", "getIamPolicy"]})
    status, answer = policy(name)
    rejection = {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}
    assert (status, answer) == (403, {"error": rejection})
    collection = name.split("/", maxsplit=1)[0]
    status, answer = get(name)
    assert status == 403
    assert answer["error"]["message"] == (
        f"Permission 'resourcemanager.{collection}.get' denied on resource "
        f"'//cloudresourcemanager.googleapis.com/{name}' (or it may not exist)."
    )
    engine.admin("PUT", f"/hierarchy/{name}", {"denied": []})
    assert (get(name)[0], policy(name)[0]) == (200, 200)


def test_folder_that_is_not_there_is_denied_and_not_missing(get, policy):
    assert get("folders/404")[0] == 403
    assert policy("organizations/404")[0] == 403


def test_faults_strike_and_an_answer_can_be_lost(get, policy, engine: Engine):
    kind = "resourcemanager:projects"
    engine.admin("POST", "/faults", {"type": kind, "code": "UNAVAILABLE", "error": "not today"})
    assert policy("projects/p") == (503, {"error": {"code": 503, "message": "not today", "status": "UNAVAILABLE"}})
    engine.admin("POST", "/faults", {"type": kind, "method": "GET", "after": True})
    with pytest.raises(httpx.RemoteProtocolError):
        get("projects/p")
    assert get("projects/p")[0] == 200


def test_resource_manager_answers_501_to_what_it_does_not_simulate(simulators: Simulators):
    answer = httpx.post(f"{simulators.resource_manager_url}projects/p:setIamPolicy", json={})
    assert answer.status_code == 501
    assert "does not simulate POST /v3/projects/p:setIamPolicy" in answer.json()["error"]["message"]
    answer = httpx.post(f"{simulators.resource_manager_url}projects/p:getIamPolicy", content="{")
    assert answer.status_code == 400


def test_admin_route_rejects_invalid_bodies(engine: Engine):
    bodies: list[dict[str, list[str]]] = [{"denied": ["delete"]}, {"members": []}]
    for body in bodies:
        assert engine.http.put("/hierarchy/folders/2", json=body).status_code == 400
    assert engine.admin("GET", "/state")["above"] == {}
