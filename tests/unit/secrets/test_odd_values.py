"""What is odd about a value is reported without it, and only what is never typed on purpose is left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import Reference
from reconciler.secrets.odd_values import as_sent, clean_value, find_oddities, inspect_value

PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"
_MISREAD = "was read in a different encoding than it was written in (sent as it is)"
KEY = Reference("secret", "stripe", 3, "p")


@pytest.mark.parametrize(
    "value", ["sk_live_1", "two words", PEM, PEM.strip(), '{"a": 1}', '{\n  "a": "b"\n}\n', "ab\tc", "p'w"]
)
def test_ordinary_value_is_sent_as_it_is_without_a_report(value: str):
    assert clean_value(value) == value
    assert find_oddities(value) == ()


@pytest.mark.parametrize(
    ("value", "sent", "report"),
    [
        ("key\n", "key", "ends in a line feed (not sent)"),
        ("key\r\n", "key", "ends in a Windows line break, CRLF (not sent)"),
        ("key\r", "key", "ends in a carriage return (not sent)"),
        ("key\n\n", "key", "ends in several line breaks (not sent)"),
        ("\ufeffkey", "key", "begins with a byte-order mark (not sent)"),
        (PEM.replace("\n", "\r\n"), PEM, "has Windows line breaks, CRLF, instead of line feeds (not sent)"),
        ("\ufeff" + PEM, PEM, "begins with a byte-order mark (not sent)"),
        (PEM + "\n", PEM + "\n", "ends in empty lines (sent as it is)"),
        (" key", " key", "begins with a space or tab (sent as it is)"),
        ("key\t", "key\t", "ends in a space or tab (sent as it is)"),
        ("key\xa0", "key\xa0", "ends in a space or tab (sent as it is)"),
        ("key\u2003", "key\u2003", "ends in a space or tab (sent as it is)"),
        ("\u3000key", "\u3000key", "begins with a space or tab (sent as it is)"),
        ("\nkey", "\nkey", "begins with a line feed (sent as it is)"),
        ("\u00ef\u00bb\u00bfkey", "\u00ef\u00bb\u00bfkey", _MISREAD),
        ("k\ufffdy", "k\ufffdy", _MISREAD),
        ("k\x9fy", "k\x9fy", "has a control character (sent as it is)"),
        ("k\0y", "k\0y", "has a NUL character (sent as it is)"),
        ("k\x1by", "k\x1by", "has a control character (sent as it is)"),
        ("k\u200by", "k\u200by", "has an invisible zero-width character (sent as it is)"),
        ("k\ry", "k\ry", "has a carriage return inside (sent as it is)"),
        ('"key"', '"key"', "is in quotation marks (sent as it is)"),
        ("\u201ckey\u201d", "\u201ckey\u201d", "is in quotation marks (sent as it is)"),
        ("\n", "\n", "is blank (sent as it is)"),
    ],
)
def test_odd_value_is_reported_with_what_is_sent(value: str, sent: str, report: str):
    assert clean_value(value) == sent
    assert [str(each) for each in find_oddities(value)] == [report]


def test_reference_that_says_exact_is_sent_as_kept_and_not_reported():
    exact = Reference("secret", "stripe", 3, "p", exact=True)
    assert as_sent(exact, "key\n") == "key\n"
    assert inspect_value("config.api_key", exact, "key\n") is None
    assert str(exact) == "{secret: stripe, version: 3, project: p, exact: true}"


@given(st.text(max_size=30))
def test_removed_characters_of_a_value_are_always_reported(value: str):
    assert clean_value(clean_value(value)) == clean_value(value)
    assert any(each.removed for each in find_oddities(value)) == (clean_value(value) != value)


@given(st.text("abcdef", min_size=6, max_size=9), st.sampled_from(["\n", "\r\n", " ", "\0", "\u200b"]))
def test_report_never_shows_the_value(value: str, mark: str):
    assert value not in str(inspect_value("config.api_key", KEY, f"{value}{mark}"))
