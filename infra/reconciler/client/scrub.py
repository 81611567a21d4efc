"""Taking secret values out of a text that someone else wrote.

The API may quote what it was sent. A value is found as it is, JSON-escaped, URL-quoted and in base64, in any case of
letters; a value of several lines also line by line, and a JSON document kept in a string also value by value.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

MASK = "******"

#: Shorter values are left alone: they are no secrets, and masking them would make any text unreadable.
SHORTEST_SECRET = 4

#: The same for one line of a value of several lines.
SHORTEST_LINE = 8


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Replace each occurrence of a secret of at least 4 characters by `******`. Scrub before shortening, not after."""
    forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST_SECRET}
    if not forms:
        return text
    longest_first = sorted(forms, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), MASK, text, flags=re.IGNORECASE)


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


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield secret.strip()
    if len(secret) < SHORTEST_SECRET:
        return
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    as_bytes = secret.encode(errors="surrogatepass")
    yield quote(as_bytes)
    yield quote(as_bytes, safe="")
    yield quote_plus(as_bytes)
    yield base64.b64encode(as_bytes).decode()
    yield from (line for part in secret.splitlines() if len(line := part.strip()) >= SHORTEST_LINE)
    if secret.lstrip()[:1] in {"{", "["}:
        yield from (value for value in secret_values(_document(secret)) if value != secret)


def _document(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
