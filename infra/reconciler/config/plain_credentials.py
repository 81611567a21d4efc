"""Recognise credentials: by the name of their key, by their text, by what the catalogue knows.

From Fivetran's API description: the properties of format `password`, and those beside them whose words say the same,
without names that are not secrets in another service (`username`, `role_arn`, `primary_key`, `certificate`, …). Endings
stay right for services to come; what they miss is caught by its armour, or by a reviewer.

A text in place of a secret's name is recognised by its form. Names are words with something between them, and maybe a
number; credentials are pieces in which letters and digits alternate, often after a vendor's prefix. An ordinary name is
never taken for a credential: it would have to be renamed, although others use it. A text with neither mark passes.
"""

from __future__ import annotations

import itertools
import re

from reconciler.config.yaml.document import Path
from reconciler.fivetran.catalog import Field

#: What stands before `_key` in the name of a secret. `public`, `primary`, `sort`, `project` and `header` do not.
_KEYS = (
    "access|account|admin|api|app|application|auth|cert|client|company|consumer|encryption|function|integration|license"
    r"|master|plain|private|pvt|registry|scram\d*|secret|service|shared|signing|signon|subscription|token|user|webhook|x"
)
_ENDINGS = re.compile(
    rf"(^|_)((pass(word|wd|code|_?phrase)|pwd|secrets?|secret_value|token|pats?|credentials?)"
    rf"|(connection_string|sas_url|auth_code|keystore|query_param_value)"
    rf"|({_KEYS})_?key(_\d|_backup)?)$"
)
_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|-")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----")

#: What no credential is, whatever it is called.
_NEVER = ("integer", "number", "boolean", "choice")


def is_credential_key(path: Path) -> bool:
    """Return whether the value at this path of a config tree is a credential, by its key's name.

    Items of a list count by the list's key. `apiKey` and `api-key` are not keys of Fivetran's, but a secret under
    them is in git too.
    """
    names = [step for step in path if isinstance(step, str)]
    if names[-2:] == ["secrets_list", "value"]:
        return True
    return _ENDINGS.search(_NEW_WORD.sub("_", names[-1]).lower()) is not None


def is_private_key(value: str) -> bool:
    """Return whether the text is a private key in its usual armour."""
    return _PRIVATE_KEY.search(value) is not None


def holds_credential(path: Path, value: object, known: Field | None) -> bool:
    """Return whether a scalar is a credential in plain text.

    The catalogue, the name of its key, or its armour decides.
    """
    if isinstance(value, str) and is_private_key(value):
        return True
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        return False
    if known is not None and known.kind in ("secret", *_NEVER):
        return known.kind == "secret"
    return is_credential_key(path)


#: What vendors begin their credentials with, as far as names may hold it.
_PREFIXES = re.compile(
    r"(sk|rk)_(live|test)_|whsec_"  # Stripe
    r"|gh[pousr]_|github_pat_|glpat-"  # GitHub, GitLab
    r"|xox[abeoprs]-|xapp-"  # Slack
    r"|AIza|ya29\.|GOCSPX-"  # Google
    r"|eyJ"  # a JSON Web Token, and any JSON in base64
    r"|sk-|pat-[a-z]{2}\d-|SG\.|shp(at|ca|pa|ss)_|hf_|npm_|NRAK-|lin_api_|dop_v1_"
)
_WHOLE = re.compile(r"-----BEGIN.*|(AKIA|ASIA)(?=[A-Z]*\d)[A-Z0-9]{16}", re.DOTALL)
_BETWEEN = re.compile(r"[^A-Za-z0-9]+")

#: Characters of the shortest piece after a vendor's prefix; of one that is all digits; of one without a prefix.
_PIECE = 12
_DIGITS = 10
_LONG = 24

#: How often letters and digits alternate in a piece at least. In a word with a number, or with one before it, once.
_TURNS = 3

#: Or small letters, capitals and digits, by characters of the piece: in a random one about every second time.
_MIXED = 0.4

#: Letters of the shortest word. A name that has one is a name, also where something random was hung on.
_WORD = 4


def looks_like_credential(text: str) -> bool:
    """Return whether a text that should be a secret's name is a credential."""
    if _WHOLE.fullmatch(text):
        return True
    prefix = _PREFIXES.match(text)
    if prefix and any(_is_random(piece, _PIECE) or _is_number(piece) for piece in _pieces(text[prefix.end() :])):
        return True
    pieces = _pieces(text)
    return any(_is_random(piece, _LONG) for piece in pieces) and not any(_is_word(piece) for piece in pieces)


def _pieces(text: str) -> list[str]:
    return _BETWEEN.split(text)


def _is_random(piece: str, at_least: int) -> bool:
    kinds = ["0" if char.isdigit() else "A" if char.isupper() else "a" for char in piece]
    steps = list(itertools.pairwise(kinds))
    turns = sum(("0" in step) and len(set(step)) > 1 for step in steps)
    mixed = len(set(kinds)) == len("0Aa") and sum(one != other for one, other in steps) >= _MIXED * len(piece)
    return len(piece) >= at_least and (turns >= _TURNS or mixed)


def _is_number(piece: str) -> bool:
    return piece.isdigit() and len(piece) >= _DIGITS


def _is_word(piece: str) -> bool:
    return piece.isalpha() and len(piece) >= _WORD
