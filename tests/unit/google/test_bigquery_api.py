"""Live datasets through Google's library, against the local BigQuery."""

import subprocess
import sys
from typing import Any

import httpx
import pytest
import requests

from reconciler.google.bigquery.api import AccessListChanged, Datasets, ListedDataset, LiveDataset
from reconciler.google.rest import read_environment_once
from reconciler.model.errors import RemoteError
from simulator.process import Simulators

CONDITION = {"title": "until", "expression": 'request.time < timestamp("2027-01-01T00:00:00Z")'}
ACCESS: list[dict[str, Any]] = [
    {"role": "OWNER", "userByEmail": "robot@example.com"},
    {"role": "READER", "specialGroup": "projectReaders"},
    {"role": "projects/p/roles/auditor", "groupByEmail": "auditors@example.com"},
    {"role": "READER", "userByEmail": "a@example.com", "condition": CONDITION},
    {"view": {"projectId": "p", "datasetId": "views", "tableId": "v"}},
    {"routine": {"projectId": "p", "datasetId": "views", "routineId": "r"}},
    {"dataset": {"dataset": {"projectId": "p", "datasetId": "other"}, "targetTypes": ["VIEWS"]}},
]


@pytest.fixture
def admin(simulators: Simulators, monkeypatch: pytest.MonkeyPatch):
    """The hand from outside, and the variable that leads to the local BigQuery."""

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(method, f"{simulators.admin_url}/gcp{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    call("POST", "/reset")
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", simulators.environment["BIGQUERY_EMULATOR_HOST"])
    return call


def test_dataset_is_read_with_every_kind_of_access(admin):
    admin("PUT", "/datasets/p/d", {"location": "EU", "friendlyName": "D", "access": ACCESS, "labels": {"a": "b"}})
    with Datasets("p") as datasets:
        read = datasets.get("d")
        assert read is not None
        assert read.created is not None
        assert read == LiveDataset("d", "EU", "D", None, {"a": "b"}, None, tuple(ACCESS), created=read.created)
        assert datasets.get("nothing") is None


def test_all_datasets_are_listed_over_all_pages(admin):
    for number in range(101):
        admin("PUT", f"/datasets/p/d_{number:03}", {"labels": {"n": str(number)}})
    with Datasets("p") as datasets:
        assert datasets.all() == tuple(ListedDataset(f"d_{number:03}", {"n": str(number)}) for number in range(101))


def test_datasets_are_read_in_parallel_and_each_is_reported(admin):
    for name in ("a", "b"):
        admin("PUT", f"/datasets/p/{name}", {"description": name, "defaultTableExpirationMs": 3_600_000})
    reported: list[None] = []
    with Datasets("p") as datasets:
        found = datasets.get_all(["a", "nothing", "b"], lambda: reported.append(None))
    assert list(found) == ["a", "nothing", "b"]
    assert found["nothing"] is None
    assert found["b"] is not None
    assert (found["b"].description, found["b"].default_table_expiration_ms) == ("b", 3_600_000)
    assert len(reported) == 3


def test_passing_fault_is_not_seen(admin):
    admin("PUT", "/datasets/p/d", {})
    admin("POST", "/faults", {"method": "GET", "code": "UNAVAILABLE", "error": "try again"})
    admin("POST", "/faults", {"method": "GET", "after": True, "nth": 2})
    with Datasets("p") as datasets:
        assert datasets.get("d") is not None
        assert len(datasets.all()) == 1


def test_rejection_is_one_line_with_googles_text_apart(admin):
    admin("PUT", "/datasets/p/d", {})
    admin("POST", "/faults", {"method": "GET", "code": "PERMISSION_DENIED", "error": "Access Denied.", "times": 0})
    with Datasets("p") as datasets:
        with pytest.raises(RemoteError) as raised:
            datasets.get("d")
        assert (
            str(raised.value) == "BigQuery, project p: the dataset d cannot be read: Google answered 403 accessDenied"
        )
        assert raised.value.unmasked_message == "Access Denied."
        with pytest.raises(RemoteError, match=r"^BigQuery, project p: the datasets cannot be read: Google answered"):
            datasets.all()


def test_missing_credentials_error_names_the_command_to_log_in(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(RemoteError, match=r"gcloud auth application-default login`$") as raised:
        Datasets("p")
    assert "\n" not in str(raised.value)


def test_library_is_imported_only_when_it_is_used():
    script = (
        "import sys, reconciler.google.bigquery.api; print(any(name.startswith('google.') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_access_list_is_written_only_over_the_one_that_was_read(admin):
    admin("PUT", "/datasets/p/d", {"access": ACCESS})
    with Datasets("p") as datasets:
        read = datasets.access_list("d")
        assert read is not None
        assert read.entries == tuple(ACCESS)
        written = datasets.write_access("d", ACCESS[:-1], read.etag)
        assert written.entries == tuple(ACCESS[:-1])
        with pytest.raises(AccessListChanged):
            datasets.write_access("d", ACCESS, read.etag)
        assert datasets.access_list("d") == written
        assert datasets.access_list("nothing") is None


def test_access_list_that_may_not_be_written_is_an_error_of_its_own(admin):
    admin("PUT", "/datasets/p/d", {"access": ACCESS})
    denied = {"method": "PATCH", "code": "PERMISSION_DENIED", "error": "Access Denied.", "times": 0}
    admin("POST", "/faults", denied)
    with Datasets("p") as datasets, pytest.raises(RemoteError) as failed:
        datasets.write_access("d", ACCESS, "*")
    assert str(failed.value) == (
        "BigQuery, project p: the access list of the dataset d cannot be written: Google answered 403 accessDenied"
    )


@pytest.mark.parametrize(
    ("url", "proxy"),
    [("https://bigquery.googleapis.com", "http://proxy.example:3128"), ("http://127.0.0.1:9050", None)],
)
def test_session_reads_the_environment_once_and_uses_no_proxy_for_this_machine(
    url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/authorities.pem")
    session = requests.Session()
    read_environment_once(session, url)
    assert session.proxies.get(url.partition(":")[0]) == proxy
    assert session.verify == ("/etc/authorities.pem" if proxy else True)
    assert not session.trust_env
