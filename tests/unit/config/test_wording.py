"""The message about a value that the schema does not allow."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.schema import messages

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas"


def _limits(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (key for key in node if key.startswith(("min", "max", "exclusive", "multiple")))
        for value in node.values():
            yield from _limits(value)
    elif isinstance(node, list):
        for value in node:
            yield from _limits(value)


@pytest.mark.parametrize("name", ["environment", "unit"])
def test_each_limit_that_a_schema_sets_has_words(name: str) -> None:
    limits = {*_limits(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))}
    assert limits
    for keyword in limits:
        assert messages.explain_size(keyword, 1, "value")
