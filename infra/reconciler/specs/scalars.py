"""Plain scalars by the core schema of YAML 1.2: `no`, `18:00`, `1_000` and `2026-12-31` are strings.

A number that two readers would read differently is refused instead of guessed at. Messages never show the value: it
may be a secret somebody wrote in the wrong place.
"""

from __future__ import annotations

import math
import re

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
_LARGEST_INTEGER = 2**53
#: More characters than any integer up to `_LARGEST_INTEGER` needs.
_LONGEST_INTEGER = 20


class UnclearNumber(ValueError):
    """A number that is not safe to read; the text says why."""


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain (unquoted) scalar.

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
        raise UnclearNumber("a number that JSON does not have")
    return number


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
        if abs(number) <= _LARGEST_INTEGER:
            return number
    raise UnclearNumber("a number with more digits than JSON readers keep")
