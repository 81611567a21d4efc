"""The code of a custom connector: uploaded when it changes, one package for each connection, none left behind."""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pulumi.output import Unknown

from reconciler.config.build.archives import content_hash
from reconciler.fivetran import api as fivetran_client
from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.package.resource import PackageProvider
from reconciler.resources.run.run import run

from .account import Fivetran, InBackground, as_engine, failure, with_each_fault

FILE = "connectors/dev/orders.yaml"
PACKAGES = "/v1/connector-sdk/packages"
provider = PackageProvider()


def packages() -> list[fivetran_client.Package]:
    return list(run.account.client().list_packages())


def pack(text: str, year: int = 2026) -> bytes:
    """A ZIP file with a connector in it, as it is packed in some year."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("connector.py", (year, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


class Code:
    """The file of a unit, and the inputs of its package in a run."""

    def __init__(self, folder: Path, group: str) -> None:
        self.file = folder / "code.zip"
        self._group = group

    def says(self, text: str, connection: str = "orders", packed: int = 2026, **fields: Any) -> dict[str, Any]:
        """The inputs, checked, when this is the code, packed in some year."""
        content = pack(text, packed)
        self.file.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        props = {"file": FILE, "unit": connection, "package": "code.zip", "sha256": sha256, "connection": connection}
        props["content"] = content_hash(content)
        given = as_engine({**props, "group_id": self._group, "at": str(self.file), **fields})
        return dict(provider.check({}, given).inputs)


@pytest.fixture
def code(fivetran: Fivetran, new_run, tmp_path: Path) -> Code:
    return Code(tmp_path, fivetran.group)


def connect(fivetran: Fivetran, package: str, name: str = "orders") -> str:
    """A person creates a connection of a package."""
    config = {"schema": name, "package_id": package}
    return str(fivetran.make(group_id=fivetran.group, service="connector_sdk", config=config)["id"])


def test_package_is_uploaded_once_and_again_when_its_file_changes(fivetran: Fivetran, code: Code):
    props = code.says("1")
    assert "at" not in props, "where a machine keeps it is in no state"
    made = provider.create(props)
    assert [(each.id, each.sha256) for each in packages()] == [(made.id, props["sha256"])]
    changed = code.says("2")
    assert not provider.diff(made.id, props, props).changes
    assert provider.diff(made.id, props, changed).changes
    fivetran.forget_requests()
    provider.update(made.id, props, changed)
    assert fivetran.writes() == [f"PATCH {PACKAGES}/{{package_id}}"]
    assert [(each.id, each.sha256) for each in packages()] == [(made.id, changed["sha256"])]
    assert (provider.read(made.id, changed).outs or {})["sha256"] == changed["sha256"]


def test_code_that_is_packed_again_is_neither_a_change_nor_drift(fivetran: Fivetran, code: Code):
    props = code.says("1")
    id_ = str(provider.create(props).id)
    again = code.says("1", packed=2027)
    assert again["sha256"] != props["sha256"]
    assert not provider.diff(id_, props, again).changes
    # What state holds of Fivetran's bytes is what was uploaded, whatever is packed here since.
    assert provider.read(id_, props).inputs is None
    # A person deploys the same code in other bytes: that is not drift, and is remembered.
    run.account.client().update_package(id_, code.file.read_bytes())
    read = provider.read(id_, props)
    assert read.inputs is None
    assert (read.outs or {})["sha256"] == again["sha256"]
    assert not provider.diff(id_, dict(read.outs or {}), props).changes
    fivetran.forget_requests()
    provider.read(id_, dict(read.outs or {}))
    assert [request["method"] for request in fivetran.requests()] == ["GET"], "it is downloaded once"


def test_package_that_cannot_be_downloaded_counts_as_other_code(fivetran: Fivetran, code: Code):
    props = code.says("1")
    id_ = str(provider.create(props).id)
    run.account.client().update_package(id_, pack("1", 2027))
    fivetran.fault(path="/download$", kind="status", status=404, body={"code": "NotFound_Package"}, count=None)
    drifted = dict(provider.read(id_, props).outs or {})
    assert provider.diff(id_, drifted, props).changes


def test_connections_package_with_the_same_files_in_it_is_adopted(fivetran: Fivetran, code: Code, new_run):
    props = code.says("1")
    theirs = run.account.client().create_package(pack("1", 2027)).id
    connect(fivetran, theirs)
    fivetran.forget_requests()
    new_run()
    made = provider.create(props)
    assert made.id == theirs
    assert fivetran.writes() == []
    assert provider.read(theirs, dict(made.outs or {})).inputs is None


@with_each_fault
def test_fault_leaves_one_package(fivetran: Fivetran, code: Code, fault: dict[str, Any]):
    fivetran.fault(method="POST", path="/packages$", **fault)
    made = provider.create(code.says("1"))
    assert [each.id for each in packages()] == [made.id]


def test_two_connectors_of_one_file_have_a_package_each(fivetran: Fivetran, code: Code):
    fivetran.fault(method="POST", path="/packages$", kind="drop_reply", count=2)
    both = [code.says("1"), code.says("1", "other")]
    made = [InBackground(partial(provider.create, props)) for props in both]
    assert sorted(each.result().id for each in made) == sorted(each.id for each in packages())


def test_refresh_detects_changed_or_deleted_code(fivetran: Fivetran, code: Code):
    props = code.says("1")
    id_ = str(provider.create(props).id)
    code.says("by hand")
    run.account.client().update_package(id_, code.file.read_bytes())
    drifted = dict(provider.read(id_, props).outs or {})
    assert provider.diff(id_, drifted, props).changes
    run.account.client().delete_package(id_)
    assert provider.read(id_, props).id is None
    assert "`pulumi up --stack dev --refresh` uploads it again" in failure(provider.update, id_, props, code.says("2"))


def test_package_is_adopted_with_its_connection_if_it_is_the_file(fivetran: Fivetran, code: Code, new_run):
    props = code.says("1")
    theirs = run.account.client().create_package(code.file.read_bytes()).id
    connect(fivetran, theirs)
    fivetran.forget_requests()
    new_run()
    assert provider.create(props).id == theirs
    other = code.says("2")
    message = failure(provider.create, other)
    assert message.startswith(
        f"{FILE}: the connection orders exists with other code (package {theirs}) than code.zip\n"
    )
    assert fivetran.writes() == []
    assert provider.create(code.says("2", apply_changes=True)).id == theirs
    assert [each.sha256 for each in packages()] == [other["sha256"]]


def test_package_is_deleted_when_no_connection_has_it(fivetran: Fivetran, code: Code, caplog: pytest.LogCaptureFixture):
    props = code.says("1")
    id_ = str(provider.create(props).id)
    connect(fivetran, id_)
    provider.delete(id_, props)
    assert f"the package {id_} stays in Fivetran: a connection uses it" in caplog.text
    fivetran.delete("orders")
    for _ in range(2):
        provider.delete(id_, props)
        assert packages() == []


def test_file_that_changes_under_the_run_is_not_uploaded(fivetran: Fivetran, code: Code):
    props = code.says("1")
    code.file.write_bytes(b"PK")
    assert failure(provider.create, props) == f"{FILE}: code.zip changed during the run\n    Run again."
    code.file.unlink()
    assert "code.zip changed during the run" in failure(provider.create, props)
    assert fivetran.writes() == []


def test_connection_whose_package_is_about_to_be_uploaded_differs():
    olds = {"file": FILE, "group_id": "g", "destination": {"schema": "orders"}, "config": {"package_id": "a"}}
    assert ConnectionProvider().diff("c", olds, {**olds, "config": {"package_id": Unknown()}}).changes
    assert not ConnectionProvider().diff("c", olds, dict(olds)).changes
