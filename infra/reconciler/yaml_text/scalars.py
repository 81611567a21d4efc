"""Read plain scalars by YAML 1.2's core schema: `no`, `18:00`, `1_000` and `2026-12-31` are strings.

A number that two readers would read differently is rejected. Messages never show the value: it may be a misplaced
secret.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGERS = {
    10: re.compile(r"([-+]?[0-9]+)"),
    8: re.compile(r"0o([0-7]+)"),
    16: re.compile(r"0x([0-9a-fA-F]+)"),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")

#: Pulumi and JSON readers hold numbers as doubles: beyond this an integer loses digits.
LARGEST_INTEGER = 2**53
#: More characters than any integer up to `LARGEST_INTEGER` needs.
_LONGEST_INTEGER = 20


_STR = "tag:yaml.org,2002:str"
_TAGS_OF_1_1 = {bool: {"tag:yaml.org,2002:bool"}, int: {"tag:yaml.org,2002:int"}, float: {"tag:yaml.org,2002:float"}}
_READER_OF_1_1: Any = yaml.resolver.Resolver()
#: Booleans of YAML 1.1 that PyYAML leaves alone, and numbers to the base of 60, also those with a zero in front.
_ALSO_OF_1_1 = re.compile(r"[yYnN]|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")


class UnclearNumber(ValueError):
    """A number that cannot be read safely; the text says why."""


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of a plain (unquoted) scalar.

    Raises UnclearNumber for what JSON cannot hold (`.inf`, `.nan`, `1e999`), for integers beyond 2^53, and for leading
    zeros, which YAML 1.1 reads as octal.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789":
        return text
    number = _number(text)
    if number is None:
        return text
    if _LEADING_ZERO.match(text):
        raise UnclearNumber("a number with a leading zero")
    if not math.isfinite(number):
        raise UnclearNumber("a number that JSON cannot express")
    return number


def is_text_everywhere(text: str) -> bool:
    """Return whether YAML 1.1 and YAML 1.2 read an unquoted scalar as the same text."""
    try:
        return resolve(text) == text and _tag_of_1_1(text) == _STR
    except UnclearNumber:
        return False


def explain_ambiguity(text: str) -> str | None:
    """Return why an unquoted scalar may be read differently than written; None when it is clear.

    For values of which nothing but the file says what type they have. `resolve` has read the text.
    """
    value = resolve(text)
    if value is None or isinstance(value, str):
        return None if value is None or is_text_everywhere(text) else "YAML 1.1 and YAML 1.2 read it differently"
    if _as_sent(value) != text:
        return "it would be sent in another form than written"
    return None if _tag_of_1_1(text) in _TAGS_OF_1_1[type(value)] else "YAML 1.1 and YAML 1.2 read it differently"


def _as_sent(value: int | float | bool) -> str:
    """Return the value as it is sent in JSON: whole numbers without a point."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, int) or value.is_integer() else repr(value)


def _tag_of_1_1(text: str) -> str:
    """Return the YAML 1.1 tag of an unquoted scalar; an empty one where readers differ."""
    if _ALSO_OF_1_1.fullmatch(text):
        return ""
    return str(_READER_OF_1_1.resolve(yaml.ScalarNode, text, (True, False)))


def _number(text: str) -> int | float | None:
    for base, form in _INTEGERS.items():
        if match := form.fullmatch(text):
            return _integer(match[1], base)
    if _FLOAT.fullmatch(text):
        return float(text)
    return math.nan if _NOT_FINITE.fullmatch(text) else None


def _integer(digits: str, base: int) -> int:
    if len(digits) <= _LONGEST_INTEGER:
        number = int(digits, base)
        if abs(number) <= LARGEST_INTEGER:
            return number
    raise UnclearNumber("a number with more digits than a double holds")
