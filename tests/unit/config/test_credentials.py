"""A credential that was pasted where its name belongs is known, and an ordinary name is never taken for one."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.plain_credentials import looks_like_credential

_LETTERS = st.text(string.ascii_lowercase, min_size=1, max_size=24)
_WORDS = st.one_of(_LETTERS, _LETTERS.map(str.capitalize), _LETTERS.map(str.upper))
_NUMBERS = st.integers(0, 20_300_101).map(str)
_PARTS = st.one_of(_WORDS, _NUMBERS, st.tuples(_WORDS, _NUMBERS).map("".join))
_FIRST = st.one_of(_PARTS, st.sampled_from(["sk", "sk_live", "ghp", "github_pat", "xoxb", "AKIA", "hf", "npm", "eyJ"]))


@given(_FIRST, st.lists(st.tuples(st.sampled_from("-_"), _PARTS).map("".join), max_size=8))
def test_words_and_numbers_with_something_between_them_are_a_name(first: str, others: list[str]):
    assert not looks_like_credential("".join([first, *others]))


@pytest.mark.parametrize(
    "name",
    [
        "fivetran-stripe-api-key",
        "FIVETRAN_STRIPE_API_KEY",
        "fivetranStripeApiKeyProd2",
        "sk_live_stripe_key",
        "oauth2-client-secret-v3",
        "airbyte_workspace_3f2a6d0c-9f1e-4c58-8a51-0d9a5a7f9c11_secret_77c1a3de-2f4b-4f0e-9be3-51c1c2a1f0aa_v1",
        "db-password-5f4dcc3b5aa765d61d8327deb882cf99",
    ],
)
def test_key_names_of_people_and_programs_for_secrets_are_found(name: str):
    assert not looks_like_credential(name)


def _random(size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(4711).choices(alphabet, k=size))  # noqa: S311 (no secret)


@pytest.mark.parametrize(
    "credential",
    [
        f"sk_live_{_random(24)}",
        f"rk_live_51{_random(97)}",
        f"ghp_{_random(36)}",
        f"github_pat_{_random(22)}_{_random(59)}",
        f"xoxb-{_random(12, string.digits)}-{_random(13, string.digits)}-{_random(24)}",
        f"AKIA{_random(16, string.ascii_uppercase + '234567')}",
        f"AIza{_random(35)}",
        f"eyJ{_random(60)}",
        "pat-na1-3f2a6d0c-9f1e-4c58-8a51-0d9a5a7f9c11",
        _random(32, "0123456789abcdef"),
        f"{_random(32, '0123456789abcdef')}-us12",
        _random(40),
        "-----BEGIN PRIVATE KEY-----\nabc",
    ],
    ids=lambda credential: credential[:8],
)
def test_credentials_in_the_forms_of_vendors_are_found(credential: str):
    assert looks_like_credential(credential)
