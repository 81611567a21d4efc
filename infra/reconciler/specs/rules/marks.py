"""What `reconciler import` left for a person to say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.errors import Problem
from reconciler.specs.document import shown
from reconciler.specs.view import Specs

_MARK = re.compile(r"fill[ -]in\b", re.IGNORECASE)


def what_an_import_could_not_know(specs: Specs) -> Iterator[Problem]:
    """A notice for each text that stands in an imported file until somebody writes another."""
    for unit in specs.all_units():
        for path in unit.values:
            said = unit.at(*path)
            if isinstance(said, str) and _MARK.match(said):
                yield unit.on_value(
                    path, f"{shown(said)} is still to be filled in", "it is used as it stands until then"
                )
