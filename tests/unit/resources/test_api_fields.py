"""Between a file's words and the API's fields."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.fivetran.api import Connection
from reconciler.model import AirflowSchedule, Connector, DestinationSchema, Unit
from reconciler.resources.connection import api_fields

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


def props(connector=CONNECTOR, **changes):
    unit = Unit("stripe", "dev/stripe.yaml", "d", ("o@example.com",), connector)
    return api_fields.inputs(unit, replace(connector, **changes)) | {"group_id": "group"}


def test_create_sends_a_paused_connection_that_reads_back_as_the_file():
    wanted = props()
    sent = api_fields.create_fields(wanted, {"api_key": "secret", "sync": "ALL"}, {})
    assert sent == {
        "group_id": "group",
        "service": "stripe",
        "config": {"schema": "stripe", "api_key": "secret", "sync": "ALL"},
        "paused": True,
    }
    assert api_fields.as_file(wanted, LIVE, {}) == wanted
    assert api_fields.patch(wanted, wanted) == {}


@pytest.mark.parametrize("change", [{"paused": True}, {"schedule_type": "manual"}, {"sync_frequency": 60}])
def test_inputs_of_a_connection_have_no_schedule_and_no_pause(change):
    assert api_fields.as_file(props(), replace(LIVE, **change), {}) == props()
    assert api_fields.patch(props(), props(schedule=AirflowSchedule("task"), paused="INC-1")) == {}


def test_patch_holds_only_the_config_keys_that_changed():
    news = props(config={"api_key": {"env": "STRIPE_KEY", "version": 4}, "sync": "ALL"})
    assert api_fields.patch(props(), news) == {"config": {"api_key": {"env": "STRIPE_KEY", "version": 4}}}


def test_auth_is_sent_whole_when_any_of_it_changed():
    auth = {"refresh_token": KEY, "client_access": {"client_id": "id"}}
    rotated = {**auth, "refresh_token": {**KEY, "version": 4}}
    assert api_fields.patch(props(auth=auth), props(auth=rotated)) == {"auth": rotated}
