"""Mask secret values in a text of Fivetran, Google, or a vendor.

The other side may quote what it was sent, in its own spelling. A value is found as it is, JSON-escaped, URL-quoted,
HTML-escaped, in hexadecimal and in base64, in any case of letters; a value of several lines also line by line, a JSON
document kept in a string also value by value, and of an address the password. Half a value is found by its fragments.

Only foreign text is masked, before it becomes part of a message of ours: our own words and names never are.
"""

from __future__ import annotations

import base64
import binascii
import functools
import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

MASK = "******"

#: One line of a value of several lines is looked for from this length on.
SHORTEST_LINE = 8

#: A value of this length is distinctive whatever its characters; a shorter one needs a character that is not a letter.
_LONG = 16
_SHORT = 8

#: A value of up to this length counts as quoted only where no letter or digit touches it.
_TINY = 2

#: The length from which successive characters of a distinctive value are a fragment of it.
FRAGMENT = 12

#: How often a text is decoded again: what was quoted twice, in a JSON document in an HTML page, say.
_DECODED_TIMES = 3

#: Text that may be base64, and bytes in hexadecimal with or without something between them.
_IN_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_IN_HEX = re.compile(r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[:, -]{0,2}){8,}")

#: Escapes of characters by their number: JSON's and Java's, C's in hexadecimal and octal, and quoted-printable.
_ESCAPED = re.compile(
    r"\\u\{?([0-9A-Fa-f]{1,6})\}|\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|\\([0-3][0-7]{2})|=([0-9A-F]{2})|=\r?\n"
)
_BASES = (16, 16, 16, 8, 16)

#: Characters that Java's JSON writers escape, besides those that JSON makes them escape.
_ESCAPED_BY_JAVA = re.compile(r"[<>&='\u007f]")


def mask(text: str, values: Iterable[str], *, fragments: bool = True) -> str | None:
    """Replace each secret value in a foreign text by `******`; None if the text must not be shown.

    That is where it holds a value that is not `is_distinctive`, or one that only shows when the text is decoded.
    Mask before shortening, never after. Without `fragments`, a part of a value is left as it is.
    """
    values = frozenset(value for value in values if value.strip())
    folded = _fold(text)
    hidden = bytearray(len(text))
    for value in values:
        for form in _forms(value):
            for start in _occurrences(folded, form):
                if not is_distinctive(value) and not _is_part_of(value, form):
                    return None
                hidden[start : start + len(form)] = b"\x01" * len(form)
    if _shows_when_decoded(_cover(text, hidden), values):
        return None
    if fragments:
        for start in _fragments(folded, values):
            hidden[start : start + FRAGMENT] = b"\x01" * FRAGMENT
    return _cover(text, hidden)


def contains_secret(text: str, values: Iterable[str]) -> bool:
    """Return whether a text contains a whole value, in any spelling."""
    return mask(text, values, fragments=False) != text


def mask_distinctive(text: str, values: Iterable[str], is_public: Callable[[str], bool]) -> str:
    """Replace the distinctive values in a text of our own, as a second net; the others are left alone.

    So are those that `is_public` names, also inside a value: the project in the JSON document of a service account.
    """
    folded = _fold(text)
    hidden = bytearray(len(text))
    for value in values:
        if not is_distinctive(value) or is_public(value):
            continue
        for form in _forms(value):
            if _is_part_of(value, form) and is_public(form):
                continue
            for start in _occurrences(folded, form):
                if is_distinctive(form):
                    hidden[start : start + len(form)] = b"\x01" * len(form)
    return _cover(text, hidden)


def is_distinctive(value: str) -> bool:
    """Return whether `******` in its place hides the value: a short one or a plain word could be guessed."""
    value = value.strip()
    return len(value) >= _LONG or (len(value) >= _SHORT and not value.isalpha())


def is_identifier(code: str) -> bool:
    """Return whether a code is a name (`NotFound_Connection`), and not a text, an id or a key."""
    return len(code) <= 64 and re.fullmatch(r"[A-Za-z]+\d{0,2}(?:[_.-][A-Za-z]+\d{0,2})*", code) is not None


def secret_values(tree: object) -> Iterator[str]:
    """Return every string value in a config tree, at any depth, without keys."""
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
    """Convert to lower case character by character, so that positions stay."""
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _occurrences(folded: str, form: str) -> Iterator[int]:
    at = folded.find(form)
    while at >= 0:
        end = at + len(form)
        touched = folded[at - 1 : at].isalnum() or folded[end : end + 1].isalnum()
        if len(form) > _TINY or not touched:
            yield at
        at = folded.find(form, at + 1)


def _is_part_of(value: str, form: str) -> bool:
    """Return whether a form is a long part of a value, such as a line of a key."""
    return is_distinctive(form) and form not in (_fold(value), _fold(value.strip()))


@functools.lru_cache(maxsize=8192)
def _forms(value: str) -> tuple[str, ...]:
    """Return every spelling of a value to look for, in lower case."""
    return tuple(dict.fromkeys(_fold(form) for form in _spellings(value) if form.strip()))


def _spellings(value: str) -> Iterator[str]:
    for part in dict.fromkeys((value, *_parts(value))):
        for plain in dict.fromkeys((part, part.strip(), part.lstrip("\ufeff").strip())):
            yield plain
            if len(plain) > _TINY:
                yield from _encoded(plain)
        if len(part.splitlines()) > 1:
            for line in part.splitlines():
                if len(inner := line.strip()) >= SHORTEST_LINE:
                    yield inner


def _parts(value: str) -> Iterator[str]:
    """Return the secrets inside a value: the texts of a JSON document, the password of an address."""
    if value.lstrip()[:1] in {"{", "["}:
        yield from (part for part in secret_values(_document(value)) if len(part.strip()) > _TINY)
    with suppress(ValueError):
        password = urlsplit(value.strip()).password or ""
        yield from (each for each in (password, unquote(password)) if len(each.strip()) > _TINY)


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
    """Return the part of a value's base64 that does not depend on its surroundings, as in `user:password`."""
    for before in range(3):
        whole = len(value) + before - (len(value) + before) % 3
        encoded = base64.b64encode((b"\0" * before + value)[:whole]).decode()[4 if before else 0 :]
        yield encoded
        yield encoded.replace("+", "-").replace("/", "_")


def _fragments(folded: str, values: frozenset[str]) -> Iterator[int]:
    """Return where fragments of a distinctive value are in a text."""
    known = _fragments_of(values)
    return (at for at in range(len(folded) - FRAGMENT + 1) if folded[at : at + FRAGMENT] in known)


@functools.lru_cache(maxsize=4)
def _fragments_of(values: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(_fragments_of_one(value) for value in values if is_distinctive(value)))


@functools.lru_cache(maxsize=8192)
def _fragments_of_one(value: str) -> frozenset[str]:
    """Return the runs of characters without spaces, except the beginnings of addresses."""
    folded = _fold(value.strip())
    runs = (folded[at : at + FRAGMENT] for at in range(len(folded) - FRAGMENT + 1))
    return frozenset(run for run in runs if not any(char.isspace() for char in run) and "://" not in run)


def _shows_when_decoded(text: str, values: Iterable[str]) -> bool:
    """Return whether a distinctive value appears once an encoding is undone or a line is unwrapped."""
    plain = [skeleton for value in values for skeleton in _skeletons(value)]
    return any(skeleton in decoded for decoded in map(_skeleton, _decodings(text)) for skeleton in plain)


@functools.lru_cache(maxsize=8192)
def _skeletons(value: str) -> tuple[str, ...]:
    found = (_skeleton(part) for part in (value, *_parts(value)))
    return tuple(dict.fromkeys(skeleton for skeleton in found if is_distinctive(skeleton)))


def _skeleton(text: str) -> str:
    """Reduce a text to its letters, digits and signs, without accents, case, spaces and marks."""
    return "".join(
        char.casefold()
        for char in unicodedata.normalize("NFKD", text)
        if char.isprintable() and not char.isspace() and not unicodedata.combining(char)
    )


def _decodings(text: str) -> set[str]:
    """Return the text, and what it contains once encodings are undone, also nested ones."""
    found, new = {text}, {text}
    for _ in range(_DECODED_TIMES):
        new = {each for before in new for each in _decoded_once(before)} - found
        found |= new
    return found


def _decoded_once(text: str) -> Iterator[str]:
    yield html.unescape(text)
    yield unquote_plus(text)
    yield _without_escapes(text)
    yield from filter(None, ("".join(map(_from_base64, _IN_BASE64.findall(text))), _from_hex(text)))


def _from_base64(token: str) -> str:
    token = token.replace("-", "+").replace("_", "/").rstrip("=")
    token = token[: len(token) - (len(token) % 4 == 1)]
    return base64.b64decode(token + "=" * (-len(token) % 4)).decode(errors="ignore")


def _from_hex(text: str) -> str:
    tokens = (re.sub(r"0x|\\x|[:, -]", "", each) for each in _IN_HEX.findall(text))
    with suppress(binascii.Error):
        return "".join(binascii.unhexlify(token).decode(errors="ignore") for token in tokens)
    return ""


def _without_escapes(text: str) -> str:
    """Return the text with `\\u0041`, `\\x41`, `\\101`, `=41` and `\\/` undone."""
    return re.sub(r"\\(.)", r"\1", _ESCAPED.sub(_unescaped, text))


def _unescaped(found: re.Match[str]) -> str:
    number = next((int(digits, base) for digits, base in zip(found.groups(), _BASES, strict=True) if digits), None)
    return "" if number is None or number > 0x10FFFF else chr(number)


def _document(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
