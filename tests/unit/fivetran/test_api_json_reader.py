import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran.api.json_reader import flag, mapping, records, text, whole, word

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (360, 360), ("360", 360), (" 360 ", 360), (360.0, 360), ("360.0", 360), (-1, -1),
        (1.5, None), ("1.5", None), ("six", None), ("", None), (None, None), (True, None), ([], None),
        (math.nan, None), (math.inf, None), ("inf", None), ("nan", None), ("9" * 5000, None), (10**40, 10**40),
    ],
)  # fmt: skip
def test_integer_is_read_from_numbers_and_digits(value: object, number: int | None) -> None:
    assert whole(value) == number


@pytest.mark.parametrize(
    ("value", "boolean"),
    [(True, True), (False, False), ("true", True), (" FALSE", False), ("yes", None), (1, None), (None, None)],
)
def test_boolean_is_read_from_booleans_and_their_words(value: object, boolean: bool | None) -> None:
    assert flag(value) is boolean


@pytest.mark.parametrize(
    ("value", "string"),
    [("a", "a"), ("", ""), (443, "443"), (1.5, "1.5"), (True, None), (None, None), ({}, None)],
)
def test_text_is_read_from_strings_and_numbers(value: object, string: str | None) -> None:
    assert text(value) == string


@pytest.mark.parametrize(("value", "lower"), [("CONNECTED", "connected"), (" On_Schedule ", "on_schedule"), ("", None)])
def test_enum_word_is_read_in_lower_case(value: object, lower: str | None) -> None:
    assert word(value) == lower


@given(ANYTHING)
def test_every_reader_accepts_any_json(value: object) -> None:
    assert isinstance(text(value), str | None)
    assert isinstance(word(value), str | None)
    assert isinstance(whole(value), int | None)
    assert isinstance(flag(value), bool | None)
    assert isinstance(mapping(value), dict)
    assert all(isinstance(item, dict) for item in records(value))
