"""An environment's group and destination exist exactly once, whatever becomes of the requests that make them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from reconciler.resources.destination.resource import DestinationProvider
from reconciler.resources.destination.service_account import ServiceAccountProvider

from .account import FastClock, Fivetran, failure

FILE = "connectors/dev/environment.yaml"
PROPS = {
    "file": FILE,
    "group": "Group_New",
    "gcp_project": "new-project",
    "location": "US",
    "region": "GCP_US_EAST4",
    "time_zone_offset": "0",
    "__provider": "gASVJQAAAAAAAAC",
}
provider = DestinationProvider()

POST_GROUP = {"method": "POST", "path": "^/v1/groups$"}
POST_DESTINATION = {"method": "POST", "path": "^/v1/destinations$"}

with_each_fault = pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_reply"},
        {"kind": "status", "status": 500, "when": "after"},
        {"kind": "html", "when": "after"},
        {"kind": "garbage", "when": "after"},
        {"kind": "too_many_requests", "retry_after": 2},
    ],
    ids=lambda fault: fault["kind"],
)


class Account:
    """What exists under the group's name."""

    def __init__(self, fivetran: Fivetran) -> None:
        self.fivetran = fivetran

    @property
    def groups(self) -> list[str]:
        return [group["id"] for group in self.fivetran.snapshot()["groups"] if group["name"] == "Group_New"]

    @property
    def destination(self) -> dict[str, Any]:
        (group,) = self.groups
        (found,) = [each for each in self.fivetran.snapshot()["destinations"] if each["id"] == group]
        return dict(found)


@pytest.fixture
def account(fivetran: Fivetran, new_run) -> Account:
    return Account(fivetran)


@with_each_fault
@pytest.mark.parametrize("where", [POST_GROUP, POST_DESTINATION], ids=["group", "destination"])
def test_create_makes_one_group_with_one_destination_in_spite_of_a_fault(account: Account, where, fault):
    account.fivetran.fault(**where, **fault)
    made = provider.create(PROPS)
    assert [made.id] == account.groups
    assert account.destination["setup_status"] == "incomplete"


@pytest.mark.parametrize("where", [POST_GROUP, POST_DESTINATION], ids=["group", "destination"])
@pytest.mark.parametrize("kind", ["drop_request", "drop_reply"])
def test_run_that_failed_on_the_way_is_finished_by_the_next(account: Account, new_run, where, kind: str):
    account.fivetran.fault(**where, kind=kind)
    account.fivetran.fault(
        method="GET", path="^/v1/(groups|destinations)", kind="status", status=500, count=None, nth=3
    )
    assert failure(provider.create, PROPS).startswith(f"{FILE}: ")
    account.fivetran.forget_faults()
    new_run()
    assert [provider.create(PROPS).id] == account.groups
    assert account.destination["config"] == {"project_id": "new-project", "data_set_location": "US"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("where", [POST_GROUP, POST_DESTINATION], ids=["group", "destination"])
def test_older_group_stays_when_two_runs_create_one(account: Account, where, when: str):
    held = account.fivetran.fault(**where, kind="hold", when=when)
    ids: list[str] = []
    other = threading.Thread(target=lambda: ids.append(provider.create(PROPS).id))
    other.start()
    account.fivetran.wait_until_held(held)
    ids.append(provider.create(PROPS).id)
    account.fivetran.release(held)
    other.join(timeout=30)
    assert ids == account.groups * 2
    assert account.destination["setup_status"] == "incomplete"


def test_expired_credentials_are_one_error_that_names_the_variables(account: Account, clock: FastClock):
    account.fivetran.fault(kind="unauthorized", count=None)
    message = failure(provider.create, PROPS)
    assert message.startswith(f"{FILE}: GET /groups: Fivetran answered 401 ")
    assert "Set FIVETRAN_APIKEY and FIVETRAN_APISECRET" in message
    assert clock.slept == []


def test_no_fault_makes_a_destination_look_deleted(account: Account, new_run):
    id_ = str(provider.create(PROPS).id)
    for fault in ({"kind": "html", "status": 404}, {"kind": "status", "status": 500}, {"kind": "unauthorized"}):
        for path in ("^/v1/groups/", "^/v1/destinations/"):
            account.fivetran.fault(method="GET", path=path, count=None, **fault)
            assert failure(provider.read, id_, PROPS).startswith(f"{FILE}: GET ")
            account.fivetran.forget_faults()
            new_run()
    assert provider.read(id_, PROPS).id == id_


@with_each_fault
def test_destination_is_deleted_in_spite_of_a_fault(account: Account, fault, monkeypatch: pytest.MonkeyPatch):
    id_ = str(provider.create(PROPS).id)
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow")
    account.fivetran.fault(method="DELETE", path="/destinations/", **fault)
    account.fivetran.fault(method="DELETE", path="/groups/", **fault)
    if fault["kind"] == "garbage":
        assert "instead of the API's JSON" in failure(provider.delete, id_, PROPS)
        assert "instead of the API's JSON" in failure(provider.delete, id_, PROPS)
    provider.delete(id_, PROPS)
    assert account.groups == []


def test_service_account_is_read_in_spite_of_a_fault(account: Account):
    id_ = provider.create(PROPS).id
    account.fivetran.fault(method="GET", path="service-account", kind="status", status=500, count=2)
    made = ServiceAccountProvider().create({"file": FILE, "group_id": id_})
    assert str(made.id).startswith(f"g-{str(id_).replace('_', '-')}@")
