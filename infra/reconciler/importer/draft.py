"""A unit before it is written, and what all units of an environment share."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import count

from reconciler.config.yaml.document import Path
from reconciler.google.bigquery.api import LiveDataset
from reconciler.model import Environment, Unit
from reconciler.model.today import today

#: The start of a comment on a value that a person has to write.
FILL_IN = "fill in:"

DESCRIPTION = "Fill in what this data is and who uses it."
OWNER = "fill-in@example.com"


@dataclass(frozen=True)
class Draft:
    """A unit, and the comments above its keys."""

    unit: Unit
    comments: Mapping[Path, str] = field(default_factory=dict)

    @property
    def to_fill_in(self) -> int:
        """Count the marked values."""
        lines = (line for text in self.comments.values() for line in text.splitlines())
        return sum(1 for line in lines if line.startswith(FILL_IN))


@dataclass(frozen=True)
class ImportContext:
    """What all drafts of an environment share."""

    environment: Environment
    service_account: str | None = None
    """The account with which Fivetran writes datasets; None while it is unknown."""
    datasets: Mapping[str, LiveDataset | None] = field(default_factory=dict)
    """Live datasets by id; None for one that does not exist. Ids that are absent were not read."""
    today: date = field(default_factory=today)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """Known values of secrets. A config value that contains one becomes a reference, whatever its key."""


def description(*live: str | None) -> tuple[str, dict[Path, str]]:
    """Return the first description, else a text to replace and its comment."""
    found = next((text for text in live if text and text.strip()), None)
    if found is not None:
        return found, {}
    return DESCRIPTION, {("description",): f"{FILL_IN} a sentence, which BigQuery shows too"}


def owners(address: str | None) -> tuple[tuple[str, ...], dict[Path, str]]:
    """Return the user who created the connection, else an address to replace and its comment."""
    if address is not None:
        return (address,), {}
    return (OWNER,), {("owners",): f"{FILL_IN} the address of an owner"}


#: The file that describes the environment itself.
_RESERVED = "environment"
#: The stems that files of units may have.
_STEM = re.compile(r"[a-z0-9][a-z0-9_-]*")
#: File systems allow 255 bytes for a name; a temporary file has a longer name than the final one.
_LONGEST = 200


def unit_name(connection_name: str, connection_id: str, taken: Container[str]) -> str:
    """Return a connection's name in snake_case, followed by its id if another unit has that name."""
    name = _snake_case(connection_name) or _snake_case(connection_id)
    if name not in taken and name != _RESERVED and len(connection_name) <= _LONGEST:
        return name
    return _free(f"{name}_{_snake_case(connection_id)}", taken)


def dataset_unit_name(dataset_id: str, taken: Container[str]) -> str:
    """Return the dataset's id if it can be a file name, else a similar name; the file then has the id.

    No two names differ only in case, because some file systems ignore it.
    """
    if _STEM.fullmatch(dataset_id) and dataset_id != _RESERVED and len(dataset_id) <= _LONGEST:
        return _free(dataset_id, taken)
    name = _snake_case(dataset_id)
    return _free(f"dataset_{name}" if name in ("", _RESERVED) else name, taken)


def _snake_case(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST]


def _free(name: str, taken: Container[str]) -> str:
    """Return the name, followed by a number if it is taken."""
    if name not in taken:
        return name
    return next(each for number in count(2) if (each := f"{name}_{number}") not in taken)
