"""BigQuery's REST API on the local Google Cloud, where it changes datasets: through Google's own Python library.

Held against the reference of `datasets.patch` and `datasets.update`
(https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/patch): `access` is overwritten as a whole; null
takes a field away (RFC 5789); the access list of a dataset with conditions is written in `accessPolicyVersion` 3 and no
lower one, in which roles are read with `withcond` and a hash; `updateMode` says what of the body counts. `If-Match` is
how the library's `update_dataset` writes only what it read. Rejections are worded as users have reported them.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from simulator.process import Simulators

from .google_engine import DATASET, GET_DATASET, Engine

OWNER = {"role": "OWNER", "userByEmail": "me@example.com"}
READER = {"role": "READER", "groupByEmail": "all@example.com"}
UNTIL = {"title": "until", "expression": 'request.time < timestamp("2027-01-01T00:00:00Z")'}
VIEW = {"view": {"projectId": "q", "datasetId": "v", "tableId": "t"}}


@pytest.fixture
def client(simulators: Simulators, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[bigquery.Client]:
    """Google's own library, on an empty local Google Cloud with the dataset `d`."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", simulators.bigquery_url)
    nobody: Any = AnonymousCredentials
    client = bigquery.Client(project="p", credentials=nobody())
    engine.admin("PUT", "/datasets/p/d", {"access": [OWNER, READER], "description": "D"})
    yield client
    client.close()


@pytest.fixture
def write(simulators: Simulators, engine: Engine):
    """Change the dataset `d` over HTTP; answers the status and the body."""
    engine.admin("PUT", "/datasets/p/d", {"access": [OWNER, READER], "description": "D", "labels": {"a": "1"}})

    def ask(method: str, body: Any, etag: str | None = None, **params: str) -> tuple[int, Any]:
        url = f"{simulators.bigquery_url}/bigquery/v2/projects/p/datasets/d"
        headers = {} if etag is None else {"If-Match": etag}
        answer = httpx.request(method, url, json=body, params=params, headers=headers)
        return answer.status_code, answer.json()

    return ask


def test_library_writes_an_access_list_and_reads_it_back(client: bigquery.Client, engine: Engine):
    dataset = client.get_dataset("p.d")
    entry = bigquery.AccessEntry("roles/bigquery.dataEditor", "userByEmail", "new@example.com")
    authorised = bigquery.AccessEntry(None, "view", VIEW["view"])
    dataset.access_entries = [*dataset.access_entries, entry, authorised]
    written = client.update_dataset(dataset, ["access_entries"])
    expected = [OWNER, READER, {"role": "WRITER", "userByEmail": "new@example.com"}, VIEW]
    assert [entry.to_api_repr() for entry in written.access_entries] == expected
    assert written.etag != dataset.etag
    assert engine.dataset("d")["access"] == expected
    assert engine.dataset("d")["description"] == "D"


def test_write_with_an_old_etag_is_rejected(client: bigquery.Client, engine: Engine):
    dataset = client.get_dataset("p.d")
    engine.admin("POST", "/datasets/p/d/access", VIEW)
    dataset.access_entries = []
    with pytest.raises(exceptions.PreconditionFailed, match=r"Precondition check failed\.") as raised:
        client.update_dataset(dataset, ["access_entries"])
    assert raised.value.errors[0]["reason"] == "conditionNotMet"
    assert VIEW in engine.dataset("d")["access"]


def test_library_lists_datasets_over_several_pages(client: bigquery.Client, engine: Engine):
    for number in range(5):
        engine.admin("PUT", f"/datasets/p/d{number}", {})
    found = client.list_datasets(page_size=2)
    assert [len(list(page)) for page in found.pages] == [2, 2, 2]
    assert [item.dataset_id for item in client.list_datasets()] == ["d", "d0", "d1", "d2", "d3", "d4"]


def test_conditions_are_written_only_with_policy_version_3(write, engine: Engine):
    wanted = [OWNER, {**READER, "condition": UNTIL}]
    rejection = "Specified policy version (0) cannot be less than the existing policy version (3)"
    status, answer = write("PATCH", {"access": wanted})
    assert status == 400
    assert rejection in answer["error"]["message"]
    status, answer = write("PATCH", {"access": wanted}, accessPolicyVersion="3")
    assert (status, answer["access"]) == (200, wanted)
    # Now that one is there, a list without it is rejected as well: it would take the entry away unseen.
    status, answer = write("PATCH", {"access": [OWNER]})
    assert (status, rejection in answer["error"]["message"]) == (400, True)
    status, answer = write("PATCH", {"description": "other"})
    assert (status, answer["description"]) == (200, "other")
    assert answer["access"][1]["role"].startswith("roles/bigquery.dataViewer_withcond_")
    assert write("PATCH", {"access": answer["access"]}, accessPolicyVersion="3")[0] == 400
    assert write("PATCH", {"access": [OWNER]}, accessPolicyVersion="3")[0] == 200
    assert write("PATCH", {"access": [OWNER]}, accessPolicyVersion="2")[0] == 400


def test_patch_changes_what_it_names_and_null_takes_away(write):
    _, answer = write("PATCH", {"labels": {"b": "2", "a": None}, "defaultTableExpirationMs": "3600000"})
    assert (answer["labels"], answer["description"]) == ({"b": "2"}, "D")
    assert answer["defaultTableExpirationMs"] == "3600000"
    _, answer = write("PATCH", {"description": None, "labels": None, "defaultTableExpirationMs": None})
    assert not {"description", "labels", "defaultTableExpirationMs"} & set(answer)
    assert answer["access"] == [OWNER, READER]


def test_update_is_the_whole_dataset(write):
    status, answer = write("PUT", {"friendlyName": "new", "access": [OWNER]})
    assert (status, answer["friendlyName"], answer["access"]) == (200, "new", [OWNER])
    assert not {"description", "labels"} & set(answer)


def test_update_mode_says_what_of_the_body_counts(write):
    both = {"description": "new", "access": [OWNER]}
    _, answer = write("PATCH", both, updateMode="UPDATE_METADATA")
    assert (answer["description"], answer["access"]) == ("new", [OWNER, READER])
    _, answer = write("PATCH", {**both, "description": "newer"}, updateMode="UPDATE_ACL")
    assert (answer["description"], answer["access"]) == ("new", [OWNER])
    assert write("PATCH", both, updateMode="UPDATE_HALF")[0] == 400


def test_only_the_dataset_of_the_given_etag_is_written(write, engine: Engine):
    etag = engine.dataset("d")["etag"]
    assert write("PATCH", {"description": "1"}, etag)[0] == 200
    status, answer = write("PUT", {"description": "2"}, etag)
    assert (status, answer["error"]["message"]) == (412, "Precondition check failed.")
    assert engine.dataset("d")["description"] == "1"
    assert write("PATCH", {"description": "3"}, "*")[0] == 200


def test_last_owner_stays_and_nonsense_is_rejected(write, engine: Engine):
    status, answer = write("PATCH", {"access": []})
    assert (status, answer["error"]["message"]) == (400, "Cannot remove all owners from a dataset.")
    assert write("PATCH", [])[0] == 400
    assert write("PATCH", {"defaultTableExpirationMs": "soon"})[0] == 400
    engine.admin("DELETE", "/datasets/p/d")
    assert write("PATCH", {})[0] == 404


def test_answer_that_is_lost_has_changed_the_dataset_all_the_same(write, engine: Engine):
    engine.admin("POST", "/faults", {"method": "PATCH", "after": True})
    with pytest.raises(httpx.RemoteProtocolError):
        write("PATCH", {"description": "new"})
    assert engine.dataset("d")["description"] == "new"
    engine.admin("POST", "/faults", {"method": "PATCH|PUT", "error": "not today", "code": "PERMISSION_DENIED"})
    assert write("PUT", {})[0] == 403
    assert engine.dataset("d")["description"] == "new"


def test_admin_route_adds_an_entry_right_after_a_read(client: bigquery.Client, engine: Engine):
    engine.admin("POST", "/datasets/p/d/after-next/read", {"add": VIEW})
    engine.admin("PUT", "/datasets/p/other", {})
    engine.invoke(GET_DATASET, datasetId="other")
    assert engine.dataset("d")["access"] == [OWNER, READER]
    read = engine.invoke(GET_DATASET, datasetId="d")
    assert len(read["accesses"]) == 2
    assert engine.dataset("d")["access"] == [OWNER, READER, VIEW]
    engine.admin("POST", "/datasets/p/d/after-next/read", {"remove": VIEW, "nth": 2})
    first, second = client.get_dataset("p.d"), client.get_dataset("p.d")
    assert len(first.access_entries) == len(second.access_entries) == 3
    assert engine.dataset("d")["access"] == [OWNER, READER]


def test_admin_route_replaces_the_list_right_after_a_write(client: bigquery.Client, engine: Engine):
    engine.admin("POST", "/datasets/p/e/after-next/write", {"replace": [OWNER, VIEW], "times": 2})
    _, outputs = engine.create(DATASET, {"datasetId": "e", "accesses": [OWNER, READER]})
    assert len(outputs["accesses"]) == 2
    assert engine.dataset("e")["access"] == [OWNER, VIEW]
    dataset = client.get_dataset("p.e")
    dataset.description = "new"
    assert len(client.update_dataset(dataset, ["description"]).access_entries) == 2
    assert engine.dataset("e")["description"] == "new"
    (rule,) = engine.admin("GET", "/faults")
    assert (rule["hits"], rule["method"]) == (2, "Create|Update|PUT|PATCH")
    assert engine.http.post("/datasets/p/e/after-next/read", json={"add": VIEW, "remove": VIEW}).status_code == 400
    assert engine.http.post("/datasets/p/e/after-next/read", json={"add": VIEW, "id": "*"}).status_code == 400
