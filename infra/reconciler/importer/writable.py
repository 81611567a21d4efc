"""Which texts from Fivetran a file can hold."""

from __future__ import annotations

import re

from reconciler.yaml_text.writer import scalar

#: A key is on one line, and libyaml looks for its colon in the first 1,024 characters only.
_LONGEST_KEY = 1000
#: Surrogates, which JSON may hold and UTF-8 may not, and code points that are not characters.
_NO_CHARACTERS = re.compile("[\ud800-\udfff\ufffe\uffff]")
_LINE_ENDS = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def is_writable(value: str) -> bool:
    """Return whether a text can be a value in a file."""
    return _NO_CHARACTERS.search(value) is None


def is_writable_key(key: str) -> bool:
    """Return whether a text can be a key in a file."""
    return is_writable(key) and len(scalar(key, in_flow=True)) <= _LONGEST_KEY


def is_source_name(name: str) -> bool:
    """Return whether `sync` can name a schema, table or column: in one line, without spaces around it."""
    bare = name.strip().strip("\ufeff\u180e\u200b")
    return bare == name != "" and _LINE_ENDS.search(name) is None and is_writable_key(name)
