"""The names of tests: `test_<subject>_<does what>[_when_<condition>]`, short enough to be read in a report."""

from __future__ import annotations

import re

from tests.sources import sources

LONGEST = 80


def test_names_of_tests_are_short():
    long = [
        f"{source.path}: {name} has {len(name)} characters"
        for folder in ("tests", "clients", "rehearsal")
        for source in sources(folder)
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", source.text, re.MULTILINE)
        if len(name) > LONGEST
    ]
    assert long == []
