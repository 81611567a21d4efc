"""References become values, and whatever is missing is named at once."""

import pytest

from reconciler.secrets import EnvironmentResolver, UnresolvedReferences, resolve


def test_references_are_replaced_at_any_depth_and_in_lists():
    tree = {
        "host": "db",
        "password": {"env": "PASSWORD", "version": 2},
        "secrets_list": [{"key": "token", "value": {"env": "TOKEN"}}],
        "pats": [{"env": "TOKEN"}],
    }
    resolved = resolve(tree, [EnvironmentResolver({"PASSWORD": "p", "TOKEN": "t"})])
    assert resolved.tree == {
        "host": "db",
        "password": "p",
        "secrets_list": [{"key": "token", "value": "t"}],
        "pats": ["t"],
    }
    assert resolved.secrets == {"p", "t"}


def test_every_missing_variable_is_named_with_its_path():
    tree = {"config": {"b": [{"env": "B", "version": 1}], "a": {"env": "A"}}, "auth": {"c": {"env": "C"}}}
    with pytest.raises(UnresolvedReferences) as caught:
        resolve(tree, [EnvironmentResolver({"C": "value", "A": ""})])
    assert str(caught.value) == (
        "config.a: the environment variable A is not set; config.b[0]: the environment variable B is not set"
    )


def test_values_are_not_in_a_repr():
    resolved = resolve({"a": {"env": "A"}}, [EnvironmentResolver({"A": "canary-7f"})])
    assert "canary" not in repr(resolved)
