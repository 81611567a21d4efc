"""What a text may quote: everything this process has resolved, and what it is about."""

from __future__ import annotations

import pytest

from reconciler.model import Reference
from reconciler.secrets import PulumiConfigResolver, known_values, resolve, resolvers

from .conftest import PROJECT, Vault


def test_resolved_value_is_known_without_another_request(vault: Vault):
    old, new = vault.put("stripe", "old canary"), vault.put("stripe", "new canary", version=2)
    resolve([old.as_node(), new.as_node()], resolvers())
    vault.move(old, "DESTROYED")
    known = known_values([{"config": {"a": old.as_node()}}, {"config": {"a": new.as_node()}}], ask=True)
    assert known.values == {"old canary", "new canary"}
    assert known.unknown == ()
    assert vault.asked()["values"] == 2


def test_unresolved_value_is_read_once_where_that_is_allowed(vault: Vault):
    reference = vault.put("stripe", "canary")
    trees = [{"config": {"list": [{"value": reference.as_node()}]}}]
    assert known_values(trees, ask=False).unknown == ("config.list[0].value",)
    assert vault.asked()["values"] == 0
    for _ in range(2):
        known = known_values(trees, ask=True)
        assert known.values == {"canary"}
        assert known.unknown == ()
    assert vault.asked()["values"] == 1


def test_unresolvable_value_is_unknown(vault: Vault, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.setenv("SET", "variable canary")
    PulumiConfigResolver.use({"key": "config canary"}.get)
    tree = {
        "a": Reference("secret", "none", 1, PROJECT).as_node(),
        "b": {"env": "NOT_SET"},
        "c": {"held_by": "fivetran"},
        "d": {"env": "SET"},
        "e": {"pulumi_config": "key"},
        "f": {"pulumi_config": "none"},
    }
    known = known_values([tree], ask=True)
    assert known.values == {"variable canary", "config canary"}
    assert known.unknown == ("a", "b", "c", "f")


def test_known_values_are_never_shown(vault: Vault):
    resolve([vault.put("stripe", "canary").as_node()], resolvers())
    assert "canary" not in repr(known_values([], ask=False))
