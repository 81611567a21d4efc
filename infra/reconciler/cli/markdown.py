"""Show any text in Markdown as it is: no markup, no mention and no link of its own."""

from __future__ import annotations

import re

from reconciler.model.errors import SHAPELESS

#: Characters that begin markup or HTML in Markdown.
_MARKUP = re.compile(r"[\\`*_\[\]<>~|&]|^[-+=]")

#: Words between backticks are shown as code, in which GitHub links nothing.
_CODE = re.compile(r"`([^`]*[^`\s][^`]*)`")

#: What begins a numbered list.
_NUMBERED = re.compile(r"^(\d{1,9})(?=[.)])")

#: What GitHub makes a mention, a reference or a link of, even behind a backslash: it looks at the rendered text.
_LINKED = re.compile(
    r"@|#|(?i:(?<=https:)|(?<=http:)|(?<=ftp:))(?=//)|(?i:www)(?=\.)|(?i:gh-)(?=\d)|\$"
    r"|[0-9A-Fa-f]{6}(?=[0-9A-Fa-f])"  # a commit, of which seven digits are enough
)


def code(text: str) -> str:
    """Return a text as code, which GitHub shows as it is."""
    return f"`{_one_line(text).replace('`', chr(0x2BB))}`"


def escape_markdown(text: str) -> str:
    """Return Markdown that shows a text as it is, on one line, and links nothing."""
    parts = _CODE.split(_one_line(text))
    return "".join(code(part) if number % 2 else _escape_words(part) for number, part in enumerate(parts))


def _escape_words(text: str) -> str:
    escaped = _MARKUP.sub(lambda found: f"\\{found[0]}", text)
    escaped = _NUMBERED.sub(r"\1\\", escaped)
    return _LINKED.sub(lambda found: f"{found[0]}<!-- -->", escaped)


def _one_line(text: str) -> str:
    """Return a text on one line; what has no shape of its own, or changes the direction, by its number."""
    words = " ".join(text.split())
    words = SHAPELESS.sub(lambda found: _number(found[0]), words)
    return "".join(char if char.isprintable() else _number(char) for char in words)


def _number(char: str) -> str:
    return f"<U+{ord(char):04X}>"
