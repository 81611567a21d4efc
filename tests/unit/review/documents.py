"""The JSON of reviews, as `reconciler review --format json` prints it."""

from __future__ import annotations

import json
from typing import Any

FINGERPRINT = "9978cfef8f8d379a"


def item(text: str, fingerprint: str | None = FINGERPRINT, **more: Any) -> dict[str, Any]:
    """Return one consequence, of the class `stop` if it has a fingerprint."""
    return {
        "class": "stop" if fingerprint else "note",
        "kind": "dataset_deleted",
        "file": "connectors/dev/shop.yaml",
        "line": 3,
        "column": 1,
        "unit": "shop",
        "object": "dataset shop",
        "text": text,
        "effective": None,
        "fingerprint": fingerprint,
        "scheduled": False,
        **more,
    }


def review(*found: dict[str, Any] | str, **more: Any) -> str:
    """Return a review of `dev` with these consequences."""
    items = [item(each) if isinstance(each, str) else each for each in found]
    document = {"environment": "dev", "simulated": False, "consequences": items, "scheduled": [], "rejected": []}
    return json.dumps({**document, **more})
