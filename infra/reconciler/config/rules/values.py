"""Rules about dates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.config.documents import Specs
from reconciler.config.rules import grants as grant_lists
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.model.errors import Problem

#: The form that the schema asks for.
_FORM = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")

#: Where a unit's file holds a date, besides `until` of its grants.
_DATES: tuple[Path, ...] = (("connector", "awaiting", "until"), ("expires",))


def dates_are_in_the_calendar(specs: Specs) -> Iterator[Problem]:
    """The schema sees to the form of a date; that the month has such a day is seen here."""
    for unit, path in _dates(specs):
        said = unit.at(*path)
        if isinstance(said, str) and _FORM.fullmatch(said) and grant_lists.day_of(said) is None:
            yield unit.on_value(path, f"there is no day {shown(said)}", "write a day that the month has")


def _dates(specs: Specs) -> Iterator[tuple[Document, Path]]:
    for unit in specs.all_units():
        yield from ((unit, path) for path in _DATES)
    for grants in grant_lists.of_datasets(specs):
        yield from ((grant.document, (*grant.path, "until")) for grant in grants)


_MARK = re.compile(r"fill[ -]in\b", re.IGNORECASE)


def what_an_import_could_not_know(specs: Specs) -> Iterator[Problem]:
    """A notice for each text that stands in an imported file until somebody writes another."""
    for unit in specs.all_units():
        for path in unit.values:
            said = unit.at(*path)
            if isinstance(said, str) and _MARK.match(said):
                yield unit.on_value(
                    path,
                    f"{shown(said)} is a placeholder that `reconciler import` wrote",
                    "replace it: until then this text itself is used",
                )
