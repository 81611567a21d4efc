"""A destination is tested until it works: at once where it never did, since Google takes its time with a new role."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.resources.destination.tests import DestinationTestsProvider
from reconciler.resources.run.setup_tests import DEADLINE_VARIABLE

from .account import FastClock, Fivetran, failure

FILE = "connectors/dev/environment.yaml"
TEST = "POST /v1/destinations/{destination_id}/test"
BAD = {"title": "Validate Permissions", "status": "FAILED", "message": "no such permission"}
provider = DestinationTestsProvider()


@pytest.fixture
def props(fivetran: Fivetran, new_run) -> dict[str, Any]:
    """The inputs, of a destination that was never tested and that Fivetran's service account may write."""
    fivetran.set_destination(fivetran.group, setup_status="incomplete")
    account = f"g-{fivetran.group.replace('_', '-')}@fivetran-production.iam.gserviceaccount.com"
    grant(fivetran, account)
    fivetran.forget_requests()
    return {"file": FILE, "group_id": fivetran.group, "account": account, "__provider": "gASVJQAAAAAAAAC"}


def grant(fivetran: Fivetran, account: str, method: str = "POST") -> None:
    """An administrator grants Fivetran's service account its role, or revokes it."""
    body = {"role": "roles/bigquery.user", "member": f"serviceAccount:{account}"}
    fivetran.gcp(method, "/grants/dev-project", body)


def status(fivetran: Fivetran) -> str:
    (found,) = fivetran.snapshot()["destinations"]
    return str(found["setup_status"])


def test_working_destination_is_not_tested(fivetran: Fivetran, props):
    fivetran.set_destination(fivetran.group, setup_status="connected")
    assert provider.create(props).outs == {key: props[key] for key in ("file", "group_id", "account")}
    assert fivetran.writes() == []


def test_new_destination_is_tested_until_the_role_acts(fivetran: Fivetran, props, clock: FastClock):
    fivetran.script_tests(target=fivetran.group, runs=6, results=[BAD])
    assert provider.create(props).id == fivetran.group
    assert status(fivetran) == "connected"
    assert clock.slept == [5, 10, 20, 30, 30, 30]


@pytest.mark.parametrize(("deadline", "tests"), [("", 16), ("40", 4), ("0", 1)])
def test_missing_role_fails_after_a_while_naming_account_and_test(
    fivetran: Fivetran, props, clock: FastClock, monkeypatch: pytest.MonkeyPatch, *, deadline: str, tests: int
):
    monkeypatch.setenv(DEADLINE_VARIABLE, deadline)
    grant(fivetran, props["account"], "DELETE")
    message = failure(provider.create, props)
    assert message.startswith(
        f"{FILE}: 1 setup test of destination {fivetran.group}, which Fivetran writes as {props['account']}, failed:"
    )
    assert f"{props['account']} does not have the role BigQuery User on dev-project" in message
    assert fivetran.counts()[TEST] == tests
    assert sum(clock.slept) <= 420

    grant(fivetran, props["account"])
    provider.create(props)
    assert status(fivetran) == "connected"


def test_destination_that_worked_before_is_tested_once(fivetran: Fivetran, props, clock: FastClock):
    fivetran.set_destination(fivetran.group, setup_status="broken")
    fivetran.script_tests(target=fivetran.group, runs=1, results=[BAD])
    assert "no such permission" in failure(provider.create, props)
    assert clock.slept == []
    provider.update(fivetran.group, props, props)
    assert status(fivetran) == "connected"


def test_destination_is_tested_again_for_another_account_or_failure(fivetran: Fivetran, props):
    provider.create(props)
    assert provider.diff(fivetran.group, props, dict(props)).changes is False
    assert provider.diff(fivetran.group, props, {**props, "account": "g-other@example.com"}).changes is True
    assert provider.diff(fivetran.group, props, {**props, "account": None}).changes is True
    assert provider.read(fivetran.group, props).id == fivetran.group
    for broken in ("broken", "incomplete"):
        fivetran.set_destination(fivetran.group, setup_status=broken)
        assert provider.read(fivetran.group, props).id is None
    fivetran.remove_destination(fivetran.group)
    assert provider.read(fivetran.group, props).id is None
