"""BigQuery's REST API on the local Google Cloud: the routes by themselves."""

from typing import Any

import httpx
import pytest

from simulator.process import Simulators

from .google_engine import DATASET, PROJECT_MEMBER, Engine, rejected

READER = {"role": "READER", "userByEmail": "a@example.com"}
CONDITION = {"title": "until", "expression": 'request.time < timestamp("2027-01-01T00:00:00Z")'}


@pytest.fixture
def get(simulators: Simulators, engine: Engine):
    """Ask the local BigQuery; answers the status and the body."""

    def ask(path: str, **params: str) -> tuple[int, Any]:
        answer = httpx.get(f"{simulators.bigquery_url}/bigquery/v2/projects/{path}", params=params)
        return answer.status_code, answer.json()

    return ask


def test_dataset_made_over_the_provider_protocol_is_there_over_http(get, engine: Engine):
    engine.create(
        "gcp:bigquery/dataset:Dataset",
        {"project": "p", "datasetId": "d", "friendlyName": "D", "defaultTableExpirationMs": 3_600_000},
    )
    status, dataset = get("p/datasets/d")
    assert status == 200
    assert dataset["kind"] == "bigquery#dataset"
    assert dataset["id"] == "p:d"
    assert dataset["datasetReference"] == {"projectId": "p", "datasetId": "d"}
    assert dataset["friendlyName"] == "D"
    assert dataset["defaultTableExpirationMs"] == "3600000"  # 64 bits: a text
    assert dataset["location"] == "US"
    assert dataset["creationTime"].isdecimal()
    assert "description" not in dataset
    assert {"role": "OWNER", "specialGroup": "projectOwners"} in dataset["access"]


def test_missing_dataset_is_a_404_in_googles_form(get):
    status, body = get("p/datasets/nothing")
    assert status == 404
    assert body["error"]["code"] == 404
    assert body["error"]["message"] == "Not found: Dataset p:nothing"
    assert body["error"]["errors"][0]["reason"] == "notFound"


def test_undeclared_project_does_not_exist_once_one_is_declared(get, engine: Engine, simulators: Simulators):
    manager = simulators.resource_manager_url
    assert get("other/datasets")[0] == 200
    engine.admin("PUT", "/projects", {"projects": ["p"]})
    try:
        assert get("p/datasets") == (200, {"kind": "bigquery#datasetList", "etag": get("p/datasets")[1]["etag"]})
        for path in ("other/datasets", "other/datasets/d"):
            status, body = get(path)
            assert (status, body["error"]["message"]) == (404, "Not found: Project other")
        hidden = httpx.get(f"{manager}projects/other")
        assert (hidden.status_code, hidden.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
        assert httpx.post(f"{manager}projects/other:getIamPolicy", json={}).status_code == 403
        assert httpx.get(f"{manager}projects/p").status_code == 200
        with rejected() as no_dataset:
            engine.create(DATASET, {"project": "other", "datasetId": "d"})
        assert "Error 404: Not found: Project other" in no_dataset.message
        with rejected() as no_grant:
            engine.create(PROJECT_MEMBER, {"project": "other", "role": "roles/viewer", "member": "user:a@example.com"})
        assert "Error 403" in no_grant.message
        engine.admin("PUT", "/datasets/other/d", {})
        assert get("other/datasets/d")[0] == 200, "what is made by hand is there, with its project"
    finally:
        engine.admin("DELETE", "/projects")


def test_list_comes_in_pages_and_without_access(get, engine: Engine):
    for name in ("b", "a", "c", "_hidden"):
        engine.admin("PUT", f"/datasets/p/{name}", {"labels": {"kind": name}} if name == "a" else {})
    _, first = get("p/datasets", maxResults="2")
    assert [item["datasetReference"]["datasetId"] for item in first["datasets"]] == ["a", "b"]
    assert first["datasets"][0]["labels"] == {"kind": "a"}
    assert "access" not in first["datasets"][0]
    _, second = get("p/datasets", maxResults="2", pageToken=first["nextPageToken"])
    assert [item["id"] for item in second["datasets"]] == ["p:c"]
    assert "nextPageToken" not in second
    assert len(get("p/datasets", all="true")[1]["datasets"]) == 4
    assert [item["id"] for item in get("p/datasets", filter="labels.kind:a")[1]["datasets"]] == ["p:a"]
    assert "datasets" not in get("p/datasets", filter="labels.kind:z")[1]
    assert get("p/datasets", pageToken="!")[0] == 400
    assert get("p/datasets", maxResults="x")[0] == 400


def test_empty_project_has_no_datasets_and_looking_makes_none(get, engine: Engine):
    status, body = get("nobody/datasets")
    assert (status, "datasets" in body) == (200, False)
    assert get("nobody/datasets/d")[0] == 404
    assert "nobody" not in engine.admin("GET", "/state")["projects"]


def test_conditions_are_shown_to_requests_of_version_3_and_marked_for_others(get, engine: Engine):
    engine.admin("PUT", "/datasets/p/d", {})
    engine.admin("POST", "/datasets/p/d/access", {**READER, "condition": CONDITION})
    assert {**READER, "condition": CONDITION} in get("p/datasets/d", accessPolicyVersion="3")[1]["access"]
    marked = get("p/datasets/d")[1]["access"][-1]
    assert marked["role"].startswith("roles/bigquery.dataViewer_withcond_")
    assert "condition" not in marked
    assert get("p/datasets/d", accessPolicyVersion="2")[0] == 400


def test_view_of_a_dataset_has_only_its_own_fields(get, engine: Engine):
    engine.admin("PUT", "/datasets/p/d", {"labels": {"a": "b"}})
    assert "access" not in get("p/datasets/d", datasetView="METADATA")[1]
    acl = get("p/datasets/d", datasetView="ACL")[1]
    assert "access" in acl
    assert "labels" not in acl
    assert get("p/datasets/d", datasetView="HALF")[0] == 400


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("PERMISSION_DENIED", 403, "accessDenied"),
        ("UNAVAILABLE", 503, "backendError"),
        ("ABORTED", 500, "internalError"),
    ],
)
def test_faults_strike_with_the_status_of_their_code(get, engine: Engine, code: str, status: int, reason: str):
    engine.admin("PUT", "/datasets/p/d", {})
    engine.admin("POST", "/faults", {"method": "GET", "id": "*/d", "code": code, "error": "not today"})
    assert get("p/datasets")[0] == 200
    answered, body = get("p/datasets/d")
    assert (answered, body["error"]["message"], body["error"]["errors"][0]["reason"]) == (status, "not today", reason)
    assert get("p/datasets/d")[0] == 200


def test_answer_can_be_lost(get, engine: Engine):
    engine.admin("PUT", "/datasets/p/d", {})
    engine.admin("POST", "/faults", {"method": "GET", "after": True})
    with pytest.raises(httpx.RemoteProtocolError):
        get("p/datasets/d")


def test_rest_answers_501_to_what_it_does_not_simulate(simulators: Simulators):
    answer = httpx.post(f"{simulators.bigquery_url}/bigquery/v2/projects/p/queries", json={})
    assert answer.status_code == 501
    assert "does not simulate POST /bigquery/v2/projects/p/queries" in answer.json()["error"]["message"]
    assert httpx.delete(f"{simulators.bigquery_url}/bigquery/v2/projects/p/datasets/d").status_code == 501
