"""A unit as it would be written, and what stands around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from reconciler.bigquery import LiveDataset
from reconciler.model import Environment, Unit
from reconciler.specs.document import Path
from reconciler.today import today

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
