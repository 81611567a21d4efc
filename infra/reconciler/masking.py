"""Take secret values out of a text that another program wrote: Fivetran, Google, or a vendor behind them.

The other side may quote what it was sent, in its own spelling. A value is found as it is, JSON-escaped, URL-quoted,
HTML-escaped, in hexadecimal and in base64, in any case of letters; a value of several lines also line by line, and a
JSON document kept in a string also value by value.

Only foreign text is masked, before it becomes part of a message of ours: our own words and names never are.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote_plus

MASK = "******"

#: One line of a value of several lines is looked for from this length on.
SHORTEST_LINE = 8

#: From this length on a value is distinctive whatever it consists of; shorter ones need a character that is no letter.
_LONG = 16
_SHORT = 8

#: A value of up to this length counts as quoted only where no letter or digit touches it.
_TINY = 2

#: Characters that Java's JSON writers escape, besides those that JSON makes them escape.
_ESCAPED_BY_JAVA = re.compile(r"[<>&='\u007f]")


def mask(text: str, values: Iterable[str]) -> str | None:
    """Replace each secret value in a foreign text by `******`; return None where the text must not be shown at all.

    That is where it holds a value that is not `is_distinctive`, or one that only shows when the text is decoded.
    Mask before shortening, never after.
    """
    values = [value for value in values if value.strip()]
    folded = _fold(text)
    hidden = bytearray(len(text))
    for value in values:
        for form in _forms(value):
            for start in _occurrences(folded, form):
                if not is_distinctive(value) and not _stands_in(value, form):
                    return None
                hidden[start : start + len(form)] = b"\x01" * len(form)
    masked = _cover(text, hidden)
    return None if _shows_when_decoded(masked, values) else masked


def mask_distinctive(text: str, values: Iterable[str]) -> str:
    """Replace the distinctive values in a text of our own, as a second net; the others are left alone."""
    distinctive = [value for value in values if is_distinctive(value)]
    folded = _fold(text)
    hidden = bytearray(len(text))
    for value in distinctive:
        for form in _forms(value):
            for start in _occurrences(folded, form):
                hidden[start : start + len(form)] = b"\x01" * len(form)
    return _cover(text, hidden)


def is_distinctive(value: str) -> bool:
    """Whether `******` in its place gives nothing away: a short value or a plain word could be guessed."""
    value = value.strip()
    return len(value) >= _LONG or (len(value) >= _SHORT and not value.isalpha())


def is_identifier(code: str) -> bool:
    """Whether a code of the other side is a name (`NotFound_Connection`), and not a text, an id or a key."""
    return len(code) <= 64 and re.fullmatch(r"[A-Za-z]+\d{0,2}(?:[_.-][A-Za-z]+\d{0,2})*", code) is not None


def secret_values(tree: object) -> Iterator[str]:
    """Every string value in a config tree, at any depth. Keys are not values."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, Mapping):
            pending.extend(node.values())
        elif isinstance(node, list | tuple):
            pending.extend(node)


def _cover(text: str, hidden: bytearray) -> str:
    shown, at = [], 0
    for run in re.finditer(rb"\x01+", hidden):
        shown += [text[at : run.start()], MASK]
        at = run.end()
    return "".join([*shown, text[at:]])


def _fold(text: str) -> str:
    """Lower case, character by character, so that positions stay."""
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _occurrences(folded: str, form: str) -> Iterator[int]:
    at = folded.find(form)
    while at >= 0:
        end = at + len(form)
        touched = folded[at - 1 : at].isalnum() or folded[end : end + 1].isalnum()
        if len(form) > _TINY or not touched:
            yield at
        at = folded.find(form, at + 1)


def _stands_in(value: str, form: str) -> bool:
    """Whether a form is a long part of a value, as a line of a key is."""
    return is_distinctive(form) and form not in (_fold(value), _fold(value.strip()))


@functools.lru_cache(maxsize=8192)
def _forms(value: str) -> tuple[str, ...]:
    """Every spelling of a value that is looked for, in lower case, without repetition."""
    return tuple(dict.fromkeys(_fold(form) for form in _spellings(value) if form.strip()))


def _spellings(value: str) -> Iterator[str]:
    for plain in dict.fromkeys((value, value.strip(), value.lstrip("\ufeff").strip())):
        yield plain
        if len(plain) > _TINY:
            yield from _encoded(plain)
    if len(value.splitlines()) > 1:
        for line in value.splitlines():
            if len(part := line.strip()) >= SHORTEST_LINE:
                yield part
    if value.lstrip()[:1] in {"{", "["}:
        yield from (part for part in secret_values(_document(value)) if part != value and len(part.strip()) > _TINY)


def _encoded(plain: str) -> Iterator[str]:
    for ascii_only in (True, False):
        escaped = json.dumps(plain, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        yield escaped.replace("/", "\\/")
        yield _ESCAPED_BY_JAVA.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped)
        yield json.dumps(escaped)[1:-1]  # a JSON document kept in a string
    yield html.escape(plain)
    yield html.escape(plain, quote=False)
    as_bytes = plain.encode(errors="surrogatepass")
    yield quote(as_bytes)
    yield quote(as_bytes, safe="")
    yield quote_plus(as_bytes)
    yield as_bytes.hex()
    yield base64.b64encode(as_bytes).decode()
    yield base64.urlsafe_b64encode(as_bytes).decode()
    if len(as_bytes) >= SHORTEST_LINE:
        yield from _inside_base64(as_bytes)


def _inside_base64(value: bytes) -> Iterator[str]:
    """What of a value's base64 is the same whatever stands before and after it, as in `user:password`."""
    for before in range(3):
        whole = len(value) + before - (len(value) + before) % 3
        encoded = base64.b64encode((b"\0" * before + value)[:whole]).decode()[4 if before else 0 :]
        yield encoded
        yield encoded.replace("+", "-").replace("/", "_")


def _shows_when_decoded(text: str, values: Iterable[str]) -> bool:
    """Whether a distinctive value appears once a reader undoes an encoding, or joins what was wrapped."""
    decoded = {html.unescape(text), unquote_plus(text), _without_escapes(text)} - {text}
    decoded = {_fold("".join(each.split())) for each in (*decoded, text)}
    for value in values:
        plain = _fold("".join(value.split()))
        if is_distinctive(plain) and any(plain in each for each in decoded):
            return True
    return False


def _without_escapes(text: str) -> str:
    """The text with `\\u0041`, `\\x41` and `\\/` undone."""
    plain = re.sub(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})", lambda at: chr(int(at[1] or at[2], 16)), text)
    return re.sub(r"\\(.)", r"\1", plain)


def _document(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
