"""Preflight: rejects before anything is touched, also when Fivetran cannot say what it is about."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.resources.account import Fivetran, failure

from reconciler.plan.preflight import PreflightProvider
from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.run.run import run

provider = PreflightProvider()

MOVED = {"file": "dev/payments.yaml", "service": "stripe", "connection": "stripe"}


def props(*names: str, **units: dict[str, Any]) -> dict[str, Any]:
    """The inputs of an environment with Stripe connections of these names, and other units."""
    stripe = {name: {"file": f"dev/{name}.yaml", "service": "stripe", "connection": name} for name in names}
    return {
        "environment_file": "dev/environment.yaml",
        "environment": "dev",
        "group": "Group_Dev",
        "gcp_project": "dev-project",
        "units": {**stripe, **units},
        "__provider": "gASVJQAAAAAAAAC",
    }


def test_removal_is_rejected_under_the_connections_id(fivetran: Fivetran, new_run):
    id_ = fivetran.by_hand()
    message = failure(provider.check, props("stripe", "sandbox"), props("sandbox"))
    assert message.startswith(
        f"dev/stripe.yaml is missing: this run would delete the connection stripe ({id_})\n    Run with "
    )
    assert fivetran.writes() == []


@pytest.mark.parametrize("fault", [{"kind": "unauthorized"}, {"kind": "status", "status": 500}, {"kind": "garbage"}])
def test_removal_is_rejected_also_where_fivetran_does_not_answer(fivetran: Fivetran, new_run, fault):
    fivetran.fault(count=None, **fault)
    message = failure(provider.check, props("stripe"), props())
    assert message.startswith("dev/stripe.yaml is missing: this run would delete the connection stripe\n    Run with ")


def test_rejection_without_credentials_is_a_rejection(fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    assert "would delete the connection stripe" in failure(provider.check, props("stripe"), props())


def test_preflight_reports_all_rejections_at_once(fivetran: Fivetran, new_run):
    message = failure(provider.check, props("a", "b"), props()).splitlines()
    assert [line.split()[0] for line in message if not line.startswith(" ")] == ["dev/a.yaml", "dev/b.yaml"]


def test_allowed_changes_send_no_request_to_fivetran(fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch):
    fivetran.forget_requests()
    provider.check(props("stripe"), {**props("stripe", "sandbox"), "preview": True})
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow")
    provider.check(props("stripe", "sandbox"), props("stripe"))
    assert fivetran.requests() == []


def test_deletions_never_take_what_the_run_declares(fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow")
    id_ = fivetran.by_hand()
    provider.check(props("stripe"), props(payments={**MOVED, "formerly": "stripe"}))
    assert run.declared.units.get("stripe") == "payments"
    ConnectionProvider().delete(id_, {"file": "dev/stripe.yaml", "unit": "stripe", "destination": {"schema": "stripe"}})
    assert fivetran.the("stripe")["id"] == id_


def test_renamed_file_changes_nothing_and_a_new_connection_is_a_change():
    assert not provider.diff("dev", props("stripe"), props(payments=MOVED)).changes
    assert provider.diff("dev", props("stripe"), props("stripe", "sandbox")).changes


def test_dataset_that_another_unit_declares_is_a_change_and_a_renamed_unit_is_none():
    def declared(name: str, **more: str) -> dict[str, Any]:
        return {**props(), "units": {name: {"file": f"dev/{name}.yaml", "datasets": {"finance": "US"}, **more}}}

    assert provider.diff("dev", declared("finance"), declared("budget")).changes
    assert not provider.diff("dev", declared("finance"), declared("budget", formerly="finance")).changes
    assert not provider.diff("dev", declared("budget", formerly="finance"), declared("budget")).changes


def test_move_of_an_environment_to_another_project_is_rejected(fivetran: Fivetran, new_run):
    moved = {**props("stripe"), "gcp_project": "other"}
    assert failure(provider.check, props("stripe"), moved).startswith("dev/environment.yaml: gcp_project changed from ")


def test_moved_group_is_rejected_for_each_connection_without_allow_resync(fivetran: Fivetran, new_run):
    id_ = fivetran.by_hand()
    moved = {**props("stripe"), "group": "Group_Test"}
    message = failure(provider.check, props("stripe"), moved)
    assert message.startswith("dev/stripe.yaml: the group changed from Group_Dev to Group_Test, which Fivetran cannot ")
    assert f"to replace the connection stripe ({id_}) by a new one" in message
    assert "stripe" not in run.declared.replaced
    moved["units"]["stripe"]["resync"] = {"group": ["Group_Dev", "Group_Test"]}
    assert provider.check(props("stripe"), moved).failures == []
    assert "stripe" in run.declared.replaced


def test_changed_immutable_key_is_rejected_without_allow_resync(fivetran: Fivetran, new_run):
    id_ = fivetran.by_hand()
    before, after = props("stripe"), props("stripe")
    before["units"]["stripe"]["permanent"] = {"timeframe": "SIX"}
    after["units"]["stripe"]["permanent"] = {"timeframe": "TWELVE"}
    message = failure(provider.check, before, after)
    assert message.startswith(
        "dev/stripe.yaml: `config.timeframe` changed from SIX to TWELVE, which Fivetran cannot do "
    )
    assert f"to replace the connection stripe ({id_}) by a new one" in message
    assert provider.diff("dev", before, after).changes, "so that state learns of it"
    after["units"]["stripe"]["resync"] = {"config.timeframe": ["SIX", "TWELVE"]}
    assert provider.check(before, after).failures == []
    assert "stripe" in run.declared.replaced
    assert run.declared.permanent_keys.get("stripe", {}) == {"timeframe": True}


RENAMED = {"group": "Group_New", "formerly": "Group_Dev"}


def test_renamed_group_is_the_same_group(fivetran: Fivetran, new_run):
    fivetran.by_hand()
    assert provider.check(props("stripe"), {**props("stripe"), **RENAMED}).failures == []
    assert "stripe" not in run.declared.replaced
    assert "Group_Dev" not in run.declared.left_groups
    fivetran.forget_requests()
    assert provider.check({**props("stripe"), **RENAMED}, {**props("stripe"), **RENAMED}).failures == []
    assert fivetran.requests() == [], "once it is done, nobody looks"
    other = {**props("stripe"), **RENAMED, "formerly": "Group_Old"}
    assert "`formerly: Group_Dev`" in failure(provider.check, props("stripe"), other)


@pytest.mark.parametrize("olds", [{}, props("stripe")], ids=["no state", "state"])
def test_group_is_not_renamed_to_the_name_of_another(fivetran: Fivetran, new_run, olds: dict[str, Any]):
    fivetran.make_group("Group_New")
    message = failure(provider.check, olds, {**props("stripe"), **RENAMED})
    assert message.startswith(
        "dev/environment.yaml: Fivetran has both groups, Group_New and Group_Dev, so the run cannot "
    )
    assert fivetran.writes() == []


def test_renaming_is_not_rejected_without_an_answer_unless_the_key_is(
    fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    fivetran.fault(kind="status", status=500, count=None)
    provider.check(props("stripe"), {**props("stripe"), **RENAMED})
    assert "cannot check whether the group can be renamed: " in caplog.text
    fivetran.forget_faults()
    fivetran.fault(kind="unauthorized", count=None)
    message = failure(provider.check, props("stripe"), {**props("stripe"), **RENAMED})
    assert message.startswith("dev/environment.yaml: GET /groups: Fivetran answered 401")
    monkeypatch.delenv("FIVETRAN_APIKEY")
    new_run()
    provider.check(props("stripe"), {**props("stripe"), **RENAMED})
    assert "no Fivetran credentials: this preview does not check whether the group can be renamed" in caplog.text


def test_announced_end_is_a_change_so_that_state_learns_of_it():
    for ending in ({"removed_on": "2027-01-08"}, {"retired": True}, {"guarded": True}):
        ended = props("stripe")
        ended["units"]["stripe"]["ending"] = ending
        assert provider.diff("dev", props("stripe"), ended).changes
    dataset = {"file": "dev/d.yaml", "datasets": {"d": "US"}}
    ended = props(d={**dataset, "dataset_endings": {"d": {"removed_on": "2027-01-08"}}})
    assert provider.diff("dev", props(d=dataset), ended).changes
    strict = {**props("stripe"), "policy": {"removal": "retire", "share": 20.0, "at_least": 3.0}}
    assert provider.diff("dev", props("stripe"), strict).changes
    assert not provider.diff(
        "dev", strict, {**strict, "policy": {"removal": "retire", "share": 20, "at_least": 3}}
    ).changes


def test_last_runs_policy_holds_beside_this_ones(fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow")
    policies = {
        name: {"removal": name, "share": 20.0, "at_least": least} for name, least in (("retire", 9.0), ("file", 0.0))
    }
    for old, new in (("retire", "file"), ("file", "retire")):
        message = failure(
            provider.check, {**props("stripe"), "policy": policies[old]}, {**props(), "policy": policies[new]}
        )
        assert "Restore the file with `retire: {ticket: …}`" in message
    lax = {"removal": "file", "share": 20.0, "at_least": 9.0}
    message = failure(provider.check, {**props("stripe"), "policy": policies["file"]}, {**props(), "policy": lax})
    assert "this run would remove 1 of 1 connections (`delete_guard` allows 0)" in message
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow:1")
    provider.check({**props("stripe"), "policy": policies["file"]}, {**props(), "policy": lax})


@pytest.mark.parametrize(("today", "goes"), [("2027-01-07", False), ("2027-01-08", True)])
def test_recorded_expiry_allows_the_removal_on_its_day(
    fivetran: Fivetran, new_run, monkeypatch, today: str, goes: bool
):
    monkeypatch.setenv("RECONCILER_TODAY", today)
    ended = props("stripe")
    ended["units"]["stripe"]["ending"] = {"removed_on": "2027-01-08"}
    if goes:
        provider.check(ended, props())
    else:
        assert "would delete the connection stripe" in failure(provider.check, ended, props())


def test_state_of_a_newer_version_can_be_read():
    newer = props(stripe={"file": "dev/stripe.yaml", "service": "stripe", "connection": "stripe", "new_word": 1.0})
    assert provider.check(newer, props("stripe")).failures == []


def test_refresh_reads_tables_only_of_connections_with_sync(fivetran: Fivetran, new_run):
    fivetran.by_hand()
    selecting = fivetran.by_hand(schema="selecting")
    fivetran.forget_requests()
    state = props(
        "stripe", selecting={"file": "dev/s.yaml", "service": "stripe", "connection": "selecting", "tables": True}
    )
    provider.read("dev", state)
    run.account.read(fivetran.group, selecting, reader="connection")
    run.account.read_schema(selecting)
    asked = [request["path"] for request in fivetran.requests() if request["path"].endswith("/schemas")]
    assert asked == [f"/v1/connections/{selecting}/schemas"]
    assert provider.diff(
        "dev", props("stripe"), props(stripe={**props("stripe")["units"]["stripe"], "tables": True})
    ).changes


def with_variable(name: str, variable: str | None) -> dict[str, Any]:
    return {"file": f"dev/{name}.yaml", "service": "stripe", "connection": name, "variable": variable}


def test_fleet_reports_once_a_variable_that_no_unit_has_any_more(fivetran: Fivetran, new_run, caplog):
    before = provider.check({}, props(a=with_variable("a", "a_id"), b=with_variable("b", "b_id"))).inputs
    after = provider.check(before, props(a=with_variable("a", "a_id"), b=with_variable("b", None))).inputs
    assert after["former_variables"] == ["b_id"]
    assert "dev/b.yaml: the Airflow variable b_id is obsolete: no unit declares it" in caplog.text
    assert "\n    Run `airflow variables delete b_id`." in caplog.text
    assert provider.diff("dev", before, after).changes
    caplog.clear()
    again = provider.check(after, props(a=with_variable("a", "a_id"), b=with_variable("b", None))).inputs
    assert again["former_variables"] == ["b_id"]
    assert "b_id" not in caplog.text
    assert not provider.diff("dev", after, again).changes


@pytest.mark.parametrize("elsewhere", [True, False])
def test_fleet_forgets_a_former_variable_when_a_unit_has_it_again(fivetran: Fivetran, new_run, elsewhere: bool):
    news = props() if elsewhere else props(b=with_variable("b", "a_id"))
    if elsewhere:
        news["variables_elsewhere"] = ["a_id"]
    checked = provider.check({**props(), "former_variables": ["a_id"]}, news).inputs
    assert checked["former_variables"] == []
    assert "variables_elsewhere" not in checked


@pytest.mark.parametrize(
    "changed",
    [
        {"sensitive": ["stripe"]},
        {"fixed": {"destination_schema_names": "SOURCE_NAMING"}},
        {"permanent": {"database": "b"}},
        {"ending": {"removed_on": "2027-01-01"}},
    ],
)
def test_preflight_shows_a_change_that_only_a_review_reads(new_run, changed: dict[str, Any]):
    declared = {**MOVED, "datasets": {"stripe": "US"}, "permanent": {"database": "a"}}
    before, after = props(payments=declared), props(payments={**declared, **changed})
    assert not provider.diff("dev", before, before).changes
    assert provider.diff("dev", before, after).changes
