"""`{held_by: fivetran}`: a run adopts values that only Fivetran has, and never sends them in any form."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model import Adopt
from reconciler.resources.connection.resource import ConnectionProvider

from .account import CANARY, FILE, KEY, Fivetran, failure, inputs

provider = ConnectionProvider()
HELD = {"held_by": "fivetran"}
FUNCTION = "google_cloud_function"


def function(group: str, *secrets: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The inputs of a function with these secrets, as the engine hands them over."""
    wanted = inputs(group, "stripe", service=FUNCTION, **{"function_trigger": "https://f.example", **more})
    del wanted["config"]["api_key"]
    wanted["config"]["secrets_list"] = list(secrets)
    return wanted


@pytest.fixture
def at_work(fivetran: Fivetran) -> str:
    """A function that a person created by hand, with two secrets; return its id."""
    config = {
        "function_trigger": "https://f.example",
        "secrets_list": [{"key": "one", "value": CANARY}, {"key": "two", "value": CANARY}],
    }
    made = fivetran.make(group_id=fivetran.group, service=FUNCTION, config={"schema": "stripe", **config})
    return str(made["id"])


def secret(key: str, value: object) -> dict[str, Any]:
    return {"key": key, "value": value}


def test_connection_is_adopted_without_its_secrets(fivetran: Fivetran, new_run, at_work: str):
    wanted = function(fivetran.group, secret("one", HELD), secret("two", HELD))
    fivetran.forget_requests()
    made = provider.create(wanted)
    assert made.id == at_work
    assert fivetran.writes() == []
    assert not provider.diff(at_work, made.outs or {}, wanted).changes


def test_key_that_fivetran_holds_is_left_out_of_a_patch(fivetran: Fivetran, new_run):
    id_ = fivetran.by_hand()
    made = provider.create(inputs(fivetran.group, api_key=HELD))
    assert made.id == id_
    olds, news = made.outs or {}, inputs(fivetran.group, api_key=HELD, historical_sync_time_frame="ALL_TIME")
    assert provider.diff(id_, olds, news).changes
    fivetran.forget_requests()
    provider.update(id_, olds, news)
    (write,) = [request for request in fivetran.requests() if request["method"] == "PATCH"]
    assert [key for key in write["keys"] if key.startswith("config.")] == ["config.historical_sync_time_frame"]
    assert fivetran.the("stripe")["config"]["api_key"] == CANARY


def test_reference_in_its_place_is_sent_and_the_other_way_round_changes_nothing(fivetran: Fivetran, new_run):
    id_ = fivetran.by_hand(key="the old one")
    held, ours = inputs(fivetran.group, api_key=HELD), inputs(fivetran.group, api_key=KEY)
    state = provider.create(held).outs or {}
    assert not provider.diff(id_, ours, held).changes
    assert provider.diff(id_, state, ours).changes
    provider.update(id_, state, ours)
    assert fivetran.the("stripe")["config"]["api_key"] == CANARY


def test_list_around_what_fivetran_holds_stays_or_is_rejected_with_the_path(fivetran: Fivetran, new_run, at_work: str):
    olds = function(fivetran.group, secret("one", HELD), secret("two", HELD))
    provider.create(olds)
    same = function(fivetran.group, secret("one", HELD), secret("two", HELD), function_trigger="https://g.example")
    assert provider.diff(at_work, olds, same).changes
    more = function(fivetran.group, secret("one", HELD), secret("two", KEY))
    rejected = (
        f"{FILE}: config.secrets_list[0].value: only Fivetran has this value, and a changed key can only be sent as a "
        "whole\n    Write a reference instead, such as {secret: NAME, version: N}."
    )
    fivetran.forget_requests()
    assert failure(provider.diff, at_work, olds, more) == rejected
    assert failure(provider.update, at_work, olds, more) == rejected
    assert fivetran.writes() == []
    known = function(fivetran.group, secret("one", KEY), secret("two", KEY))
    assert provider.diff(at_work, olds, known).changes
    assert not provider.diff(at_work, known, olds).changes


def test_changes_around_a_kept_value_in_auth_are_rejected(fivetran: Fivetran, new_run):
    olds = inputs(fivetran.group, auth={"refresh_token": HELD, "client_access": {"client_id": "a"}})
    news = inputs(fivetran.group, auth={"refresh_token": HELD, "client_access": {"client_id": "b"}})
    assert "auth.refresh_token: only Fivetran has this value" in failure(provider.diff, "id", olds, news)


def test_kept_value_without_a_connection_to_adopt_creates_nothing(fivetran: Fivetran, new_run):
    wanted = inputs(fivetran.group, api_key=HELD, auth={"token": HELD})
    fivetran.forget_requests()
    assert failure(provider.create, wanted) == (
        f"{FILE}: auth.token, config.api_key: only Fivetran has these values, and there is no connection stripe to "
        "adopt\n    Write a reference instead, such as {secret: NAME, version: N}."
    )
    assert fivetran.writes() == []


@pytest.mark.parametrize("auth", [{}, {"token": HELD}])
def test_broken_connection_is_changed_without_its_kept_values(fivetran: Fivetran, new_run, auth: dict[str, Any]):
    id_ = fivetran.by_hand(setup_state="incomplete")
    fivetran.forget_requests()
    adopt = Adopt(id_, apply_changes=True)
    wanted = inputs(fivetran.group, api_key=HELD, historical_sync_time_frame="DATE_LIMIT", auth=auth, adopt=adopt)
    assert provider.create(wanted).id == id_
    (write,) = [request for request in fivetran.requests() if request["method"] == "PATCH"]
    sent = [key for key in write["keys"] if key.startswith(("config", "auth"))]
    assert sent == ["config.historical_sync_time_frame"]


def test_broken_connection_that_needs_kept_values_is_rejected(fivetran: Fivetran, new_run):
    adopt = Adopt(fivetran.by_hand(setup_state="incomplete"), apply_changes=True)
    wanted = inputs(fivetran.group, auth={"token": HELD, "other": KEY}, adopt=adopt)
    assert "auth.token: only Fivetran has this value" in failure(provider.create, wanted)


def test_changes_that_are_allowed_are_rejected_where_they_stand_around_it(fivetran: Fivetran, new_run, at_work: str):
    adopt = Adopt(at_work, apply_changes=True)
    wanted = function(fivetran.group, secret("one", HELD), secret("three", HELD), adopt=adopt)
    fivetran.forget_requests()
    message = failure(provider.create, wanted)
    assert "config.secrets_list[0].value, config.secrets_list[1].value: only Fivetran has these values" in message
    assert fivetran.writes() == []
