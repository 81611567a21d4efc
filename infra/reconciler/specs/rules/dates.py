"""Rules about dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from reconciler.errors import Problem
from reconciler.specs.document import Path, shown
from reconciler.specs.view import Specs

#: The form that the schema asks for.
_FORM = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")

#: Where a unit's file holds a date.
_DATES: tuple[Path, ...] = (("connector", "awaiting", "until"), ("expires",))


def dates_are_in_the_calendar(specs: Specs) -> Iterator[Problem]:
    """The schema sees to the form of a date; that the month has such a day is seen here."""
    for unit in specs.all_units():
        for path in _DATES:
            said = unit.at(*path)
            if isinstance(said, str) and _FORM.fullmatch(said) and not _is_a_day(said):
                yield unit.on_value(path, f"there is no day {shown(said)}", "the month is shorter")


def _is_a_day(said: str) -> bool:
    try:
        date.fromisoformat(said)
    except ValueError:
        return False
    return True
