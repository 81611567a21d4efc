"""A unit as it would be written, and what stands around it."""

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

#: How a comment begins that asks for something only a person knows.
FILL_IN = "fill in:"

DESCRIPTION = "Fill in what this data is and who uses it."
OWNER = "fill-in@example.com"


@dataclass(frozen=True)
class Draft:
    """A unit, and the comments that stand above its keys."""

    unit: Unit
    comments: Mapping[Path, str] = field(default_factory=dict)

    @property
    def to_fill_in(self) -> int:
        """How many places are marked."""
        lines = (line for text in self.comments.values() for line in text.splitlines())
        return sum(1 for line in lines if line.startswith(FILL_IN))


@dataclass(frozen=True)
class Surroundings:
    """What holds for every draft of one environment."""

    environment: Environment
    service_account: str | None = None
    """Fivetran's, which writes every dataset that a connector fills; None when it is not known."""
    datasets: Mapping[str, LiveDataset | None] = field(default_factory=dict)
    """The live datasets by id, None for one that is not there; an id that is missing was not looked at."""
    today: date = field(default_factory=today)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """Values of secrets that are known. A setting that holds one is written as a reference, whatever it is called."""


def description(*live: str | None) -> tuple[str, dict[Path, str]]:
    """The unit's description: the first that BigQuery has, else a text to replace with its mark."""
    found = next((text for text in live if text and text.strip()), None)
    if found is not None:
        return found, {}
    return DESCRIPTION, {("description",): f"{FILL_IN} a sentence that people see in BigQuery too"}


def owners(address: str | None) -> tuple[tuple[str, ...], dict[Path, str]]:
    """The unit's owners: who made it, where that is known."""
    if address is not None:
        return (address,), {}
    return (OWNER,), {("owners",): f"{FILL_IN} who answers for this"}


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
