"""The rules of the provider's diff, and that they hold for any config."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran.catalog import Field
from reconciler.fivetran.config_diff import ABSENT, MASK, Difference, changed_keys, differences, normalise, project
from reconciler.model import Reference

KEY = {"env": "STRIPE_KEY", "version": 3}

scalars = st.one_of(st.booleans(), st.integers(-(10**9), 10**9), st.text("aB1_*é ", min_size=1, max_size=8))
names = st.text("abcdefgh_", min_size=1, max_size=6).filter(lambda name: name != "env")
references = st.one_of(
    st.builds(lambda name, version: {"env": name, "version": version}, names, st.integers(1, 9)),
    st.builds(lambda name, version: {"secret": name, "version": version, "project": "p"}, names, st.integers(1, 9)),
)
HELD = {"held_by": "fivetran"}
trees = st.dictionaries(
    names,
    st.recursive(
        scalars | references,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


def masked(tree: Any) -> Any:
    """What Fivetran answers for a config that it was sent: every secret masked."""
    if Reference.parse(tree) is not None:
        return MASK
    if isinstance(tree, dict):
        return {key: masked(node) for key, node in tree.items()}
    return [masked(node) for node in tree] if isinstance(tree, list) else tree


@given(trees)
def test_masked_secret_never_differs_from_what_was_sent(declared):
    assert project(declared, masked(declared)) == declared
    assert list(differences(declared, masked(declared))) == []


@given(trees, trees)
def test_defaults_that_fivetran_fills_in_never_differ(declared, defaults):
    assert project(declared, {**defaults, **masked(declared)}) == declared


@given(trees)
def test_whole_numbers_of_the_engine_are_integers_again(tree):
    def as_floats(node: Any) -> Any:
        if isinstance(node, int) and not isinstance(node, bool):
            return float(node)
        if isinstance(node, dict):
            return {key: as_floats(inner) for key, inner in node.items()}
        return [as_floats(inner) for inner in node] if isinstance(node, list) else node

    assert normalise(as_floats(tree)) == tree


@given(trees, names, st.text("xyz", min_size=9, max_size=12))
def test_changed_scalar_is_named_by_its_path_and_nothing_else_is(declared, key, other):
    declared = {**declared, key: "declared"}
    found = list(differences(declared, {**masked(declared), key: other}, "config"))
    assert [(each.path, each.live) for each in found] == [(f"config.{key}", other)]


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        (443, "443"),
        (443, 443.0),
        ("443", 443),
        (True, "true"),
        ("", None),
        ("literal in a masked field", MASK),
        ([], None),
        (["b", "a"], ["a", "b"]),
        ([1, 2], ["2", "1"]),
        ([KEY, KEY], [MASK, MASK]),
        ([KEY], None),
        (KEY, None),
        ({}, None),
        (
            [{"key": "B", "value": KEY}, {"key": "A", "value": KEY}],
            [{"key": "A", "value": MASK, "more": 1}, {"key": "B", "value": MASK}],
        ),
        ([{"table_name": "t", "file_pattern": "x"}], [{"table_name": "t", "file_pattern": "x", "archive_pattern": ""}]),
        ([{"pattern": "a"}, {"pattern": "b"}], [{"pattern": "b"}, {"pattern": "a"}]),
        ([{"key": "A", "value": KEY}], None),
        ({"client_id": "x", "client_secret": KEY}, None),
        (False, None),
    ],
)
def test_two_spellings_of_one_value_do_not_differ(declared, live):
    assert project({"field": declared}, {"field": live}) == {"field": declared}


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        ("a", "A"),
        ("a_b", "ab"),
        ("RAW", "Raw"),
        ("AllApps", "ALL_APPS"),
        ("APP_USER", "AppUser"),
        ("0123", "123"),
        (123, "0123"),
        (True, "True"),
        (["RAW"], ["Raw"]),
        ([{"key": "A", "value": "RAW"}], [{"key": "A", "value": "Raw"}]),
        (True, False),
        (5, 6),
        ("x", None),
        (["a"], ["a", "b"]),
        (["a", "a"], ["a", "b"]),
        ([KEY], [MASK, MASK]),
        ([{"key": "A", "value": KEY}], [{"key": "A", "value": MASK}, {"key": "B", "value": MASK}]),
        ([{"key": "A", "value": KEY}], []),
        ([{"pattern": "a"}, {"pattern": "b"}], [{"pattern": "b"}, {"pattern": "c"}]),
        (True, None),
        ([{"key": "A", "value": "x"}], [{"key": "A", "value": "y"}]),
        ({"inner": {"deep": 1}}, {"inner": {"deep": 2}}),
    ],
)
def test_different_values_differ(declared, live):
    assert project({"field": declared}, {"field": live}) != {"field": declared}
    assert list(differences({"field": declared}, {"field": live}))


CHOICE = Field("choice", choices=("AllApps", "SPECIFIC_APPS", "direct"))


def listed(field: Field) -> Field:
    return Field("list", items=field)


@pytest.mark.parametrize(
    ("field", "declared", "live"),
    [
        (CHOICE, "AllApps", "ALL_APPS"),
        (CHOICE, "SPECIFIC_APPS", "SpecificApps"),
        (listed(CHOICE), ["AllApps", "direct"], ["direct", "ALL_APPS"]),
        (listed(Field("object", fields={"mode": CHOICE})), [{"mode": "AllApps"}], [{"mode": "ALL_APPS"}]),
        (Field("object", fields={"mode": CHOICE}), {"mode": "AllApps"}, {"mode": "ALL_APPS", "more": 1}),
        (CHOICE, "direct", "Direct"),
        (Field("choice", choices=("append_file", "upsert_file")), "append_file", "APPEND_FILE"),
        (Field("choice", choices=("append_file", "upsert_file")), "append_file", "AppendFile"),
        (Field("choice", choices=("us-east-1", "us-east-2")), "us-east-1", "US_EAST_1"),
        (Field("boolean"), True, "True"),
        (Field("boolean"), False, "FALSE"),
        (Field("integer"), 443, "0443"),
        (Field("number"), "1.50", 1.5),
    ],
)
def test_field_that_the_catalogue_knows_compares_as_its_kind(field: Field, declared, live):
    known = Field("object", fields={"field": field})
    assert project({"field": declared}, {"field": live}, known) == {"field": declared}
    assert list(differences({"field": declared}, {"field": live}, field=known)) == []


@pytest.mark.parametrize(
    ("field", "declared", "live"),
    [
        (CHOICE, "direct", "DirectLine"),
        (Field("choice", choices=("Raw", "RAW")), "RAW", "Raw"),
        (Field("choice", choices=("Raw", "RAW")), "RAW", "raw"),
        (Field("boolean"), True, "FALSE"),
        (Field("integer"), 2**63, str(2**63 + 1)),
        (Field("number"), "x", "X"),
        (Field("string"), "0123", "123"),
        (Field("string"), "True", True),
    ],
)
def test_field_that_the_catalogue_knows_differs_as_its_kind(field: Field, declared, live):
    known = Field("object", fields={"field": field})
    assert list(differences({"field": declared}, {"field": live}, field=known))


spelled = st.from_regex(r"[A-Z][a-z0-9]{0,4}([A-Z][a-z]{1,4}){0,2}|[A-Z]{1,4}(_[A-Z]{1,4}){0,2}", fullmatch=True)
without_choices = st.sampled_from([None, Field("string"), Field("any"), Field("secret")])


@given(without_choices, spelled | st.text(max_size=5), spelled | st.text(min_size=1, max_size=5))
def test_two_texts_of_a_field_without_choices_are_equal_only_exactly(field, declared, live):
    known = Field("object", fields={"a": field, "b": listed(field)}) if field else None
    differing = list(differences({"a": declared, "b": [declared]}, {"a": live, "b": [live]}, field=known))
    assert differing == (
        [] if declared == live else [Difference("a", declared, live), Difference("b", [declared], [live])]
    )


@given(st.lists(st.from_regex(r"[A-Z][a-z]{1,4}", fullmatch=True), min_size=1, max_size=3))
def test_choice_is_one_value_in_each_spelling(words):
    camel, snake = "".join(words), "_".join(words).upper()
    spellings = [camel, snake, snake.lower(), snake.lower().replace("_", "-")]
    for declared, live in itertools.product(spellings, spellings):
        assert project(declared, live, Field("choice", choices=(declared,))) == declared


def test_difference_is_formatted_as_yaml_in_sorted_order():
    (difference,) = differences({"schedule": [{"every": "6h", "by": "fivetran"}]}, {"schedule": [True, 5]})
    assert str(difference) == "schedule: the file says [{by: fivetran, every: 6h}], Fivetran has [true, 5]"


def test_declared_key_that_is_gone_is_absent():
    assert project({"host": "h", "port": 1}, {"port": 1}) == {"port": 1}
    assert [str(each) for each in differences({"host": "h"}, {})] == ["host: the file says 'h', Fivetran has nothing"]
    assert project("h", None) is ABSENT


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        ([KEY], ["canary", "canary-2"]),
        ([{"key": "A", "value": KEY}], [{"key": "A", "value": "canary"}, {"key": "B", "value": "canary"}]),
        ([{"key": "A", "value": KEY}], [{"key": "B", "nested": [{"value": "canary"}]}]),
    ],
)
def test_unmasked_secret_in_a_live_config_is_never_shown(declared, live):
    projected = project(declared, live)
    assert projected != declared
    assert "canary" not in str(projected)


def held(tree: Any) -> Any:
    """The same with every secret left to Fivetran."""
    if Reference.parse(tree) is not None:
        return HELD
    if isinstance(tree, dict):
        return {key: held(node) for key, node in tree.items()}
    return [held(node) for node in tree] if isinstance(tree, list) else tree


@given(trees)
def test_leaving_secrets_to_fivetran_changes_nothing_and_adds_nothing_to_send(tree):
    assert changed_keys(tree, held(tree)) == {}
    assert changed_keys(held(tree), held(tree)) == {}
    assert HELD not in changed_keys({}, held(tree)).values()


@given(trees)
def test_reference_in_place_of_what_fivetran_holds_is_sent(tree):
    assert changed_keys(held(tree), tree) == {key: node for key, node in tree.items() if held(node) != node}


def test_change_around_a_kept_value_is_a_change_of_the_whole_key():
    old = {"list": [{"key": "a", "value": HELD}], "key": HELD}
    for changed in ([{"key": "b", "value": HELD}], [], [{"key": "a", "value": HELD}, {"key": "b", "value": KEY}]):
        assert changed_keys(old, {"list": changed, "key": HELD}) == {"list": changed}
    assert changed_keys({"list": [{"key": "a"}]}, {"list": old["list"]}) == {"list": old["list"]}
    assert changed_keys({"key": "plain"}, {"key": HELD}) == {}


@given(trees, trees)
def test_patch_holds_exactly_the_keys_that_changed(old, new):
    changed = changed_keys(old, new)
    assert all(key in changed or old[key] == value for key, value in new.items())
    assert all(key not in old or old[key] != value for key, value in changed.items())
    assert changed_keys(new, new) == {}
