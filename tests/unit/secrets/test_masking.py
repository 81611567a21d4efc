import base64
import html
import json
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.secrets.masking import MASK, is_distinctive, is_identifier, mask, mask_distinctive, secret_values

SECRETS = st.text(min_size=1, max_size=40).filter(lambda text: text.strip() and not set(text) & set("*"))


@given(SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_secret_is_masked_or_its_text_is_withheld(secret: str, before: str, after: str) -> None:
    masked = mask(f"{before} {secret} {after}", [secret])
    if masked is not None:
        assert MASK in masked
        assert secret not in masked.replace(before, "").replace(after, "")


@pytest.mark.parametrize(
    "form",
    [
        json.dumps,
        quote,
        lambda secret: quote(secret, safe=""),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.b64encode(f"user:{secret}".encode()).decode()[8:],
        lambda secret: json.dumps(json.dumps(secret)),
        lambda secret: json.dumps(secret).replace("/", "\\/"),
        lambda secret: secret.encode().hex(),
        html.escape,
        str.upper,
        str.strip,
    ],
)
def test_secret_is_found_in_any_spelling(form: Callable[[str], str]) -> None:
    secret = 'pä "ss"/wörd & 1\n'
    masked = mask(f"<{form(secret)}>", [secret])
    assert masked is not None
    assert MASK in masked
    assert "ss" not in masked.lower()


@pytest.mark.parametrize(
    "text",
    [
        "sk&#95;live&#95;0aZ9xY",
        "sk&amp;#95;live&amp;#95;0aZ9xY",
        "sk%5Flive%5F0aZ9xY",
        "sk%255Flive%255F0aZ9xY",
        r"sk\u005flive\x5f0aZ9xY",
        r"sk\137live\1370aZ9xY",
        "sk=5Flive=5F0aZ9xY",
        "sk_live_\n  0aZ9xY",
        "sk_live\u200b_0aZ9xY",
        "\uff53\uff4b_live_0aZ9xY",
        "73:6b:5f:6c:69:76:65:5f:30:61:5a:39:78:59",
        base64.b64encode(base64.b64encode(b"sk_live_0aZ9xY")).decode(),
        base64.b64encode("sk_live_0aZ9xY".encode("utf-16-le")).decode(),
    ],
)
def test_text_is_withheld_when_a_secret_shows_once_it_is_decoded(text: str) -> None:
    assert mask(f"no {text}", ["sk_live_0aZ9xY"]) is None


@pytest.mark.parametrize("form", [lambda text: unicodedata.normalize("NFD", text), str.upper])
def test_text_is_withheld_when_it_spells_the_letters_of_a_secret_otherwise(form: Callable[[str], str]) -> None:
    assert mask(f"no {form('straße-pässwörd-7')}", ["straße-pässwörd-7"]) is None


def test_fragment_of_a_secret_is_masked_and_a_short_one_is_left() -> None:
    assert mask("no sk_live_0aZ9xYkk…", ["sk_live_0aZ9xYkkQ7"]) == "no ******…"
    assert mask("no sk_live", ["sk_live_0aZ9xYkkQ7"]) == "no sk_live"
    assert mask("no such host https://api.example", ["https://api.ex/0aZ9"]) == "no such host https://api.example"


def test_password_in_an_address_is_masked() -> None:
    assert mask("no hunter22xx, hunter%402xx", ["postgres://a:hunter22xx@db/x"]) == "no ******, hunter%402xx"
    assert mask("no hunter@2xx", ["postgres://a:hunter%402xx@db/x"]) == "no ******"


def test_line_of_a_key_inside_a_json_document_is_masked() -> None:
    document = json.dumps({"type": "service_account", "private_key": "-----BEGIN KEY-----\nkqhkiG9w0BAQ\n"})
    assert mask("bad line kqhkiG9w0BAQ!", [document]) == "bad line ******!"


def test_public_name_inside_a_secret_document_stays_in_our_own_text() -> None:
    document = json.dumps({"project_id": "dev-project", "private_key_id": "0aZ9xYkk"})
    message = mask_distinctive("dev-project: no 0aZ9xYkk", [document], "dev-project".__eq__)
    assert message == "dev-project: no ******"


@pytest.mark.parametrize("secret", ["x7Q", "pw", "1", "hunter2", "password", "stripe", "administrator"])
def test_text_is_withheld_when_a_mask_would_give_the_secret_away(secret: str) -> None:
    assert mask(f"the key {secret.upper()} is rejected", [secret]) is None
    assert mask("another one is rejected", [secret]) == "another one is rejected"


def test_tiny_value_is_found_only_where_it_stands_alone() -> None:
    assert mask("because of 412", ["us", "1"]) == "because of 412"
    assert mask("field us: 1", ["us"]) is None


def test_line_of_a_secret_of_several_lines_is_masked() -> None:
    pem = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQ\n-----END KEY-----\n"
    assert mask("bad line: kqhkiG9w0BAQ!", [pem]) == "bad line: ******!"


def test_value_inside_a_json_document_kept_as_a_string_is_masked() -> None:
    document = json.dumps({"type": "service_account", "private_key": "hunter22", "deep": [{"x": "correct horse"}]})
    assert mask("bad key hunter22 (correct horse)", [document]) == "bad key ****** (******)"


def test_secrets_that_overlap_leave_nothing_of_each_other() -> None:
    assert mask("hunter2222", ["hunter22", "hunter2222"]) == MASK
    assert mask("abcdefg-1234567-x", ["abcdefg-1234", "1234567-x"]) == MASK


def test_our_own_text_is_masked_only_where_a_secret_is_distinctive() -> None:
    assert (
        mask_distinctive("stripe.yaml: no hunter22", ["stripe", "hunter22"], lambda _: False)
        == "stripe.yaml: no ******"
    )


def test_plain_word_is_not_distinctive_and_a_key_is() -> None:
    assert [is_distinctive(each) for each in ("password", "hunter2", "hunter22", "correct horse", "a" * 16)] == [
        False, False, True, True, True,
    ]  # fmt: skip


def test_code_is_an_identifier_and_a_key_is_not() -> None:
    assert all(map(is_identifier, ["NotFound_Connection", "reconnect", "use_v2_api"]))
    assert not any(map(is_identifier, ["", "two words", "sk_live_0aZ9", "AKIA1234567890", "x" * 65]))


def test_every_string_of_a_tree_is_a_secret_value_and_nothing_else() -> None:
    tree = {"a": "one", "b": [{"value": "two"}, ("three",), 4, None, True], "c": {"d": {"e": "four"}}}
    assert sorted(secret_values(tree)) == ["four", "one", "three", "two"]


def test_tree_that_is_deeper_than_the_stack_is_walked() -> None:
    tree: object = "hunter22"
    for _ in range(10_000):
        tree = [tree]
    assert list(secret_values(tree)) == ["hunter22"]
