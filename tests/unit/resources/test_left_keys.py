"""A key that leaves the file: Fivetran keeps its value, and preview and run say so once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.resources.connection.left_keys import find_left_keys, warnings

from .account import CANARY, FILE, KEY, Fivetran, unit
from .stack import Stack


def test_removed_key_is_shown_in_preview_and_run_and_not_later(
    fivetran: Fivetran, stack: Stack, new_run, caplog: pytest.LogCaptureFixture
):
    stack.up(unit(backward_sync_limit="2026-01-01"))
    fivetran.forget_requests()
    for _ in ("preview", "run"):
        caplog.clear()
        assert "connection" in stack.pending(unit())
        assert caplog.messages == [
            f"{FILE}: config.backward_sync_limit is no longer in the file; Fivetran keeps its value\n"
            '    Write the value to set, such as `backward_sync_limit: ""`, into `config`, run, '
            "and remove it again to reset the value."
        ]
    stack.up(unit())
    assert fivetran.writes() == []
    assert fivetran.the("stripe")["config"]["backward_sync_limit"] == "2026-01-01"
    caplog.clear()
    new_run()
    stack.refresh()
    assert stack.pending(unit()) == []
    assert caplog.messages == []


def test_key_that_is_removed_from_a_file_leaves_state_without_drift(fivetran: Fivetran, stack: Stack, new_run):
    stack.up(unit(backward_sync_limit="2026-01-01"))
    stack.up(unit())
    fivetran.edit("stripe", config={"backward_sync_limit": "2026-02-02"})
    new_run()
    stack.refresh()
    assert stack.pending(unit()) == []


def test_removed_key_is_not_reported_when_its_value_is_empty(
    fivetran: Fivetran, stack: Stack, caplog: pytest.LogCaptureFixture
):
    stack.up(unit(backward_sync_limit=""))
    assert "connection" in stack.pending(unit())
    assert caplog.messages == []
    stack.up(unit())
    assert "backward_sync_limit" not in stack.connection.state["config"]


def test_removed_secret_is_named_and_not_shown(fivetran: Fivetran, stack: Stack, caplog: pytest.LogCaptureFixture):
    stack.up(unit(backward_sync_limit="2026-01-01"))
    assert stack.pending(unit(api_key=None, backward_sync_limit="2026-01-01")) == ["connection", "activation"]
    [message] = caplog.messages
    assert "config.api_key is no longer in the file; Fivetran keeps its value" in message
    assert '`api_key: ""`' in message
    assert CANARY not in message


OLD: dict[str, Any] = {
    "config": {"mode": "X", "port": 1, "a": {"b": 1, "c": {"d": 2}}, "list": [{"x": 1, "y": 2}], "key": KEY},
    "auth": {"client": {"id": "x", "secret": KEY}},
}


@pytest.mark.parametrize(
    ("config", "auth", "left"),
    [
        ({"mode": "X"}, OLD["auth"], ["config.a", "config.key", "config.list", "config.port"]),
        ({**OLD["config"], "a": {"b": 2}}, OLD["auth"], ["config.a.c"]),
        ({**OLD["config"], "a": {"b": 2, "c": {}}}, {}, ["config.a.c.d", "auth.client"]),
        ({**OLD["config"], "list": [{"x": 1}]}, {"client": {"id": "x"}}, ["auth.client.secret"]),
        ({**OLD["config"], "a": KEY, "key": {"held_by": "fivetran"}}, OLD["auth"], []),
    ],
)
def test_removed_key_is_found_at_any_depth_but_not_in_lists(config, auth, left):
    assert list(find_left_keys(OLD, {"config": config, "auth": auth})) == left


@pytest.mark.parametrize(
    ("service", "key", "remedy"),
    [
        ("google_sheets", "named_range", 'such as `named_range: ""`,'),
        ("google_sheets", "auth_type", "`auth_type` with its default (OAuth, ServiceAccount)"),
        ("google_drive", "files", "such as `files: []`,"),
        ("google_drive", "empty_header", "such as `empty_header: false`,"),
        ("google_drive", "skip_after", "`skip_after` with the value to set"),
        ("of_no_catalogue", "any", "`any` with the value to set"),
    ],
)
def test_instruction_to_reset_a_key_fits_its_field(service, key, remedy):
    news = {"file": FILE, "service": service, "config": {}}
    [message] = warnings({"config": {key: "x"}}, news)
    assert f"Write {remedy}" in message.replace("the value to set, such", "such")


trees = st.recursive(st.integers(0, 2), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3))
configs = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(configs, configs)
def test_only_keys_that_are_gone_count_as_removed(old, new):
    def keys(tree: Any, above: str = "config") -> set[str]:
        if not isinstance(tree, dict):
            return set()
        return {f"{above}.{key}" for key in tree}.union(*(keys(node, f"{above}.{key}") for key, node in tree.items()))

    def parent(path: str) -> str:
        return path.rpartition(".")[0]

    objects = {path for path in keys(new) if any(parent(each) == path for each in keys(new))} | {"config"}
    left = set(find_left_keys({"config": old}, {"config": new}))
    assert left <= keys(old) - keys(new)
    assert left >= {path for path in keys(old) - keys(new) if parent(path) in objects}
    assert find_left_keys({"config": old}, {"config": old}) == {}
