"""Packages of the Connector SDK in the local Fivetran."""

import hashlib
import io
import zipfile

import httpx
import pytest

from .fivetran_account import KEY, READ_ONLY, SECRET, Account

PATH = "/v1/connector-sdk/packages"


def _zip(text: str = "def update(): ...") -> bytes:
    """A ZIP file, with bytes in it that are in no text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("connector.py", text * 20)
        file.writestr("data.bin", bytes(range(256)) + b"\r\n--\n\r\n")
    return buffer.getvalue()


def _upload(account: Account, content: bytes, package: str | None = None) -> httpx.Response:
    files = {"file": ("code.zip", content, "application/zip")}
    if package is None:
        return account.http.post(PATH, files=files, data={"note": "before or after"})
    return account.http.patch(f"{PATH}/{package}", files=files)


def _created(account: Account) -> str:
    package_id: str = _upload(account, _zip()).json()["data"]["id"]
    return package_id


def _connect(account: Account, package: str, schema: str = "sdk") -> httpx.Response:
    body = {
        "group_id": account.group(),
        "service": "connector_sdk",
        "config": {"schema": schema, "package_id": package},
    }
    return account.http.post("/v1/connections", json=body)


def test_package_is_a_file_with_its_hash_and_belongs_to_whom_uploaded_it(account: Account):
    content = _zip()
    answer = _upload(account, content)
    assert (answer.status_code, answer.json()["message"]) == (201, "Package created successfully")
    package = answer.json()["data"]
    assert package == {
        "id": package["id"],
        "connection_id": None,
        "created_by": f"user_{KEY}",
        "last_updated_by": f"user_{KEY}",
        "created_at": "2026-01-31T12:00:00.000000Z",
        "updated_at": "2026-01-31T12:00:00.000000Z",
        "file_sha256_hash": hashlib.sha256(content).hexdigest(),
    }
    assert account.data("GET", f"{PATH}/{package['id']}") == package
    assert account.data("GET", PATH)["items"] == [package]
    assert account.http.get(f"{PATH}/{package['id']}/download").content == content


def test_new_file_replaces_the_old_one(account: Account):
    package = _created(account)
    account.clock.seconds = 60
    content = _zip("def update(): return 1")
    changed = _upload(account, content, package).json()["data"]
    assert changed["file_sha256_hash"] == hashlib.sha256(content).hexdigest()
    assert (changed["created_at"], changed["updated_at"]) == (
        "2026-01-31T12:00:00.000000Z",
        "2026-01-31T12:01:00.000000Z",
    )


@pytest.mark.parametrize("content", [b"", b"def update(): ..."])
def test_file_that_is_not_a_zip_is_400(account: Account, content: bytes):
    package = _created(account)
    assert _upload(account, content).status_code == 400
    assert _upload(account, content, package).status_code == 400
    assert len(account.data("GET", PATH)["items"]) == 1


def test_form_without_the_file_is_400(account: Account):
    answer = account.http.post(PATH, files={"other": ("code.zip", _zip())})
    assert answer.json() == {"code": "InvalidInput", "message": "Field 'file' is required"}
    for kind, raw in (("multipart/form-data; boundary=x", b"nothing"), ("multipart/form-data", b"--x--")):
        answer = account.http.post(PATH, content=raw, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidInput")


def test_second_deploy_clears_what_it_may_not_have_set(account: Account):
    """What Fivetran's Connector SDK 3.0.0 sends when it deploys again: the proxy's key is null, set or not."""
    group = account.group()
    first, second = (_created(account) for _ in range(2))
    config = {"schema": "s", "python_version": "3.12", "package_id": first}
    body = {
        "group_id": group,
        "service": "connector_sdk",
        "config": config,
        "paused": True,
        "run_setup_tests": True,
        "sync_frequency": "360",
        "destination_schema_names": "FIVETRAN_NAMING",
        "hybrid_deployment_agent_id": None,
    }
    made = account.data("POST", "/v1/connectors", body)
    assert (made["sync_frequency"], made["config"]["python_version"]) == (360, "3.12")
    again = {
        "config": {**config, "package_id": second, "proxy_host_config_key": None},
        "run_setup_tests": True,
        "proxy_agent_id": None,
        "networking_method": "Directly",
    }
    changed = account.data("PATCH", f"/v1/connectors/{made['id']}", again)
    assert changed["config"]["package_id"] == second
    assert "proxy_host_config_key" not in changed["config"]


def test_anything_but_a_form_is_415(account: Account):
    assert account.http.post(PATH, json={"file": "x"}).status_code == 415
    assert account.http.post("/v1/groups", files={"file": b"x"}).status_code == 415


def test_unknown_package_is_404(account: Account):
    for answer in (
        account.http.get(f"{PATH}/no_one"),
        account.http.get(f"{PATH}/no_one/download"),
        account.http.delete(f"{PATH}/no_one"),
        _upload(account, _zip(), "no_one"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "NotFound_ConnectorSdkPackage")


def test_read_only_key_uploads_nothing(account: Account):
    answer = account.http.post(PATH, files={"file": ("code.zip", _zip())}, auth=(READ_ONLY, SECRET))
    assert answer.status_code == 403
    assert account.data("GET", PATH)["items"] == []


def test_connection_has_a_package_and_keeps_it_from_being_deleted(account: Account):
    package = _created(account)
    connection = _connect(account, package).json()["data"]
    assert connection["status"]["setup_state"] == "connected"
    assert account.data("GET", f"{PATH}/{package}")["connection_id"] == connection["id"]
    assert account.http.delete(f"{PATH}/{package}").status_code == 403
    account.http.delete(f"/v1/connections/{connection['id']}")
    answer = account.http.delete(f"{PATH}/{package}")
    assert answer.json() == {"code": "Success", "message": "Package deleted successfully"}


def test_package_has_one_connection(account: Account):
    one, two = _created(account), _created(account)
    first = _connect(account, one).json()["data"]["id"]
    second = _connect(account, two, "other").json()["data"]["id"]
    assert _connect(account, one, "third").status_code == 400
    change = {"config": {"package_id": one}, "run_setup_tests": False}
    assert account.http.patch(f"/v1/connections/{second}", json=change).status_code == 400
    assert account.http.patch(f"/v1/connections/{first}", json=change).status_code == 200


def test_missing_package_is_rejected_or_unchecked_by_option(account: Account):
    assert _connect(account, "no_one").status_code == 400
    account.options(package_use="unchecked")
    assert _connect(account, "no_one").status_code == 201
