"""How the local Fivetran accepts, merges and shows a service's config."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fivetran.catalogue import Field, parse_service
from simulator.fivetran.config import MASK, accept, masked, merge, shown
from simulator.fivetran.errors import ApiError
from simulator.fivetran.options import Options

from .fivetran_account import Account

FIELDS = parse_service(
    "service",
    {
        "config": {
            "host": "text",
            "token": "secret",
            "port": "int = 5432",
            "ratio": "number",
            "mode": "one of Fast Slow = Fast",
            "active": "bool",
            "tokens": ["secret"],
            "pairs": [{"key": "text", "value": "secret"}],
            "client": {"id": "text", "secret": "secret"},
            "free": {},
            "since": "text, immutable",
            "made": "text, readonly",
        }
    },
).config

_TEXT = st.text(max_size=5)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "host": _TEXT,
    "token": _TEXT,
    "port": st.integers(),
    "ratio": st.floats(allow_nan=False) | st.integers(),
    "mode": st.sampled_from(["Fast", "Slow"]),
    "active": st.booleans(),
    "tokens": st.lists(_TEXT, max_size=3),
    "pairs": st.lists(st.fixed_dictionaries({"key": _TEXT, "value": _TEXT}), max_size=3),
    "client": st.fixed_dictionaries({}, optional={"id": _TEXT, "secret": _TEXT}),
    "free": st.dictionaries(_TEXT, st.integers(), max_size=2),
}
CONFIGS = st.fixed_dictionaries({}, optional=_VALUES)
CHANGES = st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in _VALUES.items()})


def _accept(sent: object, stored: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return accept("config", FIELDS, sent, stored or {}, Options(**options))


@given(CONFIGS)
def test_config_of_the_right_types_is_stored_as_it_came(config: dict[str, Any]):
    assert merge({}, _accept(config)) == config


@given(CONFIGS, CHANGES)
def test_patch_replaces_what_it_names_clears_what_is_null_and_leaves_the_rest(
    before: dict[str, Any], changes: dict[str, Any]
):
    after = merge(before, _accept(changes, before))
    for name in _VALUES:
        if name in changes:
            assert after.get(name) == changes[name]
        else:
            assert after.get(name) == before.get(name)
    assert None not in after.values()


@given(CONFIGS, CHANGES)
def test_same_patch_twice_is_the_same_as_once(before: dict[str, Any], changes: dict[str, Any]):
    once = merge(before, _accept(changes, before))
    assert merge(once, _accept(changes, once)) == once


@given(CONFIGS, st.lists(CHANGES, max_size=4))
def test_patches_one_by_one_are_the_same_as_their_union(before: dict[str, Any], patches: list[dict[str, Any]]):
    stepwise = before
    union: dict[str, Any] = {}
    for changes in patches:
        stepwise = merge(stepwise, _accept(changes, stepwise))
        union |= changes
    assert merge(before, union) == stepwise


_CANARIES = st.from_regex(r"canary-[0-9]{1,3}", fullmatch=True)


def _secrets(field: Field) -> st.SearchStrategy[Any]:
    if field.kind == "secret":
        return _CANARIES
    if field.items is not None:
        return st.lists(_secrets(field.items), min_size=1, max_size=3)
    if field.fields:
        return st.fixed_dictionaries({name: _secrets(inner) for name, inner in field.fields.items()})
    return st.just("plain")


@given(st.fixed_dictionaries({name: _secrets(FIELDS[name]) for name in ("host", "token", "tokens", "pairs", "client")}))
def test_no_secret_is_shown_at_any_depth(config: dict[str, Any]):
    answer = shown(FIELDS, config, Options())
    assert "canary" not in str(answer)
    assert answer["token"] == MASK
    assert answer["tokens"] == [MASK] * len(config["tokens"])
    assert [pair["key"] for pair in answer["pairs"]] == [pair["key"] for pair in config["pairs"]]


def test_unset_secret_is_not_shown_and_a_default_is():
    assert shown(FIELDS, {}, Options()) == {"port": 5432, "mode": "Fast"}


def test_unset_fields_can_be_shown_as_null():
    answer = shown(FIELDS, {"host": "h"}, Options(empty_config="null"))
    assert answer == {name: None for name in FIELDS if name != "made"} | {"host": "h", "port": 5432, "mode": "Fast"}


@pytest.mark.parametrize(
    "sent",
    [
        {"host": 1},
        {"token": 1},
        {"port": "five"},
        {"port": "5432.0"},
        {"port": ""},
        {"port": 1.0},
        {"port": True},
        {"ratio": "half"},
        {"active": "yes"},
        {"mode": "fast"},
        {"active": 1},
        {"tokens": "a"},
        {"tokens": [1]},
        {"pairs": {"key": "a"}},
        {"pairs": [{"key": "a", "surprise": "b"}]},
        {"client": []},
        {"free": []},
        {"surprise": 1},
        {"made": "x"},
        [],
        "host",
    ],
)
def test_wrong_type_key_or_shape_is_rejected_without_its_name(sent: object):
    with pytest.raises(ApiError) as raised:
        _accept(sent)
    assert (raised.value.status, raised.value.message) == (400, "Invalid 'config' object")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"port": "5432"}, {"port": 5432}),
        ({"port": "-1"}, {"port": -1}),
        ({"ratio": "1.5"}, {"ratio": 1.5}),
        ({"ratio": "1"}, {"ratio": 1}),
        ({"active": "true"}, {"active": True}),
        ({"active": "False"}, {"active": False}),
        ({"host": "5432", "token": "true"}, {"host": "5432", "token": "true"}),
    ],
)
def test_number_or_boolean_as_text_is_stored_with_its_type(sent: Any, stored: Any):
    accepted = _accept(sent)
    assert accepted == stored
    assert [type(value) for value in accepted.values()] == [type(value) for value in stored.values()]


def test_immutable_field_is_set_once():
    stored = merge({}, _accept({"since": "2020"}))
    assert _accept({"since": "2020"}, stored) == {"since": "2020"}
    with pytest.raises(ApiError):
        _accept({"since": "2021"}, stored)
    assert _accept({"since": "2021"}, stored, immutable_change="ignore") == {}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({"token": MASK}, {"token": "old"}),
        ({"tokens": ["new", MASK]}, {"tokens": ["a", "b"]}),
        ({"pairs": [{"key": "k", "value": MASK}]}, {"pairs": [{"key": "k", "value": "old"}]}),
        ({"client": {"secret": MASK}}, {"client": {"id": "i", "secret": "old"}}),
    ],
)
def test_mask_sent_back_is_rejected_passed_over_or_stored_by_option(sent: dict[str, Any], stored: dict[str, Any]):
    with pytest.raises(ApiError):
        _accept(sent, stored)
    assert _accept(sent, stored, masked_value="store") == sent
    assert MASK not in str(_accept(sent, stored, masked_value="ignore"))


def test_mask_is_an_ordinary_value_of_a_field_that_is_not_secret():
    assert _accept({"host": MASK}) == {"host": MASK}


def test_list_of_secrets_is_masked_item_by_item():
    assert masked(FIELDS["tokens"], ["a", "b"]) == [MASK, MASK]


def test_secrets_in_lists_come_back_masked_over_http(account: Account):
    config = {"schema": "f", "secrets_list": [{"key": "a", "value": "canary"}], "function_trigger": "canary"}
    body = {"group_id": account.group(), "service": "google_cloud_function", "config": config, "auth": {}}
    connection = account.data("POST", "/v1/connections", body)
    assert connection["config"]["secrets_list"] == [{"key": "a", "value": MASK}]
    assert connection["config"]["function_trigger"] == MASK
    assert connection["config"]["service_account_email"].startswith("g-")


def test_auth_is_accepted_and_never_returned(account: Account):
    auth = {"refresh_token": "canary", "client_access": {"client_id": "i", "client_secret": "canary"}}
    body = {"group_id": account.group(), "service": "google_ads", "config": {"schema": "a"}, "auth": auth}
    answer = account.http.post("/v1/connections", json=body)
    assert "auth" not in answer.json()["data"]
    assert "canary" not in answer.text
    assert account.snapshot(answer.json()["data"]["id"])["auth"] == auth
    body["auth"] = {"surprise": "canary"}
    rejected = account.http.post("/v1/connections", json={**body, "config": {"schema": "b"}})
    assert rejected.json()["message"] == "Invalid 'auth' object"


def test_defaults_are_filled_in(account: Account):
    body = {"group_id": account.group(), "service": "itunes_connect", "config": {"schema": "a"}}
    shown_config = account.data("POST", "/v1/connections", body)["config"]
    assert (shown_config["timeframe_months"], shown_config["app_sync_mode"]) == ("TWELVE", "AllApps")
    assert "private_key" not in shown_config
