"""Keep the client's own credentials out of what it keeps of an answer."""

from __future__ import annotations

from collections.abc import Iterable

_MASK = "******"


def hide(text: str, secrets: Iterable[str]) -> str:
    """Replace the key, the secret, and the pair of them as it is sent."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text
