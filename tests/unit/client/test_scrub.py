import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.client import scrub, secret_values

SECRETS = st.text(min_size=4, max_size=30).filter(lambda text: len(text.strip()) >= 4 and set(text) != {"*"})


@given(SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_a_secret_is_not_found_in_a_scrubbed_text(secret: str, before: str, after: str) -> None:
    cleaned = scrub(before + secret + after, [secret])
    assert "******" in cleaned
    assert secret not in cleaned


@pytest.mark.parametrize(
    "form",
    [
        json.dumps,
        quote,
        lambda secret: quote(secret, safe=""),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        str.upper,
        str.strip,
    ],
)
def test_a_secret_is_found_in_other_clothes(form: Callable[[str], str]) -> None:
    secret = 'pä "ss"/wörd\n'
    cleaned = scrub(f"<{form(secret)}>", [secret])
    assert "******" in cleaned
    assert "ss" not in cleaned.lower()


def test_a_line_of_a_secret_of_several_lines_is_masked() -> None:
    pem = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQ\n-----END KEY-----\n"
    assert scrub("bad line: kqhkiG9w0BAQ!", [pem]) == "bad line: ******!"


def test_a_value_inside_a_json_document_kept_as_a_string_is_masked() -> None:
    document = json.dumps({"type": "service_account", "private_key": "hunter22", "deep": [{"x": "correct horse"}]})
    assert scrub("bad key hunter22 (correct horse)", [document]) == "bad key ****** (******)"


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert scrub("hunter2222", ["hunter22", "hunter2222"]) == "******"


def test_short_values_are_left_so_that_the_text_stays_readable() -> None:
    assert scrub("field US of 443", ["US", "443", "", "  a "]) == "field US of 443"


def test_every_string_of_a_tree_is_a_secret_value_and_nothing_else() -> None:
    tree = {"a": "one", "b": [{"value": "two"}, ("three",), 4, None, True], "c": {"d": {"e": "four"}}}
    assert sorted(secret_values(tree)) == ["four", "one", "three", "two"]


def test_a_tree_that_is_deeper_than_the_stack_is_walked() -> None:
    tree: object = "hunter22"
    for _ in range(10_000):
        tree = [tree]
    assert list(secret_values(tree)) == ["hunter22"]
