"""Names of tests, `test_<subject>_<does what>[_when_<condition>]`, and of classes, which mean one thing each."""

from __future__ import annotations

import re

from tests.sources import sources

LONGEST = 80


def names_of_tests() -> list[tuple[str, str]]:
    """Each test, as the path of its file and its name."""
    return [
        (str(source.path), name)
        for folder in ("tests", "clients", "rehearsal")
        for source in sources(folder)
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", source.text, re.MULTILINE)
    ]


def test_names_of_tests_are_short():
    assert [f"{path}: {name}" for path, name in names_of_tests() if len(name) > LONGEST] == []


def test_names_of_tests_begin_with_their_subject():
    assert [f"{path}: {name}" for path, name in names_of_tests() if name.split("_")[1] in ("a", "an", "the")] == []


#: One idea, seen from several sides: Fivetran's object, what a file declares of it, and the resource of a stack.
SEVERAL_SIDES = {"Connection", "Destination", "Package"}


def test_name_of_a_class_means_one_thing():
    classes: dict[str, list[str]] = {}
    for source in sources("infra/reconciler"):
        for name in re.findall(r"^class ([A-Z]\w*)", source.text, re.MULTILINE):
            classes.setdefault(name, []).append(str(source.path))
    assert {name: files for name, files in classes.items() if len(files) > 1 and name not in SEVERAL_SIDES} == {}
