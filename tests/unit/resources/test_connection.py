"""A connection that is in state: changed, read and deleted, whichever request fails."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model import Adopt, Awaiting, FivetranSchedule
from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.run.account import READERS
from reconciler.resources.run.run import run

from .account import (
    CANARY,
    FILE,
    KEY,
    FastClock,
    Fivetran,
    as_engine,
    failure,
    inputs,
    settle,
    state,
    unit,
    with_each_fault,
)
from .stack import Stack

provider = ConnectionProvider()


@pytest.fixture
def stripe(fivetran: Fivetran, new_run) -> str:
    """The id of a connection that a run has made and tested."""
    made = provider.create(inputs(fivetran.group))
    settle()
    return str(made.id)


def read(id_: str, props: dict[str, Any]) -> dict[str, Any]:
    """What a refresh leaves in state for the next operation."""
    result = provider.read(id_, props)
    assert result.id == id_
    return dict(result.outs or {})


@with_each_fault
def test_change_is_made_in_spite_of_a_fault(fivetran: Fivetran, stripe: str, fault):
    fivetran.fault(method="PATCH", **fault)
    news = inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT")
    changed = provider.update(stripe, state(fivetran.group), news)
    settle()
    assert fivetran.the("stripe")["effective"]["config"]["historical_sync_time_frame"] == "DATE_LIMIT"
    assert (changed.outs or {})["config"] == news["config"]
    assert (changed.outs or {})["revision"] == 2


def test_update_reports_a_change_without_an_answer(fivetran: Fivetran, stripe: str, clock: FastClock):
    fivetran.fault(method="PATCH", kind="drop_reply", count=None)
    news = inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT")
    message = failure(provider.update, stripe, state(fivetran.group), news)
    assert message.startswith(
        f"{FILE}: PATCH /connections/{stripe}: the connection was closed without a complete answer"
    )
    assert "Fivetran may have applied the request." in message
    assert sum(clock.slept) < 120


@pytest.mark.parametrize("answer", [{"kind": "garbage"}, {"kind": "garbage", "when": "after"}])
def test_answer_that_breaks_off_is_not_a_success(fivetran: Fivetran, stripe: str, answer):
    fivetran.fault(method="PATCH", **answer)
    news = inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT")
    assert "instead of the API's JSON" in failure(provider.update, stripe, state(fivetran.group), news)


def test_change_sends_only_what_changed_and_tests_it(fivetran: Fivetran, stripe: str):
    fivetran.forget_requests()
    provider.update(stripe, state(fivetran.group), inputs(fivetran.group, backward_sync_limit="2026-01-01"))
    settle()
    change, test = [each for each in fivetran.requests() if each["method"] != "GET"]
    assert sorted(change["keys"]) == ["config.backward_sync_limit", "run_setup_tests"]
    assert test["path"] == f"/v1/connections/{stripe}/test"
    assert fivetran.the("stripe")["config"]["api_key"] == CANARY


def test_connection_ignores_inputs_that_are_not_config(fivetran: Fivetran, stripe: str):
    for fields in ({"schedule": FivetranSchedule(60)}, {"paused": "INC-1"}, {"adopt": Adopt(stripe)}):
        assert not provider.diff(stripe, state(fivetran.group), inputs(fivetran.group, **fields)).changes


def test_adopt_with_the_id_of_another_connection_is_rejected_in_a_preview(fivetran: Fivetran, stripe: str):
    message = failure(provider.diff, stripe, state(fivetran.group), inputs(fivetran.group, adopt=Adopt("other_id")))
    assert message == f"{FILE}: adopt names other_id, but the connection is {stripe}: correct it"


def test_rotated_key_reaches_fivetran_and_is_tested(fivetran: Fivetran, stripe: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STRIPE_KEY", "sk_live_new")
    rotated = inputs(fivetran.group, api_key={"env": "STRIPE_KEY", "version": 2})
    changed = provider.update(stripe, state(fivetran.group), rotated)
    settle()
    assert fivetran.the("stripe")["effective"]["config"]["api_key"] == "sk_live_new"
    assert "sk_live" not in str(changed.outs)


def test_pending_connection_is_created_and_changed_without_tests(fivetran: Fivetran, new_run):
    awaiting = Awaiting("the vendor's key", "2099-01-01")
    made = provider.create(inputs(fivetran.group, awaiting=awaiting))
    news = inputs(fivetran.group, awaiting=awaiting, backward_sync_limit="2026-01-01")
    changed = provider.update(str(made.id), dict(made.outs or {}), news)
    settle()
    assert fivetran.writes() == ["POST /v1/connections", "PATCH /v1/connections/{connection_id}"]
    assert (changed.outs or {})["revision"] == 2


def test_variables_missing_for_a_change_are_named_and_nothing_is_sent(
    fivetran: Fivetran, stripe: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("STRIPE_KEY")
    fivetran.forget_requests()
    rotated = inputs(fivetran.group, api_key={"env": "STRIPE_KEY", "version": 2}, access_token={"env": "TOKEN"})
    assert failure(provider.update, stripe, state(fivetran.group), rotated) == (
        f"{FILE}: config.access_token: the environment variable TOKEN is not set; "
        "config.api_key: the environment variable STRIPE_KEY is not set"
    )
    assert fivetran.requests() == []
    provider.update(stripe, state(fivetran.group), inputs(fivetran.group, backward_sync_limit="2026-01-01"))
    assert "PATCH /v1/connections/{connection_id}" in fivetran.writes(), "and only what changed is needed"


def test_change_of_a_deleted_connection_says_how_to_recreate_it(fivetran: Fivetran, stripe: str):
    fivetran.delete("stripe")
    news = inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT")
    assert failure(provider.update, stripe, state(fivetran.group), news) == (
        f"{FILE}: the connection stripe ({stripe}) was deleted in Fivetran; "
        "`pulumi up --stack dev --refresh` creates it again and syncs its whole history"
    )


def test_refresh_that_finds_another_config_makes_another_revision(fivetran: Fivetran, stripe: str):
    held = state(fivetran.group, historical_sync_time_frame="ALL_TIME")
    assert read(stripe, held)["revision"] == 1
    fivetran.edit("stripe", config={"historical_sync_time_frame": "DATE_LIMIT"})
    found = read(stripe, held)
    assert (found["config"]["historical_sync_time_frame"], found["revision"]) == ("DATE_LIMIT", 2)
    assert read(stripe, as_engine(found))["revision"] == 2, "one that is known is no other"


def test_refresh_hides_a_secret_in_a_setting_that_is_not_secret(fivetran: Fivetran, stripe: str, new_run):
    fivetran.edit("stripe", config={"historical_sync_time_frame": f"ALL TIME ({CANARY})"})
    declared = state(fivetran.group, historical_sync_time_frame="ALL_TIME")
    found = read(stripe, declared)
    assert found["config"] == {"api_key": KEY, "historical_sync_time_frame": "******"}
    new_run()
    assert read(stripe, found)["revision"] == found["revision"] == 2
    provider.update(stripe, found, inputs(fivetran.group, historical_sync_time_frame="ALL_TIME"))
    assert fivetran.the("stripe")["config"]["historical_sync_time_frame"] == "ALL_TIME"
    settle()


def test_config_that_a_killed_run_changed_is_another_revision(fivetran: Fivetran, stripe: str):
    news = inputs(fivetran.group, historical_sync_time_frame="DATE_LIMIT")
    provider.update(stripe, state(fivetran.group), news)
    found = read(stripe, state(fivetran.group, historical_sync_time_frame="ALL_TIME"))
    assert found["revision"] == 2
    assert not provider.diff(stripe, as_engine(found), news).changes


@with_each_fault
def test_deletion_is_made_in_spite_of_a_fault(fivetran: Fivetran, stripe: str, fault, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow")
    fivetran.fault(method="DELETE", **fault)
    provider.delete(stripe, state(fivetran.group))
    assert fivetran.named("stripe") == []


@pytest.mark.parametrize("code", ["NotFound_Connection", "NotFound_Connector"])
def test_delete_succeeds_when_the_connection_is_missing(
    fivetran: Fivetran, stripe: str, code: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow")
    fivetran.options(missing_connection_code=code)
    fivetran.delete("stripe")
    provider.delete(stripe, state(fivetran.group))


@pytest.mark.parametrize("permission", [None, ""])
def test_connection_is_not_deleted_without_permission(
    fivetran: Fivetran, stripe: str, permission: str | None, monkeypatch: pytest.MonkeyPatch
):
    if permission is not None:
        monkeypatch.setenv("RECONCILER_REMOVALS", permission)
    fivetran.forget_requests()
    assert failure(provider.delete, stripe, state(fivetran.group)) == (
        f"{FILE}: this run would delete the connection stripe ({stripe})\n"
        "    Run with RECONCILER_REMOVALS=allow to delete it."
    )
    assert fivetran.requests() == []


@pytest.mark.parametrize("permission", ["1", "Allow", "no", "allow:", "allow:some"])
def test_invalid_removal_permission_deletes_nothing_and_is_reported(
    fivetran: Fivetran, stripe: str, permission: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RECONCILER_REMOVALS", permission)
    fivetran.forget_requests()
    message = failure(provider.delete, stripe, state(fivetran.group))
    assert (
        message == f"{FILE}: RECONCILER_REMOVALS={permission}: expected `allow`, or `allow:<number>` such as allow:25"
    )
    assert fivetran.requests() == []


@pytest.mark.parametrize(
    "case",
    [
        ({"removed_on": "2027-01-09"}, {"allow"}),
        ({"removed_on": "2027-01-08"}, {"", "allow"}),
        ({"guarded": True}, set()),
        ({"guarded": True, "retired": True}, {"", "allow"}),
    ],
)
@pytest.mark.parametrize("permission", ["", "allow"])
def test_recorded_ending_decides_whether_a_connection_is_deleted(
    fivetran: Fivetran, stripe: str, monkeypatch: pytest.MonkeyPatch, permission: str, case
):
    ending, goes_with = case
    monkeypatch.setenv("RECONCILER_TODAY", "2027-01-08")
    monkeypatch.setenv("RECONCILER_REMOVALS", permission)
    props = {**state(fivetran.group), "ending": ending}
    if permission in goes_with:
        provider.delete(stripe, props)
        assert fivetran.named("stripe") == []
    else:
        message = failure(provider.delete, stripe, props)
        assert f"this run would delete the connection stripe ({stripe})\n" in message
        assert ("`retire: {ticket: …}`" if "guarded" in ending else "RECONCILER_REMOVALS=allow") in message


def test_announced_end_reaches_state_without_a_call(fivetran: Fivetran, stripe: str):
    ended = {**inputs(fivetran.group), "ending": {"removed_on": "2027-01-08"}}
    assert provider.diff(stripe, state(fivetran.group), ended).changes
    fivetran.forget_requests()
    changed = provider.update(stripe, state(fivetran.group), ended)
    assert fivetran.requests() == []
    assert (changed.outs or {})["ending"] == {"removed_on": "2027-01-08"}
    assert not provider.diff(stripe, dict(changed.outs or {}), ended).changes


def test_connection_is_replaced_only_when_a_file_of_this_run_allows_it(fivetran: Fivetran, stripe: str):
    olds, news = state(fivetran.group), inputs(fivetran.group, schema="stripe_v2")
    assert "which Fivetran cannot do in an existing connection" in failure(provider.check, olds, news)
    assert "this run would delete the connection stripe" in failure(provider.delete, stripe, olds)
    run.declare(units={"stripe_v2": "stripe"}, replaced=frozenset({"stripe"}))
    assert provider.check(olds, news).failures == []
    shown = provider.diff(stripe, olds, news)
    assert (shown.replaces, shown.delete_before_replace) == (["destination"], True)
    provider.delete(stripe, olds)
    assert fivetran.named("stripe") == []


def test_changed_immutable_key_replaces_only_with_allow_resync(fivetran: Fivetran, stripe: str):
    olds, news = state(fivetran.group, frame={"a": 1}), inputs(fivetran.group, frame={"a": 2, "b": 3})
    permanent, stripe_alone = {"stripe": {"frame.a": False}}, frozenset({"stripe"})
    for replaced, replaces in ((stripe_alone, ["config"]), (frozenset(), None)):
        run.declare(units={"stripe": "stripe"}, replaced=replaced, permanent_keys=permanent)
        assert provider.check(olds, news).failures == []
        assert provider.diff(stripe, olds, news).replaces == replaces
    run.declare(replaced=stripe_alone)
    assert provider.diff(stripe, olds, inputs(fivetran.group, frame={"a": 1, "b": 3})).replaces is None
    assert provider.diff(stripe, olds, inputs(fivetran.group)).replaces is None, "it left the file"
    for named, replaces in ((False, None), (True, ["config"])):
        run.declare(permanent_keys={"stripe": {"frame.a": named}})
        assert provider.diff(stripe, state(fivetran.group), news).replaces == replaces, "it came to the file"


def test_replacement_of_the_same_name_deletes_the_old_connection(fivetran: Fivetran, stripe: str):
    run.declare(units={"stripe": "stripe"}, replaced=frozenset({"stripe"}))
    provider.delete(stripe, state(fivetran.group))
    assert fivetran.named("stripe") == []


def test_connection_that_another_file_declares_is_kept_without_a_call(
    fivetran: Fivetran, stripe: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow")
    run.declare(units={"stripe": "payments"})
    fivetran.forget_requests()
    provider.delete(stripe, state(fivetran.group))
    assert fivetran.requests() == []
    assert fivetran.the("stripe")["id"] == stripe


def test_refresh_removes_a_missing_connection_from_state(fivetran: Fivetran, stripe: str):
    fivetran.delete("stripe")
    assert provider.read(stripe, state(fivetran.group)).id is None


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "html", "status": 404},
        {"kind": "status", "status": 403, "body": {"code": "Forbidden", "message": "no"}},
        {"kind": "status", "status": 500},
        {"kind": "unauthorized"},
        {"kind": "garbage"},
        {"kind": "drop_request"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}",
)
@pytest.mark.parametrize("path", ["^/v1/connections$", "^/v1/connections/."])
def test_no_fault_makes_a_connection_look_deleted(fivetran: Fivetran, stripe: str, new_run, fault, path: str):
    new_run()
    run.account.expect(["stripe"], with_tables=[])
    fivetran.fault(method="GET", path=path, count=None, **fault)
    assert failure(provider.read, stripe, state(fivetran.group)).startswith(f"{FILE}: GET /connections")


@pytest.mark.parametrize("before", [0, 1, 8], ids=["none before", "one before", "all before"])
def test_refresh_asks_once_for_the_group_and_once_for_each_connection(fivetran: Fivetran, new_run, before: int):
    """Whether connections are asked for before or after it is known what state has."""
    names = [f"stripe_{number}" for number in range(8)]
    stacks = [Stack(fivetran.group) for _ in names]
    for stack, name in zip(stacks, names, strict=True):
        stack.up(unit(name))
    new_run()
    fivetran.by_hand(schema="of_somebody_else")
    fivetran.forget_requests()
    for stack in stacks[:before]:
        stack.refresh()
    run.account.begin_refresh(fivetran.group)
    run.account.expect(names, with_tables=[])
    for stack in stacks[before:]:
        stack.refresh()
    fivetran.wait_for(lambda: "GET /v1/connections" in fivetran.counts())
    asked = sorted(request["path"] for request in fivetran.requests())
    assert asked == sorted(["/v1/connections", *(f"/v1/connections/{stack.connection.id}" for stack in stacks)])


def test_connections_are_read_ahead_as_many_at_once_as_the_account_allows(fivetran: Fivetran, new_run):
    names = [f"stripe_{number}" for number in range(READERS + 8)]
    for name in names:
        fivetran.by_hand(schema=name)
    new_run()
    held = fivetran.fault(kind="hold", method="GET", path="^/v1/connections/[^/]+$", count=None)
    fivetran.forget_requests()
    run.account.expect(names, with_tables=[])
    run.account.begin_refresh(fivetran.group)
    fivetran.wait_for(lambda: fivetran.held(held) >= READERS)
    assert fivetran.held(held) == READERS
    fivetran.release(held)
    fivetran.wait_for(lambda: fivetran.counts().get("GET /v1/connections/{connection_id}") == len(names))


@pytest.mark.parametrize("order", [1, -1], ids=["as created", "newest first"])
def test_connections_are_read_ahead_in_the_order_of_state(fivetran: Fivetran, new_run, monkeypatch, order: int):
    names = [f"stripe_{number}" for number in range(4)][::order]
    stacks = {name: Stack(fivetran.group) for name in sorted(names)}
    for name, stack in stacks.items():
        stack.up(unit(name))
    monkeypatch.setattr("reconciler.resources.run.account.READERS", 1)
    new_run()
    run.account.expect(names, with_tables=[])
    fivetran.forget_requests()
    for name in names:
        stacks[name].refresh()
    asked = [request["path"] for request in fivetran.requests()]
    assert asked == ["/v1/connections", *(f"/v1/connections/{stacks[name].connection.id}" for name in names)]


def test_second_read_returns_the_current_connection(fivetran: Fivetran, stripe: str, new_run):
    new_run()
    provider.read(stripe, state(fivetran.group))
    fivetran.edit("stripe", config={"historical_sync_time_frame": "DATE_LIMIT"})
    declared = inputs(fivetran.group, historical_sync_time_frame="ALL_TIME")
    again = provider.read(stripe, {**state(fivetran.group), **declared})
    assert (again.outs or {})["config"]["historical_sync_time_frame"] == "DATE_LIMIT"


def test_list_that_failed_once_is_asked_for_again(fivetran: Fivetran, stripe: str, new_run):
    new_run()
    run.account.expect(["stripe"], with_tables=[])
    fivetran.fault(method="GET", path="^/v1/connections$", kind="status", status=403, body={"code": "Forbidden"})
    assert "403 Forbidden" in failure(provider.read, stripe, state(fivetran.group))
    assert provider.read(stripe, state(fivetran.group)).id == stripe
