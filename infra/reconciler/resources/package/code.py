"""Compare a package's code in Fivetran with that of a file.

By bytes, and where those differ by what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.build.archives import content_hash
from reconciler.fivetran.api import FivetranError, Forbidden, Package, Unauthorized
from reconciler.resources.run.run import run


def live_content(there: Package, known: Mapping[str, Any]) -> str | None:
    """Return the content hash of a package's code, downloaded where its bytes are not those of `known`.

    Args:
        there: The package, as Fivetran has it.
        known: `content` of the code whose bytes have the hash `sha256`.

    Returns:
        The hash; None where Fivetran reports none and where the file cannot be downloaded. Raises `Unauthorized` and
        `Forbidden`.
    """
    if there.sha256 is None:
        return None
    if there.sha256 == known["sha256"]:
        return str(known["content"])
    try:
        return content_hash(run.account.client().download_package(there.id))
    except (Unauthorized, Forbidden):
        raise
    except FivetranError:
        return None


def is_same(there: Package, declared: Mapping[str, Any]) -> bool:
    """Return whether a package has a file's code. Where Fivetran reports no hash, it counts as the same."""
    return there.sha256 is None or live_content(there, declared) == declared["content"]


def short(content: str) -> str:
    """Return a content hash as messages have it."""
    return f"{content[:12]}… (SHA-256 of its files)"
