import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.yaml_text.scalars import UnclearNumber, explain_ambiguity, resolve


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "yes",
        "on",
        "off",
        "y",
        "n",
        "No",
        "ON",
        "18:00",
        "1:30:00",
        "2026-12-31",
        "2026-12-31T10:00:00Z",
        "1_000",
        "0b1",
        "-",
        "+",
        ".",
        "1e",
        "e1",
        "0x",
        "0o8",
        "0xG",
        "1.2.3",
        "+0x1F",
        "nan",
        "inf",
        "tRue",
        "nUll",
        "--1",
    ],
)
def test_plain_scalar_without_a_yaml_1_2_type_is_a_string(text: str):
    assert resolve(text) == text
    assert isinstance(resolve(text), str)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
        ("0", 0), ("-0", 0), ("+12", 12), ("-12", -12), ("0o17", 15), ("0x1F", 31), ("9007199254740992", 2**53),
        ("1.5", 1.5), (".5", 0.5), ("5.", 5.0), ("-1.5e3", -1500.0), ("1E3", 1000.0), ("0.1", 0.1), ("+.5", 0.5),
    ],
)  # fmt: skip
def test_core_schema_of_yaml_1_2_is_read(text: str, value: object):
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "007", "-01", "00", "01.5", ".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1e999", "9007199254740993", "9" * 5000,
        "0x" + "f" * 14, "0o" + "7" * 30,
    ],
)  # fmt: skip
def test_number_that_readers_would_read_differently_is_rejected_without_its_digits(text: str):
    with pytest.raises(UnclearNumber) as caught:
        resolve(text)
    assert not re.search(r"\d", str(caught.value))


@given(st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_of_json_is_read_as_json_reads_it(number: float):
    text = json.dumps(number)
    assert resolve(text) == json.loads(text)
    assert type(resolve(text)) is type(number)


@given(st.text())
def test_any_text_is_a_value_or_an_unclear_number(text: str):
    try:
        value = resolve(text)
    except UnclearNumber:
        return
    assert value is None or isinstance(value, str | int | float)


#: Texts that readers of some YAML take for numbers, times or words of their own, and near misses.
ODD = st.from_regex(r"\A[-+]?(0[xob]?)?[0-9]([0-9_:.]{0,10}[0-9_.])?([eE][-+]?[0-9]{1,3})?\Z") | st.sampled_from(
    ["y", "n", "yes", "no", "on", "off", "Yes", "NO", "True", "FALSE", "null", "~", ".inf", ".nan", "=", "<<"]
)


@given(ODD)
def test_plain_scalar_without_doubt_is_read_and_sent_as_written(text: str):
    try:
        value = resolve(text)
    except UnclearNumber:
        return
    if value is None or explain_ambiguity(text) is not None:
        return
    assert yaml.safe_load(text) == value  # PyYAML reads YAML 1.1
    assert type(yaml.safe_load(text)) is type(value)
    carried = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
    whole = isinstance(carried, float) and carried.is_integer()
    sent = int(carried) if whole else carried
    assert (sent if isinstance(sent, str) else json.dumps(sent)) == text


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "On",
        "y",
        "True",
        "0o17",
        "017:1",
        "0x1F",
        "+5",
        "-0",
        "1.0",
        "1.10",
        "1e3",
        "19759491708e75",
        "1_000",
        "0b1",
        "12:30:45",
        "04:00",
        "2026-01-01",
        "2026-01-01 10:00:00",
        "=",
        "<<",
        "1e-7",
        ".5",
        "5.",
    ],
)
def test_ambiguous_plain_scalar_is_in_doubt(text: str):
    assert explain_ambiguity(text) is not None


@pytest.mark.parametrize("text", ["0", "-7", "9007199254740992", "1.5", "-0.25", "true", "false", "v1.10", "no more"])
def test_ordinary_plain_scalar_is_in_no_doubt(text: str):
    assert explain_ambiguity(text) is None
