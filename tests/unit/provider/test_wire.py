"""Between a file's words and the API's fields."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.client import Connection
from reconciler.model import SYNC_INTERVALS, AirflowSchedule, Connector, DestinationSchema, FivetranSchedule, Unit
from reconciler.provider import wire

KEY: Any = {"env": "STRIPE_KEY", "version": 3}
CONNECTOR = Connector("stripe", DestinationSchema(schema="stripe"), config={"api_key": KEY, "sync": "ALL"})
LIVE = Connection.parse(
    {
        "id": "duel_salutation",
        "group_id": "group",
        "service": "stripe",
        "schema": "stripe",
        "paused": False,
        "schedule_type": "auto",
        "sync_frequency": 360,
        "status": {"setup_state": "connected"},
        "config": {"schema": "stripe", "api_key": "******", "sync": "ALL", "filled_in": 1},
    }
)

schedules = st.one_of(
    st.builds(AirflowSchedule, st.just("task")),
    st.builds(FivetranSchedule, st.sampled_from(sorted(SYNC_INTERVALS.values()))),
    st.builds(FivetranSchedule, st.just(1440), st.integers(0, 23).map("{:02}:00".format)),
)


def props(connector=CONNECTOR, **changes):
    unit = Unit("stripe", "dev/stripe.yaml", "d", ("o@example.com",), connector)
    return wire.inputs(unit, replace(connector, **changes)) | {"group_id": "group"}


@given(schedules, schedules, st.none() | st.just("INC-1"))
def test_what_a_create_sends_reads_back_as_the_file(schedule, other, paused):
    wanted = props(schedule=schedule, paused=paused)
    sent = wire.create_fields(wanted, {"api_key": "secret", "sync": "ALL"}, {})
    live = replace(
        LIVE,
        paused=sent["paused"],
        schedule_type=sent["schedule_type"],
        sync_frequency=sent.get("sync_frequency", 360),
        daily_sync_time=sent.get("daily_sync_time"),
    )
    assert wire.as_file(wanted, live) == wanted
    assert wire.patch(wanted, wanted) == {}
    changed = wire.patch(wanted, props(schedule=other, paused=paused))
    assert changed == ({} if wire.schedule_fields(wanted["schedule"]) == wire.schedule_fields(
        wire.schedule_inputs(other)) else wire.schedule_fields(wire.schedule_inputs(other)))  # fmt: skip


def test_a_patch_holds_only_the_config_keys_that_changed():
    news = props(config={"api_key": {"env": "STRIPE_KEY", "version": 4}, "sync": "ALL"})
    assert wire.patch(props(), news) == {"config": {"api_key": {"env": "STRIPE_KEY", "version": 4}}}


def test_auth_is_sent_whole_when_any_of_it_changed():
    auth = {"refresh_token": KEY, "client_access": {"client_id": "id"}}
    rotated = {**auth, "refresh_token": {**KEY, "version": 4}}
    assert wire.patch(props(auth=auth), props(auth=rotated)) == {"auth": rotated}


def test_another_task_id_or_pause_reason_changes_nothing_in_fivetran():
    olds = props(schedule=AirflowSchedule("a"), paused="one reason")
    assert wire.patch(olds, props(schedule=AirflowSchedule("b"), paused="another")) == {}


@pytest.mark.parametrize("change", [{"paused": True}, {"schedule_type": "auto", "sync_frequency": 60}])
def test_what_airflow_changes_at_run_time_is_never_drift(change):
    wanted = props(schedule=AirflowSchedule("task"))
    assert wire.as_file(wanted, replace(LIVE, **change)) == wanted


def test_a_pause_by_hand_stays_and_a_lifted_pause_is_drift():
    assert wire.as_file(props(), replace(LIVE, paused=True)) == props()
    assert "paused" not in wire.as_file(props(paused="INC-1"), replace(LIVE, paused=False))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"schedule_type": "manual"}, {"by": "manual"}),
        ({"sync_frequency": 60}, {"by": "fivetran", "every": "1h"}),
        ({"sync_frequency": 7}, {"by": "fivetran", "every": "7m"}),
        ({"sync_frequency": 1440, "daily_sync_time": "04:00"}, {"by": "fivetran", "daily_at": "04:00"}),
        ({"schedule_type": "cron", "sync_frequency": None}, {"by": "cron"}),
    ],
)
def test_a_schedule_changed_by_hand_is_drift_and_is_put_right(change, found):
    described = wire.as_file(props(), replace(LIVE, **change))
    assert described["schedule"] == found
    assert wire.patch(described, props()) == {"schedule_type": "auto", "sync_frequency": 360}


def test_a_daily_time_in_another_spelling_is_no_drift():
    wanted = props(schedule=FivetranSchedule(1440, "04:00"))
    for spelled in ("04:00", "4:00", "04:00:00", None):
        assert wire.as_file(wanted, replace(LIVE, sync_frequency=1440, daily_sync_time=spelled)) == wanted
    moved = wire.as_file(wanted, replace(LIVE, sync_frequency=None, daily_sync_time="05:00"))
    assert moved["schedule"] == {"by": "fivetran", "daily_at": "05:00"}
    assert wire.patch(moved, wanted)["daily_sync_time"] == "04:00"
