"""What BigQuery takes: labels, and the ids of datasets.

https://cloud.google.com/bigquery/docs/labels-intro#requirements: lower-case letters of any alphabet, digits,
underscores and dashes; a key begins with a letter. The schemas let every character beyond ASCII pass, since their
readers do not agree on a pattern for letters; the rest is here.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MOST_LABELS: Final = 64
LONGEST_LABEL: Final = 63
LONGEST_DATASET_ID: Final = 1024

#: https://cloud.google.com/bigquery/docs/datasets#dataset-naming
DATASET_ID = re.compile(rf"[A-Za-z0-9_]{{1,{LONGEST_DATASET_ID}}}")

#: Unicode's categories of letters without capitals, of what is written onto letters, and of digits.
_LETTERS = frozenset({"Ll", "Lo", "Lm"})
_MARKS_AND_DIGITS = frozenset({"Mn", "Mc", "Me", "Nd", "Nl", "No"})


def is_label_key(text: str) -> bool:
    """Return whether BigQuery takes a text as a label's key."""
    return text != "" and unicodedata.category(text[0]) in _LETTERS and is_label_value(text)


def is_label_value(text: str) -> bool:
    """Return whether BigQuery takes a text as a label's value."""
    return len(text) <= LONGEST_LABEL and all(map(_is_allowed, text))


def _is_allowed(character: str) -> bool:
    return character in "_-" or unicodedata.category(character) in _LETTERS | _MARKS_AND_DIGITS
