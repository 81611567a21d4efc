"""Markdown for pages on GitHub: a pull request's body, a job's summary, an issue."""

from __future__ import annotations

import re

#: What could begin markup, a mention or HTML in the words of others.
_SPECIAL = re.compile(r"[\\`*_\[\]<>~|@#]")


def item(file: str | None, text: str) -> str:
    """A line of a list about a file, or about none. The text is shown as it is, on one line."""
    words = _SPECIAL.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))
    return f"- {words}" if file is None else f"- `{file}`: {words}"
