"""The local Secret Manager over plain HTTP, held against what Google's reference and guides say."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.served import PLAIN

from simulator.process import Simulators
from simulator.secret_manager.crc32c import crc32c

SECRETS = "projects/proj-1/secrets"
AUTOMATIC: dict[str, Any] = {"replication": {"automatic": {}}}


class Api:
    """The API, and its admin side."""

    def __init__(self, simulators: Simulators) -> None:
        self.http = httpx.Client(base_url=simulators.secret_manager_url, timeout=10, trust_env=False, verify=PLAIN)
        self._admin = httpx.Client(
            base_url=f"{simulators.admin_url}/secret-manager", timeout=10, trust_env=False, verify=PLAIN
        )

    def close(self) -> None:
        self.http.close()
        self._admin.close()

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._admin.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def rejected_admin(self, method: str, path: str, body: Any) -> str:
        answer = self._admin.request(method, path, json=body)
        assert answer.status_code == 400
        return str(answer.json()["error"])

    def do(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        answer = self.http.request(method, path, json=body, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def rejected(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, str, str]:
        """HTTP status, Google's status, message."""
        answer = self.http.request(method, path, json=body, params=query)
        error = answer.json()["error"]
        assert error["code"] == answer.status_code
        return answer.status_code, error["status"], error["message"]

    def create(self, name: str = "stripe") -> Any:
        return self.do("POST", SECRETS, AUTOMATIC, secretId=name)

    def add(self, value: bytes, name: str = "stripe", **payload: Any) -> Any:
        sent = {"payload": {"data": base64.b64encode(value).decode(), **payload}}
        return self.do("POST", f"{SECRETS}/{name}:addVersion", sent)


@pytest.fixture
def api(simulators: Simulators) -> Iterator[Api]:
    api = Api(simulators)
    api.admin("POST", "/reset")
    yield api
    api.admin("POST", "/reset")
    api.close()


def test_checksum_is_castagnolis():
    assert crc32c(b"") == 0
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


def test_secret_is_made_read_listed_and_deleted(api: Api):
    made = api.create()
    assert made["name"].startswith("projects/1")
    assert made["name"].endswith("/secrets/stripe")
    assert made["name"].split("/")[1].isdigit()
    assert made["replication"] == {"automatic": {}}
    assert made["etag"].startswith('"')
    assert made["etag"].endswith('"')
    assert api.do("GET", f"{SECRETS}/stripe") == made
    assert api.do("GET", made["name"]) == made
    api.create("ads")
    listed = api.do("GET", SECRETS)
    assert [secret["name"].rsplit("/", 1)[1] for secret in listed["secrets"]] == ["ads", "stripe"]
    assert listed["totalSize"] == 2
    assert api.do("DELETE", f"{SECRETS}/stripe") == {}
    assert api.rejected("GET", f"{SECRETS}/stripe") == (404, "NOT_FOUND", f"Secret [{made['name']}] not found.")


def test_secret_is_made_once_with_a_name_and_a_replication(api: Api):
    name = api.create()["name"]
    assert api.rejected("POST", SECRETS, AUTOMATIC, secretId="stripe") == (
        409,
        "ALREADY_EXISTS",
        f"Secret [{name}] already exists.",
    )
    assert api.rejected("POST", SECRETS, AUTOMATIC, secretId="a b")[:2] == (400, "INVALID_ARGUMENT")
    assert api.rejected("POST", SECRETS, {}, secretId="other")[:2] == (400, "INVALID_ARGUMENT")


def test_versions_count_from_one_and_the_latest_is_the_newest_in_whatever_state(api: Api):
    api.create()
    one, two = api.add(b"one"), api.add(b"two")
    assert [each["name"].rsplit("/", 1)[1] for each in (one, two)] == ["1", "2"]
    assert two["state"] == "ENABLED"
    assert "clientSpecifiedPayloadChecksum" not in two
    versions = f"{SECRETS}/stripe/versions"
    assert api.do("GET", f"{versions}/latest") == two
    assert [each["name"] for each in api.do("GET", versions)["versions"]] == [two["name"], one["name"]]
    read = api.do("GET", f"{versions}/latest:access")
    assert read["name"] == two["name"]
    assert base64.b64decode(read["payload"]["data"]) == b"two"
    assert read["payload"]["dataCrc32c"] == str(crc32c(b"two"))
    api.do("POST", f"{versions}/2:disable")
    message = f"Secret Version [{two['name']}] is in DISABLED state."
    assert api.rejected("GET", f"{versions}/latest:access") == (400, "FAILED_PRECONDITION", message)
    assert api.do("GET", f"{versions}/latest")["state"] == "DISABLED"
    api.do("POST", f"{versions}/2:enable", {})
    assert api.do("GET", f"{versions}/2:access") == read


def test_destroyed_version_cannot_be_restored(api: Api):
    api.create()
    name = api.add(b"one")["name"]
    destroyed = api.do("POST", f"{SECRETS}/stripe/versions/1:destroy", {})
    assert destroyed["state"] == "DESTROYED"
    assert "destroyTime" in destroyed
    message = f"Secret Version [{name}] is in DESTROYED state."
    for method, action in (("GET", "access"), ("POST", "enable"), ("POST", "disable"), ("POST", "destroy")):
        path = f"{SECRETS}/stripe/versions/1:{action}"
        assert api.rejected(method, path) == (400, "FAILED_PRECONDITION", message)
    assert api.do("GET", f"{SECRETS}/stripe/versions/1")["state"] == "DESTROYED"
    assert api.add(b"two")["name"].endswith("/versions/2")


def test_missing_secret_is_not_found(api: Api):
    name = api.create()["name"]
    none = (404, "NOT_FOUND", f"Secret [{name}] not found or has no versions.")
    assert api.rejected("GET", f"{SECRETS}/stripe/versions/1:access") == none
    api.add(b"one")
    for which in ("2", "0", "alias"):
        gone = (404, "NOT_FOUND", f"Secret Version [{name}/versions/{which}] not found.")
        assert api.rejected("GET", f"{SECRETS}/stripe/versions/{which}") == gone
        assert api.rejected("GET", f"{SECRETS}/stripe/versions/{which}:access") == gone


def test_checksum_that_is_given_has_to_be_right(api: Api):
    api.create()
    assert api.add(b"one", dataCrc32c=str(crc32c(b"one")))["clientSpecifiedPayloadChecksum"] is True
    body = {"payload": {"data": base64.b64encode(b"two").decode(), "dataCrc32c": "1"}}
    assert api.rejected("POST", f"{SECRETS}/stripe:addVersion", body)[:2] == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"payload": {}},
        {"payload": {"data": "no base64!"}},
        {"payload": {"data": base64.b64encode(bytes(65_537)).decode()}},
        {"payload": {"data": "eA==", "dataCrc32c": "x"}},
    ],
)
def test_missing_payload_is_rejected(api: Api, body: Any):
    api.create()
    assert api.rejected("POST", f"{SECRETS}/stripe:addVersion", body)[:2] == (400, "INVALID_ARGUMENT")


def test_older_etag_is_rejected_and_every_change_makes_another(api: Api):
    api.create()
    first = api.add(b"one")["etag"]
    second = api.do("POST", f"{SECRETS}/stripe/versions/1:enable", {"etag": first})["etag"]
    assert second != first
    rejected = api.rejected("POST", f"{SECRETS}/stripe/versions/1:disable", {"etag": first})
    assert rejected[:2] == (400, "FAILED_PRECONDITION")
    assert api.rejected("DELETE", f"{SECRETS}/stripe", etag=first)[:2] == (400, "FAILED_PRECONDITION")
    assert api.do("POST", f"{SECRETS}/stripe/versions/1:disable", {"etag": second})["state"] == "DISABLED"


def test_lists_come_in_pages(api: Api):
    for number in range(5):
        api.create(f"s{number}")
    names: list[str] = []
    token = ""
    for _ in range(3):
        page = api.do("GET", SECRETS, pageSize="2", pageToken=token)
        names += [secret["name"].rsplit("/", 1)[1] for secret in page["secrets"]]
        token = page.get("nextPageToken", "")
    assert (names, token) == (["s0", "s1", "s2", "s3", "s4"], "")
    assert api.rejected("GET", SECRETS, pageSize="x")[0] == 400


def test_enumerations_are_numbers_when_the_request_asks_for_them(api: Api):
    api.create()
    api.add(b"one")
    path = f"{SECRETS}/stripe/versions"
    assert api.do("GET", f"{path}/1", **{"$alt": "json;enum-encoding=int"})["state"] == 1
    api.do("POST", f"{path}/1:disable")
    assert api.do("GET", path, **{"$alt": "json;enum-encoding=int"})["versions"][0]["state"] == 2


def test_reading_metadata_and_reading_values_are_permissions_of_their_own(api: Api):
    api.create()
    api.add(b"one")
    metadata = f"{SECRETS}/stripe/versions/1"
    api.admin("PUT", "/denials", {"denials": [{"permission": "secretmanager.versions.access"}]})
    status, code, message = api.rejected("GET", f"{metadata}:access")
    assert (status, code) == (403, "PERMISSION_DENIED")
    assert (
        message == f"Permission 'secretmanager.versions.access' denied for resource '{metadata}' (or it may not exist)."
    )
    assert api.do("GET", metadata)["state"] == "ENABLED"
    # An account without the permission cannot tell a missing secret from a forbidden one.
    assert api.rejected("GET", f"{SECRETS}/none/versions/1:access")[0] == 403
    one_secret = {"permission": "secretmanager.versions.get", "resource": f"{SECRETS}/stripe/*"}
    api.admin("PUT", "/denials", {"denials": [one_secret]})
    assert api.rejected("GET", metadata)[0] == 403
    assert api.do("GET", f"{metadata}:access")
    assert api.rejected("GET", f"{SECRETS}/none/versions/1")[0] == 404


def test_disabled_api_is_an_error_with_its_reason(api: Api):
    api.admin("PUT", "/disabled-projects", {"projects": ["proj-1"]})
    answer = api.http.get(f"{SECRETS}/stripe/versions/1")
    assert answer.status_code == 403
    assert answer.json()["error"]["details"][0]["reason"] == "SERVICE_DISABLED"


@pytest.mark.parametrize("path", [f"{SECRETS}/stripe:getIamPolicy", "projects/proj-1/locations"])
def test_secret_manager_reports_what_it_does_not_simulate(api: Api, path: str):
    assert api.rejected("GET", path) == (501, "UNIMPLEMENTED", f"GET /v1/{path} is not simulated")


def test_unknown_path_is_answered_with_a_page(api: Api):
    answer = api.http.get("nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_version_put_by_hand_has_destroyed_ones_before_it(api: Api):
    item = {"project": "proj-1", "secret": "stripe", "version": 3, "value": "three"}
    api.admin("PUT", "/versions", {"versions": [item, {**item, "version": 2, "value": "two"}]})
    states = {str(number): state for number, state in ((1, "DESTROYED"), (2, "ENABLED"), (3, "ENABLED"))}
    assert list(api.admin("GET", "/state").values()) == [states]
    assert base64.b64decode(api.do("GET", f"{SECRETS}/stripe/versions/2:access")["payload"]["data"]) == b"two"
    del item["version"]
    api.admin("PUT", "/versions", {"versions": [item]})
    assert api.do("GET", f"{SECRETS}/stripe/versions/4")["state"] == "ENABLED"
    api.admin("PATCH", "/versions/proj-1/stripe/4", {"state": "DISABLED"})
    assert api.do("GET", f"{SECRETS}/stripe/versions/4")["state"] == "DISABLED"
    assert "state is" in api.rejected_admin("PATCH", "/versions/proj-1/stripe/4", {"state": "GONE"})
    assert "not found" in api.rejected_admin("PATCH", "/versions/proj-1/stripe/9", {"state": "DISABLED"})


def test_requests_are_counted_by_route_and_no_value_is_in_the_log(api: Api):
    api.create()
    api.add(b"canary")
    for _ in range(2):
        api.do("GET", f"{SECRETS}/stripe/versions/1:access")
    counts = api.admin("GET", "/requests/counts")
    assert counts["GET /v1/projects/{project}/secrets/{secret}/versions/{version}:access"] == 2
    log = str(api.admin("GET", "/requests"))
    assert "canary" not in log
    assert base64.b64encode(b"canary").decode() not in log
    api.admin("DELETE", "/requests")
    assert api.admin("GET", "/requests") == []


def test_faults_strike_the_requests_they_are_for(api: Api):
    api.create()
    api.add(b"one")
    path = f"{SECRETS}/stripe/versions/1"
    api.admin("POST", "/faults", {"kind": "status", "code": "UNAVAILABLE", "path": ":access$", "nth": 2, "count": 1})
    statuses = [api.http.get(f"{path}{action}").status_code for action in (":access", "", ":access", ":access")]
    assert statuses == [200, 200, 503, 200]
    (fault,) = api.admin("GET", "/faults")
    assert (fault["found"], fault["met"]) == (3, 1)
    api.admin("DELETE", "/faults")
    api.admin("POST", "/faults", {"kind": "html"})
    assert api.http.get(path).headers["content-type"] == "text/html; charset=utf-8"
    api.admin("POST", "/faults", {"kind": "drop"})
    with pytest.raises(httpx.RemoteProtocolError):
        api.http.get(path)
    api.admin("POST", "/faults", {"kind": "garble"})
    payload = api.do("GET", f"{path}:access")["payload"]
    assert int(payload["dataCrc32c"]) != crc32c(base64.b64decode(payload["data"]))


@pytest.mark.parametrize(
    "definition",
    [
        {"kind": "flood"},
        {"kind": "status"},
        {"kind": "status", "code": "TEAPOT"},
        {"kind": "drop", "seconds": 1},
        {"kind": "drop", "nth": 0},
        {"kind": "drop", "path": "("},
    ],
)
def test_fault_that_cannot_be_understood_is_rejected(api: Api, definition: Any):
    assert api.rejected_admin("POST", "/faults", definition)
    assert api.admin("GET", "/faults") == []


def test_secrets_labels_are_replaced_and_nothing_else_is(api: Api):
    made = api.do("POST", SECRETS, {**AUTOMATIC, "labels": {"old": "1"}}, secretId="stripe")
    sent = {"labels": {"new": "2"}, "annotations": {"not": "named"}, "etag": made["etag"]}
    changed = api.do("PATCH", f"{SECRETS}/stripe", sent, updateMask="labels")
    assert changed["labels"] == {"new": "2"}
    assert "annotations" not in changed
    assert changed["replication"] == made["replication"]
    assert api.do("GET", f"{SECRETS}/stripe") == changed
    assert api.rejected("PATCH", f"{SECRETS}/stripe", sent, updateMask="labels")[:2] == (400, "FAILED_PRECONDITION")
    for mask in ("", "replication", "labels,name"):
        code, status, _ = api.rejected("PATCH", f"{SECRETS}/stripe", {"labels": {}}, updateMask=mask)
        assert (code, status) == (400, "INVALID_ARGUMENT")
    assert api.rejected("PATCH", f"{SECRETS}/nothing", {"labels": {}}, updateMask="labels")[1] == "NOT_FOUND"
