"""Names of tests, `test_<subject>_<does what>[_when_<condition>]`, and of classes, which mean one thing each."""

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


#: One idea, seen from several sides: Fivetran's object, what a file declares of it, and the resource of a stack.
SEVERAL_SIDES = {"Connection", "Destination", "Package"}


def test_name_of_a_class_means_one_thing():
    classes: dict[str, list[str]] = {}
    for source in sources("infra/reconciler"):
        for name in re.findall(r"^class ([A-Z]\w*)", source.text, re.MULTILINE):
            classes.setdefault(name, []).append(str(source.path))
    assert {name: files for name, files in classes.items() if len(files) > 1 and name not in SEVERAL_SIDES} == {}
