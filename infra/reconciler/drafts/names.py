"""What a unit's file is called."""

from __future__ import annotations

import re
from collections.abc import Container

#: The file that describes the environment itself.
_RESERVED = "environment"
#: The stems that files of units may have.
_STEM = re.compile(r"[a-z0-9][a-z0-9_-]*")


def unit_name(connection_name: str, connection_id: str, taken: Container[str]) -> str:
    """A connection's name in snake_case; with its id where another file is called that."""
    name = re.sub(r"[^a-z0-9]+", "_", connection_name.lower()).strip("_") or connection_id
    return name if name not in taken and name != _RESERVED else f"{name}_{connection_id}"


def can_be_declared_alone(dataset_id: str) -> bool:
    """Whether a file can declare a dataset without a connector: its stem is the dataset's id."""
    return _STEM.fullmatch(dataset_id) is not None and dataset_id != _RESERVED
