"""What a connection and a destination have outside `config`: declared, made, compared, changed, adopted."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.fivetran.api import Connection, Destination
from reconciler.model import CONNECTION_SETTINGS, DESTINATION_SETTINGS, Adopt
from reconciler.resources.connection.resource import ConnectionProvider
from reconciler.resources.destination.resource import DestinationProvider
from reconciler.resources.destination.tests import DestinationTestsProvider

from .account import FILE, Fivetran, as_engine, failure, inputs, state, unit
from .stack import Stack

EVERY: dict[str, Any] = {
    "networking_method": "ProxyAgent",
    "proxy_agent_id": "agent_1",
    "private_link_id": "link_1",
    "hybrid_deployment_agent_id": "agent_2",
    "external_secrets_manager_id": "manager_1",
    "external_secrets_keys_config": {"api_key": "STRIPE_KEY"},
    "data_delay_sensitivity": "CUSTOM",
    "data_delay_threshold": 120,
    "pause_after_trial": True,
    "destination_schema_names": "SOURCE_NAMING",
}
#: Another value of each, and how often a change of it is tested.
OTHER: dict[str, tuple[Any, int]] = {
    "networking_method": ("PrivateLink", 1),
    "proxy_agent_id": ("agent_9", 1),
    "private_link_id": ("link_9", 1),
    "hybrid_deployment_agent_id": ("agent_9", 1),
    "external_secrets_manager_id": ("manager_9", 1),
    "external_secrets_keys_config": ({"api_key": "OTHER"}, 1),
    "data_delay_sensitivity": ("LOW", 0),
    "data_delay_threshold": (60, 0),
    "pause_after_trial": (False, 0),
}


def test_every_setting_of_a_connection_is_tested():
    assert EVERY.keys() == CONNECTION_SETTINGS.keys() == {*OTHER, "destination_schema_names"}
    assert Connection.parse({"id": "x", **EVERY}).settings == EVERY


@pytest.mark.parametrize("empty_fields", ["null", "absent"])
def test_settings_are_created_with_the_connection_and_cause_no_later_change(
    fivetran: Fivetran, stack: Stack, new_run, empty_fields: str
):
    fivetran.options(empty_fields=empty_fields)
    stack.up(unit(settings=EVERY))
    live = fivetran.the("stripe")
    assert {name: live[name] for name in EVERY} == EVERY
    new_run()
    stack.refresh()
    assert stack.pending(unit(settings=EVERY)) == []


@pytest.mark.parametrize("name", OTHER)
def test_setting_that_changes_in_the_file_is_sent_alone(fivetran: Fivetran, stack: Stack, name: str):
    stack.up(unit(settings=EVERY))
    value, tests = OTHER[name]
    fivetran.forget_requests()
    changed = unit(settings={**EVERY, name: value})
    assert "connection" in stack.pending(changed)
    stack.up(changed)
    [patch] = [each for each in fivetran.requests() if each["method"] == "PATCH"]
    assert {key.split(".")[0] for key in patch["keys"]} == {name, "run_setup_tests"}
    assert fivetran.the("stripe")[name] == value
    assert [each["path"].endswith("/test") for each in fivetran.requests()].count(True) == tests


@pytest.mark.parametrize("name", OTHER)
def test_setting_that_changes_by_hand_is_drift_and_is_repaired(fivetran: Fivetran, stack: Stack, new_run, name: str):
    stack.up(unit(settings=EVERY))
    fivetran.edit("stripe", **{name: OTHER[name][0]})
    new_run()
    stack.refresh()
    assert "connection" in stack.pending(unit(settings=EVERY))
    stack.up(unit(settings=EVERY))
    assert fivetran.the("stripe")[name] == EVERY[name]


def test_undeclared_setting_is_never_drift(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit())
    fivetran.edit("stripe", **{name: value for name, value in EVERY.items() if name in OTHER})
    new_run()
    stack.refresh()
    assert stack.pending(unit()) == []


def test_declared_default_that_fivetran_leaves_out_is_not_drift(fivetran: Fivetran, stack: Stack, new_run):
    fivetran.options(empty_fields="absent")
    wanted = unit(settings={"data_delay_sensitivity": "NORMAL", "data_delay_threshold": 0, "pause_after_trial": False})
    stack.up(wanted)
    new_run()
    stack.refresh()
    assert stack.pending(wanted) == []


def test_connection_that_is_made_again_gets_its_settings_back(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit(settings=EVERY))
    fivetran.delete("stripe")
    new_run()
    stack.refresh()
    stack.up(unit(settings=EVERY))
    live = fivetran.the("stripe")
    assert {name: live[name] for name in EVERY} == EVERY


def test_removed_setting_is_named_once_with_its_default(
    fivetran: Fivetran, stack: Stack, caplog: pytest.LogCaptureFixture
):
    stack.up(unit(settings={"networking_method": "SshTunnel", "proxy_agent_id": "a", "data_delay_threshold": 0}))
    assert "connection" in stack.pending(unit())
    assert caplog.messages == [
        f"{FILE}: networking_method is no longer in the file; Fivetran keeps its value\n"
        "    Write `networking_method: Directly` into `connector`, run, and remove it again to reset the value.",
        f"{FILE}: proxy_agent_id is no longer in the file; Fivetran keeps its value\n"
        "    Change it in Fivetran to reset it.",
    ]
    stack.up(unit())
    caplog.clear()
    assert stack.pending(unit()) == []
    assert caplog.messages == []


def test_names_in_the_destination_cannot_change_once_a_connection_exists(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit(settings={"destination_schema_names": "FIVETRAN_NAMING"}))
    provider, news = (
        ConnectionProvider(),
        inputs(fivetran.group, settings={"destination_schema_names": "SOURCE_NAMING"}),
    )
    assert failure(provider.check, stack.connection.state, news) == (
        f"{FILE}: destination_schema_names is SOURCE_NAMING in the file and FIVETRAN_NAMING in Fivetran, which "
        "cannot change it in an existing connection\n"
        "    Write FIVETRAN_NAMING, or declare another connector in another file."
    )
    fivetran.forget_requests()
    assert "Write FIVETRAN_NAMING" in failure(provider.update, stack.connection.id, state(fivetran.group), news)
    assert fivetran.writes() == []


def test_setting_that_differs_at_adoption_is_shown_and_changed_only_where_allowed(
    fivetran: Fivetran, stack: Stack, new_run
):
    made = fivetran.by_hand(succeeded_at="2026-01-01T00:00:00Z", networking_method="SshTunnel")
    wanted = {"networking_method": "ProxyAgent", "proxy_agent_id": "agent_1", "data_delay_sensitivity": "NORMAL"}
    message = failure(ConnectionProvider().create, inputs(fivetran.group, settings=wanted))
    assert (
        "    networking_method: the file says 'ProxyAgent', Fivetran has 'SshTunnel'\n"
        "    proxy_agent_id: the file says 'agent_1', Fivetran has nothing\n"
    ) in message
    assert fivetran.writes() == []
    stack.up(unit(settings=wanted, adopt=Adopt(made, apply_changes=True)))
    live = fivetran.the("stripe")
    assert (live["networking_method"], live["proxy_agent_id"]) == ("ProxyAgent", "agent_1")


def test_names_in_the_destination_are_not_changed_by_an_adoption(fivetran: Fivetran, new_run):
    made = fivetran.by_hand(succeeded_at="2026-01-01T00:00:00Z")
    wanted = unit(settings={"destination_schema_names": "SOURCE_NAMING"}, adopt=Adopt(made, apply_changes=True))
    message = failure(ConnectionProvider().create, Stack(fivetran.group).connection_inputs(wanted))
    assert "does not change it in a connection that exists: make the file match" in message
    assert fivetran.writes() == []


GROUP: dict[str, Any] = {
    "file": "connectors/dev/environment.yaml",
    "group": "Group_Dev",
    "gcp_project": "dev-project",
    "location": "US",
    "region": "GCP_US_EAST4",
    "time_zone_offset": "0",
}
OF_DESTINATION: dict[str, Any] = {
    "networking_method": "ProxyAgent",
    "proxy_agent_id": "agent_1",
    "private_link_id": "link_1",
    "hybrid_deployment_agent_id": "agent_2",
    "external_secrets_manager_id": "manager_1",
    "daylight_saving_time_enabled": False,
    "bucket": "example-staging",
    "support_json_type": True,
}


def destination(**settings: Any) -> dict[str, Any]:
    return dict(as_engine({**GROUP, "settings": settings})) if settings else dict(GROUP)


def live_destination(fivetran: Fivetran) -> dict[str, Any]:
    (found,) = fivetran.snapshot()["destinations"]
    return {**found, **found["config"]}


def test_every_setting_of_a_destination_is_tested():
    assert OF_DESTINATION.keys() == DESTINATION_SETTINGS.keys()
    older = Destination.parse({"id": "x", "local_processing_agent_id": "agent", "hybrid_deployment_agent_id": None})
    assert older.settings == {"hybrid_deployment_agent_id": "agent"}


def test_settings_are_made_with_the_destination_and_are_then_no_difference(fivetran: Fivetran, new_run):
    fivetran.remove_destination(fivetran.group)
    provider = DestinationProvider()
    made = provider.create(destination(**OF_DESTINATION))
    live = live_destination(fivetran)
    assert {name: live[name] for name in OF_DESTINATION} == OF_DESTINATION
    found = provider.read(str(made.id), dict(made.outs or {}))
    assert not provider.diff(str(made.id), dict(found.outs or {}), destination(**OF_DESTINATION)).changes


@pytest.mark.parametrize("name", OF_DESTINATION)
def test_setting_of_a_destination_that_changes_by_hand_is_drift_and_is_repaired(fivetran: Fivetran, new_run, name: str):
    provider, group = DestinationProvider(), fivetran.group
    declared = destination(**OF_DESTINATION)
    provider.update(group, destination(), declared)
    others = {"networking_method": "SshTunnel", "daylight_saving_time_enabled": True, "support_json_type": False}
    other = others.get(name, "other")
    in_config = DESTINATION_SETTINGS[name].in_config
    fivetran.set_destination(group, **({"config": {name: other}} if in_config else {name: other}))
    found = dict(provider.read(group, declared).outs or {})
    assert found["settings"] == {**declared["settings"], name: other}
    assert provider.diff(group, found, declared).changes
    provider.update(group, found, declared)
    assert live_destination(fivetran)[name] == OF_DESTINATION[name]


def test_destination_whose_settings_differ_is_not_adopted(fivetran: Fivetran, new_run):
    message = failure(
        DestinationProvider().create, destination(networking_method="ProxyAgent", bucket="example-staging")
    )
    assert "networking_method: the file says 'ProxyAgent', Fivetran has 'Directly'" in message
    assert "bucket: the file says 'example-staging', Fivetran has nothing" in message
    assert fivetran.writes() == []


def test_removed_setting_of_a_destination_is_named(fivetran: Fivetran, caplog: pytest.LogCaptureFixture):
    settings = {"bucket": "example-staging", "networking_method": "Directly"}  # the second is Fivetran's default
    assert DestinationProvider().diff(fivetran.group, destination(**settings), destination()).changes
    assert caplog.messages == [
        "connectors/dev/environment.yaml: bucket is no longer in the file; Fivetran keeps its value\n"
        "    Change it in Fivetran to reset it."
    ]


def test_setting_that_a_destination_is_reached_by_is_tested_again(fivetran: Fivetran, new_run):
    provider = DestinationTestsProvider()
    olds = {"file": "f", "group_id": fivetran.group, "account": "a@example.com"}
    news = {**olds, "settings": {"networking_method": "ProxyAgent"}}
    assert provider.diff(fivetran.group, olds, news).changes
    failure(provider.update, fivetran.group, olds, news)
    assert fivetran.writes() == ["POST /v1/destinations/{destination_id}/test"]
