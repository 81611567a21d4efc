"""Values of a config tree: found by their dotted path, and compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def value_at(config: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted path of a config; None where there is none."""
    node: Any = config
    for step in path.split("."):
        node = node.get(step) if isinstance(node, Mapping) else None
    return node


def comparison_key(value: Any) -> str:
    """Return a text that is the same for equal values. Fivetran takes 443 and "443" as equal."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
