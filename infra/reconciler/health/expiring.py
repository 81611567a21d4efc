"""The units of an environment that end, as commands tell of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from reconciler.lifecycle import expiry
from reconciler.lifecycle.expiry import Lives
from reconciler.model import Fleet


@dataclass(frozen=True)
class Ending:
    """A unit that ends. Dates are ISO: the last good day, and the first on which it is no more."""

    environment: str
    unit: str
    file: str
    stage: str
    expires: str
    removed_on: str
    owners: tuple[str, ...]
    words: str | None
    """What there is to tell its owners; None while its end is far ahead."""


def endings(fleet: Fleet, day: date) -> Iterator[Ending]:
    """The units whose last good day is known, in the order of their files."""
    lives = Lives(fleet, day)
    for unit in fleet.units:
        end = lives.of_unit(unit)
        if end.last_day is None:
            continue
        yield Ending(
            environment=fleet.environment.name,
            unit=unit.name,
            file=unit.file,
            stage=end.stage.value,
            expires=str(end.last_day),
            removed_on=str(end.removed_on),
            owners=unit.owners,
            words=expiry.words(
                end,
                day,
                connects=unit.connector is not None,
                data=lives.data_of(unit),
                environment=fleet.environment.name,
            ),
        )
