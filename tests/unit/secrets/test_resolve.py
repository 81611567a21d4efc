"""References become values, and whatever is missing is named at once."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import Reference, references
from reconciler.secrets import EnvironmentResolver, UnresolvedReferences, resolve

NAMES = st.text("abcAB_-", min_size=1, max_size=4)
VERSIONS = st.none() | st.integers(1, 9)
REFERENCES = st.one_of(
    st.builds(Reference, st.just("secret"), NAMES, VERSIONS, st.none() | NAMES, st.booleans()),
    st.builds(Reference, st.sampled_from(["env", "pulumi_config"]), NAMES, VERSIONS, st.none(), st.booleans()),
).map(Reference.as_node)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
TREES = st.recursive(
    PLAIN | REFERENCES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abversion", max_size=7), inner, max_size=4),
    max_leaves=15,
)


class Counting:
    """Resolves a reference of one kind to itself in words, and counts."""

    def __init__(self, kind: str) -> None:
        self.kind, self.asked = kind, Counter[Reference]()

    def resolve(self, reference: Reference) -> str:
        self.asked[reference] += 1
        return f"value of {reference}"


def replaced(node: Any) -> Any:
    reference = Reference.parse(node)
    if reference is not None:
        return f"value of {reference}"
    if isinstance(node, dict):
        return {key: replaced(inner) for key, inner in node.items()}
    return [replaced(inner) for inner in node] if isinstance(node, list) else node


@given(TREES)
def test_resolve_replaces_each_reference_by_its_value_and_fetches_it_once(tree: object):
    kinds = [Counting(kind) for kind in ("secret", "env", "pulumi_config")]
    resolved = resolve(tree, kinds)
    assert resolved.tree == replaced(tree)
    assert list(references(resolved.tree)) == []
    distinct = {reference for _, reference in references(tree)}
    assert resolved.odd == ()
    assert sum((kind.asked for kind in kinds), Counter()) == Counter(distinct)


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


def test_resolve_removes_a_stray_line_end_unless_the_reference_is_exact():
    values = EnvironmentResolver({"KEY": "\ufeffsk_live_1\r\n"})
    resolved = resolve({"a": {"env": "KEY"}, "b": [{"env": "KEY", "exact": True}]}, [values])
    assert resolved.tree == {"a": "sk_live_1", "b": ["\ufeffsk_live_1\r\n"]}
    (odd,) = resolved.odd
    assert (odd.path, str(odd)) == (
        "a",
        "the value of {env: KEY} begins with a byte-order mark (not sent); it ends in a Windows line break, CRLF "
        "(not sent)",
    )


def test_variable_that_is_not_utf_8_is_named() -> None:
    with pytest.raises(UnresolvedReferences, match=r"a: the environment variable KEY is not UTF-8 text"):
        resolve({"a": {"env": "KEY"}}, [EnvironmentResolver({"KEY": "k\udcff"})])
