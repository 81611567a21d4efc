"""What a unit's file is called."""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import count

#: The file that describes the environment itself.
_RESERVED = "environment"
#: The stems that files of units may have.
_STEM = re.compile(r"[a-z0-9][a-z0-9_-]*")
#: File systems take 255 bytes, with what stands around a stem while a file is written.
_LONGEST = 200


def unit_name(connection_name: str, connection_id: str, taken: Container[str]) -> str:
    """Return a connection's name in snake_case; with its id where another file is called that."""
    name = _snake_case(connection_name) or _snake_case(connection_id)
    if name not in taken and name != _RESERVED and len(connection_name) <= _LONGEST:
        return name
    return _free(f"{name}_{_snake_case(connection_id)}", taken)


def dataset_unit_name(dataset_id: str, taken: Container[str]) -> str:
    """Return the dataset's id where a file can be called that, else what is near: the file then names the id.

    File systems may not tell capitals from small letters, so no two names differ in that alone.
    """
    if _STEM.fullmatch(dataset_id) and dataset_id != _RESERVED and len(dataset_id) <= _LONGEST:
        return _free(dataset_id, taken)
    name = _snake_case(dataset_id)
    return _free(f"dataset_{name}" if name in ("", _RESERVED) else name, taken)


def _snake_case(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST]


def _free(name: str, taken: Container[str]) -> str:
    """The name, with a number after it where it is taken."""
    if name not in taken:
        return name
    return next(each for number in count(2) if (each := f"{name}_{number}") not in taken)
