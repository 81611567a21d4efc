"""Whether a text that should be the name of a secret is the secret itself, pasted where its name belongs.

Names are words with something between them, and maybe a number; credentials are pieces in which letters and digits take
turns, often after a prefix by which scanners know their vendor. An ordinary name is never taken for one, since whoever
is refused has to rename something that others use; what has neither mark gets by.
"""

from __future__ import annotations

import itertools
import re

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

#: How often letters and digits take turns in a piece at least. In a word with a number, or with one before it, once.
_TURNS = 3

#: Or small letters, capitals and digits, by characters of the piece: in a random one about every second time.
_MIXED = 0.4

#: Letters of the shortest word. A name that has one is a name, also where something random was hung on.
_WORD = 4


def is_credential(text: str) -> bool:
    """Whether a text is a credential: by its vendor's prefix, or as one long piece without a word beside it."""
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
