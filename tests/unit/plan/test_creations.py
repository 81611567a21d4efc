"""What Preflight records before a connection is created, and what it rejects before another one is deleted."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from tests.unit.resources.account import FILE, Fivetran, failure, state, unit
from tests.unit.resources.test_new_connections import AT_WORK, fleet

from reconciler.model import Adopt, Unit
from reconciler.plan.preflight import PreflightProvider
from reconciler.resources.connection import api_fields
from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.run.run import run

provider = PreflightProvider()
connection = ConnectionProvider()


def check(olds: dict[str, Any], *units: Unit, applies: bool = True, **more: Any) -> dict[str, Any]:
    """What state holds of Preflight after a run with these units; the preview of one where nothing is applied."""
    return dict(provider.check(copy.deepcopy(olds), {**fleet(*units), "preview": not applies, **more}).inputs)


def allowing(*units: Unit, **changes: list[str]) -> dict[str, Any]:
    """The units as Preflight has them where their files allow changes."""
    declared = {
        each.name: {
            "file": each.file,
            "service": "stripe",
            "connection": api_fields.inputs(each, each.connector)["destination"]["schema"],
            "resync": changes,
        }
        for each in units
        if each.connector
    }
    return {"units": declared}


def test_intent_is_recorded_with_time_and_user_for_what_does_not_exist(fivetran: Fivetran, new_run):
    fivetran.by_hand(schema="there", **AT_WORK)
    recorded = check({}, unit(), unit("there"))["intents"]
    assert list(recorded) == ["stripe"], "what exists is adopted"
    assert recorded["stripe"]["user"] == run.account.client().account_info().user_id


def test_intent_lasts_until_a_refresh_sees_its_connection(fivetran: Fivetran, new_run):
    first = check({}, unit())
    new_run()
    second = check(first, unit())
    assert second["intents"] == first["intents"], "a run without a refresh cannot know"
    assert not provider.diff("dev", first, second).changes
    id_ = fivetran.by_hand(connected_by=first["intents"]["stripe"]["user"])
    new_run()
    connection.read(id_, state(fivetran.group))
    third = check(second, unit())
    assert third["intents"] == {}
    assert not provider.diff("dev", second, third).changes, "a second run changes nothing"


def test_older_connection_in_state_does_not_use_an_intent_up(fivetran: Fivetran, new_run):
    id_ = fivetran.by_hand(created_at="2026-01-01T00:00:00Z", connected_by=run.account.creator().user)
    kept = check(check({}), unit("other"))
    kept["intents"] = {"stripe": {**kept["intents"]["other"]}}
    kept["units"] = fleet(unit())["units"]
    new_run()
    connection.read(id_, state(fivetran.group))
    assert list(check(kept, unit())["intents"]) == ["stripe"]


def test_connection_missing_in_a_refresh_gets_a_new_intent(fivetran: Fivetran, new_run):
    kept = check({}, unit())
    new_run()
    assert connection.read("gone_id", state(fivetran.group)).id is None
    again = check(kept, unit())
    assert again["intents"]["stripe"]["at"] > kept["intents"]["stripe"]["at"]
    assert provider.diff("dev", kept, again).changes, "so that it is recorded before the create"


def test_connection_remade_by_hand_is_compared_with_the_file(fivetran: Fivetran, new_run):
    kept = check({}, unit())
    fivetran.by_hand(sync_frequency=60, connected_by=run.account.creator().user)
    new_run()
    connection.read("gone_id", state(fivetran.group))
    assert "schedule: the file says" in failure(check, kept, unit())


def test_preview_records_no_user_and_asks_for_none(fivetran: Fivetran, new_run):
    fivetran.forget_requests()
    recorded = check({}, unit(), applies=False)["intents"]["stripe"]
    assert list(recorded) == ["at"]
    assert not any(request["path"] == "/v1/account/info" for request in fivetran.requests())


def test_no_connection_counts_as_ours_without_the_owner_of_the_key(
    fivetran: Fivetran, new_run, caplog: pytest.LogCaptureFixture
):
    fivetran.fault(path="^/v1/account/info$", kind="status", status=500, count=None)
    assert list(check({}, unit())["intents"]["stripe"]) == ["at"]
    assert "cannot check which user owns the API key: " in caplog.text


@pytest.mark.parametrize(
    "live", [AT_WORK, {"paused": True, "setup_state": "incomplete"}], ids=["works", "never worked"]
)
def test_move_to_a_group_with_a_connection_of_that_name_is_rejected_first(
    fivetran: Fivetran, new_run, live: dict[str, Any]
):
    fivetran.by_hand(**AT_WORK)
    kept = check({}, unit())
    other = fivetran.make_group("Group_Other")
    theirs = str(
        fivetran.make(group_id=other, service="stripe", config={"schema": "stripe", "api_key": "k"}, **live)["id"]
    )
    moved = {"group": "Group_Other", **allowing(unit(), group=["Group_Dev", "Group_Other"])}
    new_run()
    for applies in (False, True):
        message = failure(lambda applies=applies: check(kept, unit(), applies=applies, **moved))
        assert message.startswith(
            f"{FILE}: this run would delete the connection stripe and use the existing "
            f"connection stripe ({theirs}) instead"
        )
    adopting = unit(adopt=Adopt(theirs))
    assert check(kept, adopting, **moved)["intents"] == {}
    assert fivetran.writes() == []


def test_new_destination_with_a_connection_of_that_name_is_rejected_first(fivetran: Fivetran, new_run):
    fivetran.by_hand(**AT_WORK)
    kept = check({}, unit())
    theirs = fivetran.by_hand(schema="payments", **AT_WORK)
    moved = Unit("stripe", FILE, "d", ("owner@example.com",), unit("payments").connector)
    new_run()
    message = failure(lambda: check(kept, moved, **allowing(moved, schema=["stripe", "payments"])))
    assert f"{FILE}: this run would delete the connection stripe and use the existing connection payments" in message
    assert theirs in message


def test_another_service_under_the_same_name_gets_an_intent_and_is_not_looked_for(fivetran: Fivetran, new_run):
    fivetran.by_hand(**AT_WORK)
    kept = check({}, unit())
    assert kept["intents"] == {}
    hubspot = unit(service="hubspot", api_key=None)
    allowed = allowing(hubspot)
    allowed["units"]["stripe"] |= {"service": "hubspot", "resync": {"service": ["stripe", "hubspot"]}}
    new_run()
    fivetran.forget_requests()
    assert list(check(kept, hubspot, **allowed)["intents"]) == ["stripe"]
    assert [request["path"] for request in fivetran.requests()] == ["/v1/account/info"]


def test_replacement_needs_each_value_before_the_old_connection_is_deleted(fivetran: Fivetran, new_run):
    fivetran.by_hand(**AT_WORK)
    kept = check({}, unit())
    held = unit(service="hubspot", api_key={"held_by": "fivetran"})
    allowed = allowing(held)
    allowed["units"]["stripe"] |= {"service": "hubspot", "resync": {"service": ["stripe", "hubspot"]}}
    assert "config.api_key: only Fivetran has this value" in failure(lambda: check(kept, held, **allowed))


def test_rejections_of_fleet_name_the_line_of_the_key(fivetran: Fivetran, new_run, tmp_path: Path):
    files = {
        "connectors/dev/stripe.yaml": "connector:\n  service: stripe\n  destination: {schema: stripe}\n"
        "  config:\n    historical_sync_time_frame: ALL_TIME\n  schedule: {by: fivetran, every: 6h}\n",
        "connectors/dev/moved.yaml": "connector:\n  destination: {schema: moved_v2}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    made = fivetran.by_hand(sync_frequency=60, config={"historical_sync_time_frame": "DATE_LIMIT"}, **AT_WORK)
    message = failure(lambda: check({}, unit(historical_sync_time_frame="ALL_TIME"), root=str(tmp_path)))
    assert message.splitlines()[:3] == [
        f"{FILE}:3:3: the connection stripe exists ({made}) and differs from the file:",
        f"    {FILE}:5:5: config.historical_sync_time_frame: the file says 'ALL_TIME', Fivetran has 'DATE_LIMIT'",
        f"    {FILE}:6:3: schedule: the file says {{by: fivetran, every: 6h}}, "
        "Fivetran has {by: fivetran, every: 1h}",
    ]
    new_run()
    moved = unit("moved_v2")
    moved = Unit("moved", "connectors/dev/moved.yaml", "d", ("owner@example.com",), moved.connector)
    message = failure(lambda: check(check({}, unit("moved")), moved, root=str(tmp_path), **allowing(moved)))
    assert message.startswith(
        "connectors/dev/moved.yaml:2:3: the destination changed from moved to moved_v2, which Fivetran "
    )
