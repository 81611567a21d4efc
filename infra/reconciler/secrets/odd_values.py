"""Find what is odd about a secret's value.

Stray line ends and marks that an editor or `echo` adds, and that no terminal shows.

A line feed at the end of a key is an accident nearly always, and makes a key that is right look wrong. So what no
person types on purpose is left out of what is sent, and everything odd is reported, with the reference and never the
value. A reference with `exact: true` sends its value as it is kept, and nothing is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model import Reference

_BOM = "\ufeff"

#: What is odd inside a value, wherever it stands: control characters but for those that end lines and the tab;
#: characters without width; and what a reader leaves that took a text for one in another encoding.
_INSIDE = {
    "has a NUL character": re.compile("\0"),
    "has a control character": re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"),
    "has an invisible zero-width character": re.compile(
        "[\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\u00ad\ufeff]"
    ),
    "was read in a different encoding than it was written in": re.compile("^\u00ef\u00bb\u00bf|[\ufffd-\uffff]"),
}

_QUOTES = ('"', "'", "`", "\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb")


@dataclass(frozen=True)
class Oddity:
    """One odd thing about a value. `what` follows the value's name; `removed` is whether it is not sent."""

    what: str
    removed: bool

    def __str__(self) -> str:
        return f"{self.what} ({'not sent' if self.removed else 'sent as it is'})"


@dataclass(frozen=True)
class OddValue:
    """A reference whose value is odd, and in which ways, by its path in the unit's `connector`."""

    path: str
    reference: Reference
    oddities: tuple[Oddity, ...]

    def __str__(self) -> str:
        ways = "; it ".join(map(str, self.oddities))
        return f"the value of {self.reference} {ways}"


#: What the reader can do, after any number of `OddValue`s.
ADVICE = (
    "Add a version without it (`printf %s` writes no line feed), or write `exact: true` in the reference to keep it."
)


def inspect_value(path: str, reference: Reference, value: str) -> OddValue | None:
    """Return what is odd about the value of a reference; None for a usual value, and with `exact`."""
    found = () if reference.exact else find_oddities(value)
    return OddValue(path, reference, found) if found else None


def as_sent(reference: Reference, value: str) -> str:
    """Return the value that is sent for a reference."""
    return value if reference.exact else clean_value(value)


def clean_value(value: str) -> str:
    """Return a value as it is sent.

    Without a byte-order mark, with line feeds alone, and without one after one line.

    A value of several lines, as a private key, keeps its last line feed, without which some readers reject it.
    """
    value = value.removeprefix(_BOM).replace("\r\n", "\n")
    line = value.rstrip("\r\n")
    return line if line and "\n" not in line else value


def find_oddities(value: str) -> tuple[Oddity, ...]:
    """Return what is odd about a value, for messages that never show it."""
    return tuple(_oddities(value))


def _oddities(value: str) -> Iterator[Oddity]:
    if value.startswith(_BOM):
        yield Oddity("begins with a byte-order mark", removed=True)
    body = value.removeprefix(_BOM)
    line = body.rstrip("\r\n")
    one_line = bool(line) and "\n" not in line
    ends = body[len(line) :]
    if one_line and ends:
        yield Oddity(f"ends in {_line_ends(ends)}", removed=True)
    elif "\r\n" in body:
        yield Oddity("has Windows line breaks, CRLF, instead of line feeds", removed=True)
    if not one_line and len(ends.replace("\r\n", "\n")) > 1:
        yield Oddity("ends in empty lines", removed=False)
    if not line.strip():
        yield Oddity("is blank", removed=False)
        return
    if "\r" in line.replace("\r\n", "\n"):
        yield Oddity("has a carriage return inside", removed=False)
    if line[0] == "\n":
        yield Oddity("begins with a line feed", removed=False)
    elif line[0].isspace():
        yield Oddity("begins with a space or tab", removed=False)
    if line[-1].isspace():
        yield Oddity("ends in a space or tab", removed=False)
    yield from (Oddity(what, removed=False) for what, characters in _INSIDE.items() if characters.search(line))
    if one_line and _is_quoted(line.strip()):
        yield Oddity("is in quotation marks", removed=False)


def _line_ends(ends: str) -> str:
    if ends == "\n":
        return "a line feed"
    if ends == "\r\n":
        return "a Windows line break, CRLF"
    return "a carriage return" if ends == "\r" else "several line breaks"


def _is_quoted(line: str) -> bool:
    return len(line) > 1 and any(line[0] == pair[0] and line[-1] == pair[-1] for pair in _QUOTES)
